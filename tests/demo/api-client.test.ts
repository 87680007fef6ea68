import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { createClient, RefusedError } from '../../src/demo/api-client.ts';

/** A server that cannot serve the first requests, as one does whose disk does not answer in time. */
let server: Server | null = null;
afterEach(() => server?.close());

async function busyFor(refusals: number): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  server = createServer((request, response) => {
    request.resume();
    asked += 1;
    const busy = asked <= refusals;
    const body = busy ? { title: 'Unavailable', detail: 'not now' } : { data: { id: 'x' } };
    response.writeHead(busy ? 503 : 200, { 'content-type': 'application/json', 'retry-after': '0' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return { url: `http://127.0.0.1:${port}`, asked: () => asked };
}

it('asks again while the server cannot serve', async () => {
  const { url, asked } = await busyFor(4);
  expect(await createClient(url, null).post('/votes', {}, z.object({ id: z.string() }))).toEqual({ id: 'x' });
  expect(asked()).toBe(5);
});

it('says so in the end', async () => {
  const { url, asked } = await busyFor(5);
  const answer = createClient(url, null).get('/votes', z.unknown());
  await expect(answer).rejects.toThrow(RefusedError);
  await expect(answer).rejects.toThrow(/GET \/votes answered 503: not now/);
  expect(asked()).toBe(5);
});
