import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

/** The server as the demo sees it: over HTTP with an API key, like any other client. */

/** How long one request may take, in ms. */
const REQUEST_MS = 30_000;
/** How often a request is sent while the server says that it cannot serve now (503): a slow disk, a busy machine. */
const MAX_TRIES = 5;
/** Longest pause before the next try, in ms, whatever `Retry-After` asks for. */
const MAX_PAUSE_MS = 5_000;

const PROBLEM = z.looseObject({
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.unknown()).optional(),
});

export interface Client {
  /** `data` of the reply, in its shape. @throws Error that names the request and what was wrong. */
  get<T>(path: string, shape: z.ZodType<T>): Promise<T>;
  post<T>(path: string, body: unknown, shape: z.ZodType<T>): Promise<T>;
  /** Sends NDJSON. */
  postLines<T>(path: string, lines: readonly string[], shape: z.ZodType<T>): Promise<T>;
}

/** A request that the server refused; `status` is the HTTP status. */
export class RefusedError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'RefusedError';
    this.status = status;
  }
}

/** A client for one base address; `key` null: without a credential. */
export function createClient(baseUrl: string, key: string | null): Client {
  async function send<T>(
    method: string,
    path: string,
    body: string | null,
    type: string,
    shape: z.ZodType<T>,
  ): Promise<T> {
    const ask = (): Promise<Response> =>
      fetch(`${baseUrl}${path}`, {
        method,
        body,
        signal: AbortSignal.timeout(REQUEST_MS),
        headers: {
          ...(body === null ? {} : { 'content-type': type }),
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        },
      });
    let reply = await ask();
    for (let tries = 1; reply.status === 503 && tries < MAX_TRIES; tries += 1) {
      await pause(pauseMs(reply));
      reply = await ask();
    }
    const text = await reply.text();
    if (!reply.ok)
      throw new RefusedError(reply.status, `${method} ${path} answered ${reply.status}: ${problemText(text)}`);
    const parsed = z.looseObject({ data: shape }).safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data.data;
    throw new Error(`${method} ${path} answered something unexpected: ${z.prettifyError(parsed.error)}`);
  }
  return {
    get: (path, shape) => send('GET', path, null, '', shape),
    post: (path, body, shape) => send('POST', path, JSON.stringify(body), 'application/json', shape),
    postLines: (path, lines, shape) => send('POST', path, `${lines.join('\n')}\n`, 'application/x-ndjson', shape),
  };
}

function pauseMs({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? 1);
  return Math.min(Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : 1_000, MAX_PAUSE_MS);
}

function problemText(text: string): string {
  try {
    const problem = PROBLEM.safeParse(JSON.parse(text));
    if (!problem.success) return text.slice(0, 300);
    const { title, detail, errors } = problem.data;
    return `${detail ?? title}${errors === undefined || errors.length === 0 ? '' : ` ${JSON.stringify(errors)}`}`;
  } catch {
    return text.slice(0, 300);
  }
}

/** A request of the test bench to the sandbox company: people, faults. @throws Error when it is refused. */
export async function postToSandbox(url: string, token: string, path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const reply = await fetch(`${url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  if (!reply.ok) throw new Error(`POST ${path} at the sandbox company answered ${reply.status}: ${await reply.text()}`);
}
