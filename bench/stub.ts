import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { announce, textOf } from './serve.ts';

/**
 * The target of all actions, in a process of its own: speaks as much of the sandbox company's interface as
 * USER_NOTIFICATION and its read-back need, keeps nothing but counts and first times, and answers at once.
 */
let posts = 0;
let reads = 0;
const keys = new Set<string>();
/** When the first POST about each user came, in ns of the clock that all processes of a machine share. */
const firsts = new Map<string, string>();

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stub');
  if (url.pathname === '/counts') return reply(response, { posts, reads, distinctKeys: keys.size });
  if (url.pathname === '/firsts') return reply(response, Object.fromEntries(firsts));
  if (request.method === 'POST') {
    const [, , user = ''] = url.pathname.split('/');
    if (!firsts.has(user)) firsts.set(user, String(process.hrtime.bigint()));
    await textOf(request);
    posts += 1;
    keys.add(String(request.headers['idempotency-key']));
    return reply(response, { messageId: `m${posts}` });
  }
  reads += 1;
  return reply(response, { messages: [{ id: 'm1', reference: url.searchParams.get('reference') }] });
}

function reply(response: ServerResponse, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

announce(server);
