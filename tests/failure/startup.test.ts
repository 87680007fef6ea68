import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fullDisk } from '../support/ill-stores.ts';
import { compiled, run } from '../support/killable.ts';
import { openJournalFile, startHarness } from '../support/server.ts';

/** What somebody reads who starts a server that cannot start: one sentence, exit code 1, and nothing was broken by it. */

let folder: string;
/** A journal that a server wrote and closed. */
let written: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-startup-'));
  written = join(folder, 'written');
  mkdirSync(written);
  const house = await startHarness({ dataDir: written, withoutSandbox: true });
  await house.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serve = (data: string, port = '0') =>
  run('main', ['serve', '--data', data, '--port', port], { LOG_LEVEL: 'silent' });

/** A copy of the written journal, spoiled. */
function spoiled(name: string, spoil: (data: string) => void): string {
  const data = join(folder, name);
  cpSync(written, data, { recursive: true });
  spoil(data);
  return data;
}

/** The files of a data directory, byte for byte; the fence is an empty database that may be there or not. */
function contentOf(data: string): Record<string, string> {
  const names = readdirSync(data, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('writer.lock'))
    .map(({ name }) => name);
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(data, name)).toString('base64')]));
}

async function isRefused(data: string, sentence: RegExp, port?: string): Promise<void> {
  const { code, stdout, stderr } = await serve(data, port);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(sentence);
  // One line that begins with our name: no stack.
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/^firebreak: /);
}

const JOURNAL = 'journal.sqlite';
const DAMAGES: readonly (readonly [name: string, spoil: (data: string) => void, sentence: RegExp])[] = [
  [
    'a file that is no database',
    (data) => writeFileSync(join(data, JOURNAL), 'These are notes, and no journal at all.\n'.repeat(200)),
    /is not a journal; move it away, or use another data directory/,
  ],
  [
    'a journal that was cut off',
    (data) => truncateSync(join(data, JOURNAL), Math.floor(statSync(join(data, JOURNAL)).size / 2 / 4096) * 4096),
    /is damaged or cut off; restore it from a copy/,
  ],
  [
    'a journal that was emptied',
    (data) => truncateSync(join(data, JOURNAL), 0),
    /is empty, but .* shows that it was not/,
  ],
  [
    'a journal of a newer version',
    (data) => {
      const database = openJournalFile(data);
      database.pragma('user_version = 999');
      database.exec(`update meta set value = '999' where key = 'oldest_reader'`);
      database.close();
    },
    /was written by a newer Firebreak \(schema 999/,
  ],
  [
    'its first record, which is no JSON any more',
    (data) => spoilRecord(data, 'min'),
    /Record 1 of the stream config cannot be read: .* firebreak audit verify --data names everything/,
  ],
  [
    'the newest record about the journal, which is no JSON any more',
    (data) => spoilRecord(data, 'max'),
    /Record \d+ of the stream config cannot be read: /,
  ],
  ['half a signing key', (data) => spoilKey(data), /log-key\.pem holds no Ed25519 key; move it away/],
];

function spoilRecord(data: string, which: 'min' | 'max'): void {
  const database = openJournalFile(data);
  database.exec(`drop trigger records_are_immutable;
    update records set bytes = replace(bytes, '"at":', '"at":x')
    where no = (select ${which}(r.no) from records r join streams s on s.no = r.stream where s.name = 'config')`);
  database.close();
}

function spoilKey(data: string): void {
  const file = join(data, 'log-key.pem');
  chmodSync(file, 0o600);
  truncateSync(file, 40);
}

describe.runIf(compiled)('a server that cannot start', () => {
  it.each(DAMAGES)('because of %s says so, and leaves it as it is', async (name, spoil, sentence) => {
    const data = spoiled(name, spoil);
    const before = contentOf(data);
    await isRefused(data, sentence);
    expect(contentOf(data)).toEqual(before);
  });

  it('because its data directory would lie below a file', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await isRefused(join(file, 'data'), /Data directory .*a-file\/data: it is no directory and none can be made there/);
  });

  it('because somebody else owns its data directory', async () => {
    const data = spoiled('not-ours', (each) => {
      chmodSync(each, 0o555);
      for (const name of readdirSync(each)) chmodSync(join(each, name), 0o444);
    });
    chmodSync(folder, 0o755);
    const before = contentOf(data);
    // Nothing is forbidden to the superuser, so that a server is started as nobody.
    const root = process.getuid?.() === 0;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL('../../dist/main.js', import.meta.url)), 'serve', '--data', data, '--port', '0'],
      { env: { LOG_LEVEL: 'silent' }, encoding: 'utf8', ...(root ? { uid: 65_534, gid: 65_534 } : {}) },
    );
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^firebreak: Data directory .*not-ours: it cannot be written; .*\n$/);
    expect(contentOf(data)).toEqual(before);
  });

  it('because its port is taken, and ends', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo; // listening on TCP
    const data = spoiled('port', () => undefined);
    await isRefused(data, /Cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/, String(port));
    other.close();
    expect(existsSync(join(data, `${JOURNAL}-wal`))).toBe(false);
  });

  it('because another server has its data directory', async () => {
    const house = await startHarness({ withoutSandbox: true });
    try {
      await isRefused(house.dataDir, /another Firebreak process writes this data directory/);
      expect((await house.admin.api('GET', '/api/users')).status).toBe(200);
    } finally {
      await house.stop();
    }
  });

  const disk = fullDisk(4);
  if (disk === null) process.stderr.write('SKIPPED: no file system can be mounted here, so none is full at a start\n');
  it.runIf(disk !== null)('because its disk is full, and starts when there is room', async () => {
    if (disk === null) return;
    try {
      await disk.sicken();
      await isRefused(disk.dataDir, /Data directory .*: the disk is full; make room and start again/);
      await disk.cure();
      const house = await startHarness({ dataDir: disk.dataDir, withoutSandbox: true });
      expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
      await house.stop();
    } finally {
      disk.remove();
    }
  });
});
if (!compiled)
  process.stderr.write('SKIPPED: nothing is compiled, so no command was started; npm test compiles first\n');
