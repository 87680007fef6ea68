import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readConfig } from '../platform/config.ts';
import { randomIds } from '../platform/ids.ts';
import { realMachine } from '../platform/machine.ts';
import { openOwnJournal } from './own-journal.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'firebreak-own-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const opened = () => {
  const { config } = readConfig({ DATA_DIR: dataDir }, () => '');
  const options = { acceleratedFrom: null, performs: true, ids: randomIds(), machine: realMachine, storeThread: null };
  return openOwnJournal(config, options);
};

it('begins no other journal where the one that was published is gone, and goes on with it when it is put back', async () => {
  const own = await opened();
  const { id } = own.journal;
  await own.close();
  writeFileSync(join(dataDir, 'checkpoints.txt'), 'a checkpoint of it\n');
  const [file, elsewhere] = ['journal.sqlite', 'moved'].map((name) => join(dataDir, name));
  renameSync(file ?? '', elsewhere ?? '');
  await expect(opened()).rejects.toThrow(/is gone, but .* shows that it was there/);
  expect(readdirSync(dataDir)).not.toContain('journal.sqlite');
  renameSync(elsewhere ?? '', file ?? '');
  const again = await opened();
  expect(again.journal.id).toBe(id);
  await again.close();
});
