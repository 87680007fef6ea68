import { connect } from 'node:net';
import { once } from 'node:events';
import Fastify from 'fastify';
import { afterAll, expect, it } from 'vitest';
import { limitBodyTime } from './body-time.ts';
import type { ApiServer } from './server.ts';

const SOON_MS = 50;
const app = Fastify() as unknown as ApiServer; // the same framework; the schema types are not looked at here
limitBodyTime(app, SOON_MS);
app.post('/', async () => ({}));
afterAll(() => app.close());

it('ends the connection of a body that does not come, and leaves one alone whose body has come', async () => {
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const head = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n';
  const whole = connect(Number(port), '127.0.0.1');
  let closed = false;
  whole.on('close', () => (closed = true));
  whole.write(`${head}{}`);
  const [answer] = await once(whole, 'data');
  expect(String(answer)).toContain('200 OK');
  const slow = connect(Number(port), '127.0.0.1');
  slow.on('error', () => undefined);
  slow.write(`${head}{`);
  await once(slow, 'close');
  expect(closed).toBe(false);
  whole.destroy();
});

it('has nothing to end where a request was injected, and breaks nothing', async () => {
  const reply = await app.inject({ method: 'POST', url: '/none', headers: { 'content-length': '2' } });
  expect(reply.statusCode).toBe(404);
});
