import { Agent, request } from 'node:http';
import { expect, it } from 'vitest';
import { bearer, harness } from './fake-services.ts';

it('a server that closes waits for the replies that are under way, and for no connection that was kept alive for more', async () => {
  let asked: () => void = () => undefined;
  const underWay = new Promise<void>((resolve) => (asked = resolve));
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  const { server, adminKey } = await harness(({ playbooks }) => ({
    playbooks: {
      ...playbooks,
      list: async (...given) => {
        asked();
        await answered;
        return playbooks.list(...given);
      },
    },
  }));
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  const agent = new Agent({ keepAlive: true });
  const reply = new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
    const sent = request(`${url}/api/incident-playbooks`, { agent, headers: bearer(adminKey) }, (received) => {
      received.resume().once('end', () => {
        resolve({ status: received.statusCode, connection: received.headers.connection });
      });
    });
    sent.once('error', reject).end();
  });
  await underWay;
  const closed = server.close();
  while (server.server.listening) await new Promise((resolve) => setImmediate(resolve));
  answer();
  expect(await reply).toEqual({ status: 200, connection: 'close' });
  await closed;
  agent.destroy();
});
