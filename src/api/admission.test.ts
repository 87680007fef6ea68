import { describe, expect, it } from 'vitest';
import { bearer, harness } from './fake-services.ts';

/** A service that answers when it is told to. */
async function slowServer(admission: { requests: number; bytes: number }) {
  const waiting: (() => void)[] = [];
  const made = await harness(
    ({ playbooks }) => ({
      playbooks: {
        ...playbooks,
        create: async (...given) => {
          await new Promise<void>((resolve) => waiting.push(resolve));
          return playbooks.create(...given);
        },
      },
    }),
    { admission },
  );
  const url = await made.server.listen({ port: 0, host: '127.0.0.1' });
  const headers = { ...bearer(made.adminKey), 'content-type': 'application/json' };
  const post = (text = '') =>
    fetch(`${url}/api/incident-playbooks`, { method: 'POST', headers, body: JSON.stringify({ name: text }) });
  const underWay = async (count: number): Promise<void> => {
    while (waiting.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const answer = (): void => {
    for (const go of waiting.splice(0)) go();
  };
  /** Reads the reply to its end, so that its connection is free again. */
  const statusOf = async (path: string): Promise<number> => {
    const reply = await fetch(`${url}${path}`);
    await reply.text();
    return reply.status;
  };
  return { ...made, url, statusOf, post, headers, underWay, answer };
}

describe('more requests than may be under way', () => {
  it('are refused before anything of them is read, while health is still told; who leaves makes room', async () => {
    const { server, url, statusOf, post, underWay, answer, calls } = await slowServer({
      requests: 3,
      bytes: 1_000_000,
    });
    const let_in = [post(), post(), post()];
    await underWay(3);
    const refused = await Promise.all([post(), post(), fetch(`${url}/errors`)]);
    for (const reply of refused) {
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await reply.json()).toMatchObject({ code: 'overloaded' });
    }
    expect(await statusOf('/healthz')).toBe(200);
    expect(await statusOf('/readyz')).toBe(200);
    expect(calls.length).toBe(0);
    answer();
    expect((await Promise.all(let_in)).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await statusOf('/errors')).toBe(200);
    await server.close();
  });

  it('are counted in bytes too, whatever they are', async () => {
    const { server, post, underWay, answer } = await slowServer({ requests: 100, bytes: 10_000 });
    const large = post('x'.repeat(6_000));
    await underWay(1);
    expect((await post('x'.repeat(6_000))).status).toBe(503);
    const small = post('small');
    await underWay(2);
    answer();
    expect([(await large).status, (await small).status]).toEqual([201, 201]);
    const again = post('x'.repeat(6_000));
    await underWay(1);
    answer();
    expect((await again).status).toBe(201);
    await server.close();
  });

  it('leave no trace when their callers hang up', async () => {
    const { server, url, statusOf, headers, underWay, answer } = await slowServer({ requests: 2, bytes: 1_000_000 });
    const hangUp = new AbortController();
    const body = JSON.stringify({ name: 'gone' });
    const path = `${url}/api/incident-playbooks`;
    const gone = [1, 2].map(() => fetch(path, { method: 'POST', headers, body, signal: hangUp.signal }));
    await underWay(2);
    expect(await statusOf('/errors')).toBe(503);
    hangUp.abort();
    await Promise.allSettled(gone);
    let status = 503;
    while (status === 503) status = await statusOf('/errors');
    expect(status).toBe(200);
    answer();
    server.server.closeAllConnections();
    await server.close();
  });
});
