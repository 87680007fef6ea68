import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append, journalConformance, type Place } from '../../../tests/support/journal-conformance.ts';
import { retentionConformance } from '../../../tests/support/retention-conformance.ts';
import { StoreUnavailableError } from '../journal.ts';
import { openSqliteJournal } from './sqlite-journal.ts';
import { startStoreThread } from './start-store-thread.ts';
import { identify } from './own-files.ts';
import { loadDriver } from './open.ts';

/** Runs the source uncompiled, in a thread that vitest knows nothing of. */
const UNCOMPILED = new URL('../../../tests/support/store-thread.js', import.meta.url);
const birth = { id: 'jrn_test', at: 1_767_225_600_000, accelerated: false };
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-'));
  file = join(folder, 'journal.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const threadPlace = (): Place => {
  const place = mkdtempSync(join(tmpdir(), 'firebreak-journal-'));
  return {
    open: async () => openSqliteJournal({ file: join(place, 'journal.sqlite'), birth, storeThread: UNCOMPILED }),
    remove: async () => rmSync(place, { recursive: true, force: true }),
  };
};
journalConformance('SQLite with a thread that writes', threadPlace);
retentionConformance('SQLite with a thread that writes', threadPlace);

describe('a thread that writes the journal', () => {
  it('hands errors on as what they are, and goes on after them', async () => {
    const journal = openSqliteJournal({ file, birth, storeThread: UNCOMPILED });
    await journal.commit([append('s', 0, birth.at)]);
    const other = new (loadDriver())(file);
    other.exec('begin immediate');
    const refused = journal.commit([append('s', 1, birth.at)]);
    await expect(refused).rejects.toThrow(StoreUnavailableError);
    await expect(refused).rejects.toMatchObject({ unknown: false });
    other.exec('rollback');
    other.close();
    await expect(journal.log.place(0, [{ position: 0, stream: 'none', seq: 1, leafHash: '00' }])).rejects.toThrow(
      'no record none 1 to place',
    );
    expect(await journal.commit([append('s', 1, birth.at)])).toMatchObject([{ status: 'applied' }]);
    await journal.close();
  });

  it('writes nothing to a file that was put in the place of its own', async () => {
    const journal = openSqliteJournal({ file, birth, storeThread: UNCOMPILED });
    await journal.commit([append('s', 0, birth.at)]);
    renameSync(file, `${file}.moved`);
    await expect(journal.commit([append('s', 1, birth.at)])).rejects.toThrow('was moved, removed or replaced');
    renameSync(`${file}.moved`, file);
    expect(await journal.commit([append('s', 1, birth.at)])).toMatchObject([{ status: 'applied' }]);
    await journal.close();
  });

  it('fails what it was asked for as unknown when it dies, and the next call starts another one', async () => {
    await openSqliteJournal({ file, birth }).close();
    // A program that is not there dies before it answers.
    const program = join(folder, 'thread.js');
    const store = startStoreThread({ file, identities: identify(file) }, pathToFileURL(program));
    const lost = store.addCheckpoint({ size: 1, at: 1, note: 'n' });
    await expect(lost).rejects.toThrow('the thread that writes it is gone');
    await expect(lost).rejects.toMatchObject({ unknown: true });
    writeFileSync(program, `import(${JSON.stringify(UNCOMPILED.href)});`);
    expect(await store.addCheckpoint({ size: 1, at: 1, note: 'n' })).toBe(true);
    await store.close();
  });

  it('can be closed twice, and before it was asked for anything; nothing is written after that', async () => {
    await openSqliteJournal({ file, birth }).close();
    const unused = startStoreThread({ file, identities: identify(file) }, UNCOMPILED);
    await unused.close();
    const store = startStoreThread({ file, identities: identify(file) }, UNCOMPILED);
    await store.addCheckpoint({ size: 1, at: 1, note: 'n' });
    await store.close();
    await store.close();
    for (const closed of [unused, store]) {
      const late = closed.addCheckpoint({ size: 2, at: 1, note: 'n' });
      await expect(late).rejects.toMatchObject({ message: 'the journal is closed', unknown: false });
    }
  });
});
