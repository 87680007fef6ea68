import type { Readable } from 'node:stream';
import { request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { ERRORS, FirebreakError, messageOf, type ErrorCode } from '../platform/errors.ts';
import type { Io } from './io.ts';

/** Requests whose body or answer may have any size, or whose answer may take as long as reading 100 GB does. */
export interface StreamedRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Of the body; null: it has none. */
  readonly type: string | null;
  readonly body: string | Readable | null;
  /** Of the body, in bytes; null: nobody knows, or it is a text. */
  readonly length: number | null;
}

/** Longest time in which nothing at all comes of an answer that has begun, in ms. */
const SILENCE_MS = 120_000;

const PROBLEM = z.looseObject({
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).default([]),
});

/**
 * Asks a running server with the key in FIREBREAK_API_KEY, and answers with the bytes as they come.
 * @throws FirebreakError the server's own refusal; `store_unavailable` where the connection broke off
 */
export async function openStream(
  url: string,
  { env }: Pick<Io, 'env'>,
  { method, path, type, body, length }: StreamedRequest,
): Promise<Dispatcher.ResponseData['body']> {
  const key = env['FIREBREAK_API_KEY'];
  if (key === undefined || key === '')
    throw new FirebreakError('unauthenticated', 'Set FIREBREAK_API_KEY to an API key of the server');
  const reply = await sent(new URL(path, url), {
    method,
    body,
    headers: {
      authorization: `Bearer ${key}`,
      ...(type === null ? {} : { 'content-type': type }),
      ...(length === null ? {} : { 'content-length': String(length) }),
    },
    // The server answers when it has read, hashed and synced everything.
    headersTimeout: 0,
    bodyTimeout: SILENCE_MS,
  });
  if (reply.statusCode < 300) return reply.body;
  throw refusalOf(reply.statusCode, await reply.body.json().catch(() => null));
}

async function sent(url: URL, options: Parameters<typeof request>[1]): Promise<Dispatcher.ResponseData<unknown>> {
  try {
    return await request(url, options);
  } catch (thrown) {
    throw brokenOff(thrown);
  }
}

export function brokenOff(thrown: unknown): FirebreakError {
  if (thrown instanceof FirebreakError) return thrown;
  return new FirebreakError('store_unavailable', `The transmission broke off: ${messageOf(thrown)}`, [], {
    cause: thrown,
  });
}

function refusalOf(status: number, answer: unknown): FirebreakError {
  const parsed = PROBLEM.safeParse(answer);
  if (!parsed.success) return new FirebreakError('internal', `the server answered ${status}`);
  const { code, detail, errors } = parsed.data;
  // safe: the keys of ERRORS are its codes
  const known = (Object.keys(ERRORS) as ErrorCode[]).find((each) => each === code) ?? 'internal';
  return new FirebreakError(known, detail, errors);
}
