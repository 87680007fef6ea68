import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestCommand } from '../../src/cli/ingest.ts';
import { startHarness, testIo, type Harness } from '../support/server.ts';

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-commands-'));
let house: Harness;
beforeAll(async () => {
  house = await startHarness({ withoutSandbox: true });
});
afterAll(async () => {
  await house.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe('serve', () => {
  it('ends with a sentence when the port is taken, and lets go of its journal', async () => {
    const { port } = new URL(house.url);
    const started = startHarness({ withoutSandbox: true, env: { PORT: port } });
    await expect(started).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(`:${port}`) });
  });

  it('goes on after a stop in the middle of everything that was stored', async () => {
    const before = house.counts();
    await house.restart();
    expect(house.counts()).toEqual(before);
    expect((await house.admin.api('GET', '/api/users')).body.total).toBe(1);
  });
});

describe('ingest', () => {
  const event = (id: string, more: object = {}) =>
    JSON.stringify({ id, kind: 'login', subject: 'heidi', time: new Date().toISOString(), ...more });
  const ingest = async (name: string, text: string) => {
    const file = join(scratch, name);
    writeFileSync(file, text);
    const io = testIo({ FIREBREAK_API_KEY: house.admin.key });
    const code = await ingestCommand({ file, url: house.url, json: true, source: 'test:file' }, io);
    const [last = '{}'] = io.said().trim().split('\n').slice(-1);
    return [code, JSON.parse(last)];
  };

  it('sends a file and says what became of it; a second time everything is known', async () => {
    const text = `${event('a')}\n${event('b')}\n`;
    expect(await ingest('good.ndjson', text)).toEqual([0, { accepted: 2, duplicate: 0, rejected: 0 }]);
    expect(await ingest('good.ndjson', text)).toEqual([0, { accepted: 0, duplicate: 2, rejected: 0 }]);
  });

  it('loses nothing behind a part that cannot be read', async () => {
    // One line above a request's limit makes a request of its own.
    const huge = event('huge', { note: 'x'.repeat(17 * 1024 * 1024) });
    const text = `${event('c')}\n${huge}\n${event('d')}\nbroken\n`;
    expect(await ingest('huge.ndjson', text)).toEqual([1, { accepted: 2, duplicate: 0, rejected: 2 }]);
  });
});
