import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool } from 'undici';
import { z } from 'zod';
import { rowsInDatabase, rowsInFile, type KeepRow } from './kept-rows.ts';
import { announce, textOf } from './serve.ts';

/**
 * The references *none* and *bare*: a plain handler that makes the same HTTP calls as an execution of the bench's
 * playbook and nothing else. *bare* also keeps one small row for each step, committed in groups and on disk before
 * the next step begins. Usage: `reference-handler.ts STUB_URL [FILE | postgres://...]`; with a place for rows it is *bare*.
 */
const [stubUrl = '', place] = process.argv.slice(2);
const pool = new Pool(stubUrl, { connections: 64, pipelining: 1 });
const keep = await keeperOf(place);
const ORDER = z.looseObject({ userId: z.string() });
let number = 0;

const server = createServer((request, response) => void handle(request, response));

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { userId } = ORDER.parse(JSON.parse(await textOf(request)));
  number += 1;
  const id = `exe_${number}`;
  await keep(id, 0);
  await Promise.all([act(id, userId, 1), act(id, userId, 2)]);
  await act(id, userId, 3);
  await act(id, userId, 4);
  const text = JSON.stringify({ success: true, data: { id } });
  response.writeHead(201, { 'content-type': 'application/json' }).end(text);
}

/** One action as the product does it: the call under a key, then the read-back. */
async function act(id: string, userId: string, step: number): Promise<void> {
  const path = `/users/${encodeURIComponent(userId)}/notifications`;
  const key = `${id}-${step}-0123456789abcdef0123456789abcdef`;
  const body = JSON.stringify({ title: 'Unusual activity', text: `Step ${step}`, sendEmail: true });
  const headers = { authorization: 'Bearer bench-token-bench-token', 'content-type': 'application/json' };
  await call('POST', path, { ...headers, 'idempotency-key': key }, body);
  await call('GET', `${path}?reference=${key}`, headers, null);
  await keep(id, step);
}

/** One exchange over undici's callbacks, its cheapest interface; the reply is parsed. */
function call(method: 'GET' | 'POST', path: string, headers: Record<string, string>, body: string | null) {
  return new Promise<unknown>((resolve, reject) => {
    const chunks: Buffer[] = [];
    pool.dispatch(
      { method, path, headers, body },
      {
        onRequestStart: () => undefined,
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd: () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8'))),
        onResponseError: (_controller, error) => reject(error),
      },
    );
  });
}

async function keeperOf(where: string | undefined): Promise<KeepRow> {
  if (where === undefined) return async () => undefined;
  return where.startsWith('postgres://') ? rowsInDatabase(where) : rowsInFile(where);
}

announce(server);
