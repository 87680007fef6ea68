import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append, rows } from '../../../tests/support/journal-conformance.ts';
import type { Change, Journal } from '../journal.ts';
import { identify } from './own-files.ts';
import { loadDriver, openToRead } from './open.ts';
import { openSqliteJournal } from './sqlite-journal.ts';
import { MAX_WAITING_READS, startReadThread } from './start-read-thread.ts';

/* That it reads what it should is part of the journal's conformance, which store-thread.test.ts runs with threads. */

const UNCOMPILED = new URL('../../../tests/support/store-thread.js', import.meta.url);
const HELD = new URL('../../../tests/support/held-reads-thread.js', import.meta.url);
const birth = { id: 'jrn_test', at: 1_767_225_600_000, accelerated: false };
const ALL = { kind: 'finding', limit: 10, skip: 0 } as const;
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-'));
  file = join(folder, 'journal.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function finding(id: string): Change {
  return rows({ views: [{ kind: 'finding', id, expectedVersion: 0, at: 1, body: id }] });
}

interface Held {
  readonly journal: Journal;
  /** Resolves when the thread stands inside of a read. */
  held(): Promise<void>;
  goOn(): void;
  end(): void;
  close(): Promise<void>;
}

/** A journal each of whose long lists is held inside of its read. */
function heldJournal(): Held {
  const channel = new BroadcastChannel(`reads of ${file}`);
  let stands = 0;
  let seen = 0;
  let arrived = (): void => undefined;
  channel.onmessage = () => {
    stands += 1;
    arrived();
  };
  const journal = openSqliteJournal({ file, birth, storeThread: HELD });
  return {
    journal,
    async held() {
      if (stands === seen) await new Promise<void>((resolve) => (arrived = resolve));
      seen += 1;
    },
    goOn: () => channel.postMessage('go on'),
    end: () => channel.postMessage('end'),
    async close() {
      await journal.close();
      channel.close();
    },
  };
}

describe('a thread that reads the journal', () => {
  it('stands in nobody’s way: what is asked meanwhile is committed and read', async () => {
    const { journal, held, goOn, close } = heldJournal();
    const list = journal.longReads.listViews(ALL);
    await held();
    // None of this could come to an end if it waited for the read.
    expect(await journal.commit([append('s', 0, birth.at), finding('a')])).toMatchObject([
      { status: 'applied' },
      { status: 'applied' },
    ]);
    expect(await journal.readStream('s')).toHaveLength(1);
    expect(await journal.view('finding', 'a')).toMatchObject({ body: 'a' });
    expect(await journal.listViews(ALL)).toMatchObject({ total: 1 });
    goOn();
    expect(await list).toMatchObject({ total: 1, items: [{ id: 'a' }] });
    await close();
  });

  it('takes so many and no more, and takes others again when those are answered', async () => {
    const { journal, held, goOn, close } = heldJournal();
    const first = journal.longReads.listViews(ALL);
    await held();
    const others = Array.from({ length: MAX_WAITING_READS - 1 }, () => journal.longReads.leafHashes(0, 1));
    const refused = journal.longReads.listViews(ALL);
    await expect(refused).rejects.toMatchObject({ name: 'StoreUnavailableError', unknown: false });
    await expect(refused).rejects.toThrow('too many long reads');
    // What is decided from does not queue there.
    expect(await journal.listViews(ALL)).toMatchObject({ total: 0 });
    goOn();
    expect(await Promise.all([first, ...others])).toHaveLength(MAX_WAITING_READS);
    expect(await journal.longReads.leafHashes(0, 1)).toEqual([]);
    await close();
  });

  it('fails what it was asked for when it dies, as not done, and the next call starts another one', async () => {
    const { journal, held, goOn, end, close } = heldJournal();
    const asked = [journal.longReads.listViews(ALL), journal.longReads.leafHashes(0, 1)];
    const fate = Promise.allSettled(asked);
    await held();
    end();
    const gone = {
      name: 'StoreUnavailableError',
      message: 'the journal: the thread that reads it is gone',
      unknown: false,
    };
    expect(await fate).toMatchObject(asked.map(() => ({ status: 'rejected', reason: gone })));
    expect(await journal.commit([finding('a')])).toMatchObject([{ status: 'applied' }]);
    const list = journal.longReads.listViews(ALL);
    await held();
    goOn();
    expect(await list).toMatchObject({ total: 1 });
    await close();
  });

  it('that cannot start fails in the same way', async () => {
    await openSqliteJournal({ file, birth }).close();
    const program = join(folder, 'thread.js');
    const { longReads, close } = startReadThread({ file, identities: identify(file) }, pathToFileURL(program));
    await expect(longReads.listViews(ALL)).rejects.toThrow('the thread that reads it is gone');
    writeFileSync(program, `import(${JSON.stringify(UNCOMPILED.href)});`);
    expect(await longReads.listViews(ALL)).toEqual({ items: [], total: 0 });
    await close();
  });

  it('answers what it was asked before it is closed, and nothing after', async () => {
    const { journal, held, goOn, close } = heldJournal();
    await journal.commit([finding('a')]);
    const ends: string[] = [];
    const list = journal.longReads.listViews(ALL).finally(() => ends.push('read'));
    await held();
    const closed = close().finally(() => ends.push('closed'));
    await expect(journal.longReads.leafHashes(0, 1)).rejects.toThrow('the journal is closed');
    expect(ends).toEqual([]);
    goOn();
    expect(await list).toMatchObject({ total: 1 });
    await closed;
    expect(ends).toEqual(['read', 'closed']);
  });

  it('leaves no transaction open, and nothing beside the file when all is closed', async () => {
    const journal = openSqliteJournal({ file, birth, storeThread: UNCOMPILED });
    await journal.commit([finding('a')]);
    expect(await journal.longReads.listViews(ALL)).toMatchObject({ total: 1 });
    await journal.commit([finding('b')]);
    const other = new (loadDriver())(file);
    // Not busy: nobody is in the way of starting the write-ahead log over.
    expect(other.pragma('wal_checkpoint(restart)')).toMatchObject([{ busy: 0 }]);
    other.close();
    await journal.close();
    expect(readdirSync(folder)).toEqual(['journal.sqlite']);
  });

  it('cannot write, and reads nothing of a file that was put in the place of its own', async () => {
    const journal = openSqliteJournal({ file, birth, storeThread: UNCOMPILED });
    await journal.commit([finding('a')]);
    const connection = openToRead(file);
    expect(() => connection.exec('delete from views')).toThrow('readonly');
    connection.close();
    const other = join(folder, 'other.sqlite');
    await openSqliteJournal({ file: other, birth: { ...birth, id: 'jrn_other' } }).close();
    renameSync(file, `${file}.moved`);
    renameSync(other, file);
    await expect(journal.longReads.listViews(ALL)).rejects.toThrow('was moved, removed or replaced');
    renameSync(`${file}.moved`, file);
    expect(await journal.longReads.listViews(ALL)).toMatchObject({ total: 1 });
    await journal.close();
  });
});
