import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/platform/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { startServer, type RunningServer } from '../../src/server.ts';
import { sharedCluster } from '../support/postgres.ts';
import { apiAt, ownKey } from '../support/server.ts';

/** A database that was restored, under two servers that share it: both wait, and a word to either of them counts. */

const shared = sharedCluster();
const folder = mkdtempSync(join(tmpdir(), 'firebreak-set-back-'));
afterAll(async () => {
  await shared.remove();
  rmSync(folder, { recursive: true, force: true });
});

function start(url: string): Promise<RunningServer> {
  const env = { DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent', DATABASE_URL: url };
  const { config } = readConfig(env, () => '');
  const log = createLog({ level: 'silent', destination: { write: () => undefined } });
  return startServer(config, { version: 'test', log, sandbox: null, acceleratedFrom: null });
}

describe.skipIf(shared.skip !== null)('a database that was set back', () => {
  it('is noticed by all who know what was published, and confirmed once for all of them', async () => {
    const cluster = await shared.cluster();
    const url = await cluster.database();
    const name = new URL(url).pathname.slice(1);
    const restored = new URL(url);
    restored.pathname = `/${name}_restored`;

    const first = await start(url);
    const api = (server: RunningServer, key: string | null) => apiAt(() => server.url, key);
    const user = { name: 'Ada', email: 'ada@soc.example' };
    const made = await api(first, null)('POST', '/api/setup', { token: first.setupToken, user });
    const ada: string = made.body.data.key.secret;
    const grace = { name: 'Grace', email: 'grace@soc.example', roles: ['CISO'] };
    const { body } = await api(first, ada)('POST', '/api/users', grace);
    const graces = await ownKey({ admin: api(first, ada), anonymous: api(first, null) }, body.data.id);
    await first.stop();
    await cluster.query(`create database ${name}_restored template ${name}`);
    const second = await start(url);
    expect((await api(second, ada)('POST', '/api/keys', { name: 'lost' })).status).toBe(201);
    await second.stop();

    const both = [await start(restored.href), await start(restored.href)] as const;
    for (const server of both) {
      const { data } = (await api(server, ada)('GET', '/api/journal')).body;
      expect(data).toMatchObject({ state: 'RECOVERED', recovery: { lost: [{ anchor: 'checkpoints.txt' }] } });
    }
    const say = (server: RunningServer, key: string) =>
      api(server, key)('POST', '/api/journal/recovery/confirm', { reason: 'the disk died' });
    expect((await say(both[0], ada)).body.data.state).toBe('RECOVERED');
    expect((await say(both[1], graces)).body.data.state).toBe('RESTARTING');
    await Promise.all(both.map((server) => server.confirmed));
    await Promise.all(both.map((server) => server.stop()));

    const again = await start(restored.href);
    expect((await api(again, ada)('GET', '/api/journal')).body.data).toMatchObject({ generation: 2, state: 'IN_USE' });
    await again.stop();
  });
});
