import { z } from 'zod';
import { ERRORS, FirebreakError, type ErrorCode } from '../platform/errors.ts';
import type { Io } from './io.ts';

/** Calls of a running server with the key in FIREBREAK_API_KEY. */
export interface ApiClient {
  /** @throws FirebreakError with the server's own code and sentence when the answer is a problem. */
  call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: RequestBody): Promise<ApiAnswer>;
  /** What is no JSON: a file that the server makes. @throws as `call` */
  text(path: string): Promise<string>;
}

export interface RequestBody {
  readonly type: string;
  readonly bytes: string | Uint8Array<ArrayBuffer>;
  /** The version that it replaces, as an entity tag. */
  readonly ifMatch?: string;
}

/** A JSON value as the body of a request. */
export function jsonBody(value: unknown): RequestBody {
  return { type: 'application/json', bytes: JSON.stringify(value) };
}

export interface ApiAnswer {
  readonly status: number;
  /** Of one thing; empty for a list. */
  readonly data: { readonly [key: string]: unknown };
  /** Of a list; empty for one thing. */
  readonly items: readonly { readonly [key: string]: unknown }[];
  readonly total: number;
  readonly warnings: readonly string[];
}

/** How long one call may take, in ms: a full batch of events is taken in well below this. */
const CALL_TIMEOUT_MS = 120_000;

const ANSWER = z.looseObject({
  data: z
    .record(z.string(), z.unknown())
    .or(z.array(z.record(z.string(), z.unknown())))
    .default({}),
  total: z.int().default(0),
  warnings: z.array(z.string()).default([]),
  code: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).default([]),
});

export function apiClient(url: string, { env }: Io): ApiClient {
  const key = env['FIREBREAK_API_KEY'];
  if (key === undefined || key === '')
    throw new FirebreakError('unauthenticated', 'Set FIREBREAK_API_KEY to an API key of the server');
  return {
    async call(method, path, body) {
      const headers = { authorization: `Bearer ${key}`, ...headersOf(body) };
      const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
      const reply = await fetch(new URL(path, url), {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body: body.bytes }),
      });
      const answer = ANSWER.parse(await reply.json());
      if (!reply.ok) throw refusal(reply, answer);
      const { total, warnings } = answer;
      const shown = Array.isArray(answer.data) ? { data: {}, items: answer.data } : { data: answer.data, items: [] };
      return { status: reply.status, ...shown, total, warnings };
    },
    async text(path) {
      const signal = AbortSignal.timeout(CALL_TIMEOUT_MS);
      const reply = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${key}` }, signal });
      if (!reply.ok) throw refusal(reply, ANSWER.parse(await reply.json()));
      return reply.text();
    },
  };
}

/** The server's own sentence. */
function refusal({ status }: Response, { code, detail, errors }: z.infer<typeof ANSWER>): FirebreakError {
  return new FirebreakError(codeOf(code), detail ?? `the server answered ${status}`, errors);
}

function headersOf(body: RequestBody | undefined): Record<string, string> {
  if (body === undefined) return {};
  const { type, ifMatch } = body;
  return { 'content-type': type, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) };
}

/** The server's code; what this program does not know (a newer server, a proxy) counts as a failure of the server. */
function codeOf(code: string | undefined): ErrorCode {
  // safe: the keys of ERRORS are its codes
  return (Object.keys(ERRORS) as ErrorCode[]).find((known) => known === code) ?? 'internal';
}
