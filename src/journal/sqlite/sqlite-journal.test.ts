import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append, journalConformance, type Place } from '../../../tests/support/journal-conformance.ts';
import { membershipConformance } from '../../../tests/support/membership-conformance.ts';
import { retentionConformance } from '../../../tests/support/retention-conformance.ts';
import { StoreUnavailableError } from '../journal.ts';
import { migrate } from './open.ts';
import { MIGRATIONS, type Migration } from './schema.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const birth = { id: 'jrn_test', at: Date.UTC(2026, 10, 21), accelerated: true };

const sqlitePlace = (): Place => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-journal-'));
  return {
    open: async () => openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
};
journalConformance('SQLite', sqlitePlace);
membershipConformance('SQLite', sqlitePlace);
retentionConformance('SQLite', sqlitePlace);

describe('the SQLite file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'firebreak-journal-'));
    file = join(folder, 'journal.sqlite');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The file as somebody at the machine could open it. */
  function database(): Database {
    // The driver is CommonJS, and its types do not say that `require` gives the constructor.
    const Driver = createRequire(import.meta.url)('better-sqlite3') as new (name: string) => Database;
    return new Driver(file);
  }

  it('refuses to change or remove a record, even to who writes SQL', async () => {
    const journal = openSqliteJournal({ file, birth });
    await journal.commit([append('s', 0, birth.at)]);
    await journal.close();
    const open = database();
    expect(() => open.exec(`update records set bytes = ''`)).toThrow('records are immutable');
    expect(() => open.exec('delete from records')).toThrow('records are kept');
    open.close();
  });

  it('takes a commit to the disk before it says that it is done', async () => {
    const journal = openSqliteJournal({ file, birth });
    await journal.commit([append('s', 0, birth.at)]);
    const open = database();
    expect(open.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(open.prepare(`select count(*) as n from records`).get()).toEqual({ n: 2 });
    open.close();
    await journal.close();
  });

  it('of a newer Firebreak is used as long as nothing that this one needs was taken away', async () => {
    await openSqliteJournal({ file, birth }).close();
    const open = database();
    // What a next release could bring, and what the release after it could take away.
    const expand: Migration = { oldestReader: MIGRATIONS.length, sql: 'alter table views add column note text' };
    const contract: Migration = { oldestReader: MIGRATIONS.length + 1, sql: 'alter table views drop column note' };
    migrate(open, [...MIGRATIONS, expand]);
    const journal = openSqliteJournal({ file, birth });
    await journal.commit([{ appends: [], views: [{ kind: 'finding', id: 'v', expectedVersion: 0, at: 1, body: 1 }] }]);
    expect((await journal.view('finding', 'v'))?.body).toBe(1);
    await journal.close();
    migrate(open, [...MIGRATIONS, expand, contract]);
    open.close();
    expect(() => openSqliteJournal({ file, birth })).toThrow('written by a newer Firebreak (schema 4, readable from 3');
  });

  it('of a newer Firebreak that does not say who may use it is refused', async () => {
    await openSqliteJournal({ file, birth }).close();
    const open = database();
    open.exec(`delete from meta where key = 'oldest_reader'`);
    open.pragma('user_version = 999');
    open.close();
    expect(() => openSqliteJournal({ file, birth })).toThrow('written by a newer Firebreak');
  });

  it('keeps the id of its birth whatever the next start would have called it', async () => {
    await openSqliteJournal({ file, birth }).close();
    const journal = openSqliteJournal({ file, birth: { id: 'jrn_other', at: 1, accelerated: false } });
    expect(journal).toMatchObject({ id: 'jrn_test', createdAt: birth.at, accelerated: true });
    await journal.close();
  });

  it('that another process is writing is unavailable for now, not broken', { timeout: 20_000 }, async () => {
    const journal = openSqliteJournal({ file, birth });
    const open = database();
    open.exec('begin immediate');
    const refused = journal.commit([append('s', 0, birth.at)]);
    await expect(refused).rejects.toThrow(StoreUnavailableError);
    await expect(refused).rejects.toMatchObject({ unknown: false });
    open.exec('rollback');
    open.close();
    expect(await journal.commit([append('s', 0, birth.at)])).toMatchObject([{ status: 'applied' }]);
    await journal.close();
  });
});
