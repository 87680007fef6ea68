import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** How long one request may take, in ms: a stopped process answers nobody. */
const REQUEST_MS = 4_000;

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

/** Clients of the servers: connections are kept alive, and a request that was not answered is made again. */
export interface Api {
  /** One request to one of the servers. @throws when there is no whole reply. */
  ask(method: 'GET' | 'POST' | 'PUT', path: string, key: string, sent?: Sent): Promise<Reply>;
  /**
   * Makes the same request under the same idempotency key until it is answered with a word that counts: anything but 5xx,
   * 429, and 409 while the first one is said to be at work. Null when that has not come until `closing`.
   */
  insist(path: string, key: string, idempotencyKey: string, sent: Sent): Promise<Reply | null>;
  close(): Promise<void>;
}

export interface Sent {
  readonly body: string;
  readonly idempotencyKey?: string;
  readonly type?: string;
}

/** @param urls addresses that may be asked now; one is taken after the other. */
export function openApi(urls: () => readonly string[], closing: AbortSignal): Api {
  const agent = new Agent({ connections: 16, keepAliveTimeout: 30_000 });
  let turn = 0;
  async function ask(method: 'GET' | 'POST' | 'PUT', path: string, key: string, sent?: Sent) {
    const known = urls();
    turn += 1;
    const reply = await request(`${known[turn % known.length] ?? ''}${path}`, {
      method,
      headers: {
        ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
        ...(sent === undefined ? {} : { 'content-type': sent.type ?? 'application/json' }),
        ...(sent?.idempotencyKey === undefined ? {} : { 'idempotency-key': sent.idempotencyKey }),
      },
      dispatcher: agent,
      signal: AbortSignal.timeout(REQUEST_MS),
      ...(sent === undefined ? {} : { body: sent.body }),
    });
    const body: unknown = await reply.body.json();
    return { status: reply.statusCode, body };
  }
  return {
    ask,
    async insist(path, key, idempotencyKey, sent) {
      let waitMs = 50;
      while (!closing.aborted) {
        const reply = await ask('POST', path, key, { ...sent, idempotencyKey }).catch(() => null);
        if (reply !== null && !isPassing(reply)) return reply;
        await pause(waitMs);
        waitMs = Math.min(waitMs * 2, 1_000);
      }
      return null;
    },
    close: () => agent.destroy(),
  };
}

function isPassing({ status, body }: Reply): boolean {
  return status >= 500 || status === 429 || (status === 409 && JSON.stringify(body).includes('at work'));
}
