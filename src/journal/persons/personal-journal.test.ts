import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT, journalConformance, type Place } from '../../../tests/support/journal-conformance.ts';
import { postgresPlace } from '../../../tests/support/postgres-place.ts';
import { sharedCluster } from '../../../tests/support/postgres.ts';
import type { PersonKeys } from '../../pipeline/persons/person-keys.ts';
import { ERASED, TAKEN } from '../../pipeline/persons/personal-texts.ts';
import type { Json } from '../../platform/canonical-json.ts';
import { StoreUnavailableError, type Change, type Journal } from '../journal.ts';
import { openPostgresPersonKeys } from '../postgres/person-keys.ts';
import { openSqliteJournal } from '../sqlite/sqlite-journal.ts';
import { openKeysFile, openSqlitePersonKeys } from '../sqlite/person-keys.ts';
import { personalJournal, type PersonalJournal } from './personal-journal.ts';
import { PERSON_MEMORY_MS } from './remembered-persons.ts';

const BIRTH = { id: 'jrn_test', at: Date.UTC(2026, 10, 21), accelerated: true };
const ALICE = 'alice@example.com';
const random = (bytes: number): Uint8Array => randomBytes(bytes);
const options = { encrypts: true, monotonic: () => performance.now() };

const shared = sharedCluster();
afterAll(() => shared.remove());

interface KeptApart {
  /** The journal as it is stored. */
  raw(): Promise<Journal>;
  keys(journalId?: string): Promise<PersonKeys>;
  remove(): Promise<void>;
}

function onSqlite(): KeptApart {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-persons-'));
  return {
    raw: async () => openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth: BIRTH }),
    keys: async (journalId = 'jrn_test') =>
      openSqlitePersonKeys({ file: join(folder, 'keys.sqlite'), journalId, random }),
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function onPostgres(): KeptApart {
  const place = postgresPlace(shared);
  const url = shared.cluster().then((cluster) => cluster.database());
  return {
    raw: () => place.open(),
    keys: async (journalId = 'jrn_test') => openPostgresPersonKeys({ url: await url, journalId, random }),
    async remove() {
      await (await shared.cluster()).recycle(await url);
      await place.remove();
    },
  };
}

function placeOf(kept: KeptApart): Place {
  return { open: async () => personalJournal(await kept.raw(), await kept.keys(), options), remove: kept.remove };
}

journalConformance('SQLite with keys of persons', () => placeOf(onSqlite()));

describe('personal texts on SQLite', () => {
  personalTexts(onSqlite);
});
describe.skipIf(shared.skip !== null)('personal texts on PostgreSQL', () => {
  personalTexts(onPostgres);
});

function personalTexts(make: () => KeptApart): void {
  let kept: KeptApart;
  let journal: PersonalJournal;
  const open = async (more: Partial<typeof options> = {}) =>
    personalJournal(await kept.raw(), await kept.keys(), { ...options, ...more });
  beforeEach(async () => {
    kept = make();
    journal = await open();
  });
  afterEach(async () => {
    await journal.close();
    await kept.remove();
  });

  const stored = async (): Promise<string> => {
    const rows = await Promise.all((await journal.streams()).map((stream) => journal.log.recordRows(stream)));
    return rows
      .flat()
      .map(({ bytes }) => bytes)
      .join('\n');
  };

  it('stand in no record, are read as they were, and the hashes are of what is stored', async () => {
    const [result] = await journal.commit([opened('inc_1', ALICE)]);
    const [{ record, bytes, hash } = never()] = await journal.readStream('incident/inc_1');
    expect(record.data).toEqual(opened('inc_1', ALICE).appends[0]?.records[0]?.data);
    expect(await stored()).not.toContain('example');
    expect(JSON.parse(bytes).data[TAKEN]).toHaveLength(1);
    expect(result).toEqual({ status: 'applied', hashes: [hash] });
  });

  it('are those of one person wherever they stand, also after a restart', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    await journal.close();
    journal = await open();
    await journal.commit([
      opened('inc_2', ALICE),
      advanced('exe_1', ALICE),
      later('exe_1', 1, { note: 'to the manager of Alice' }),
    ]);
    const person = await journal.keys.find(`account:${ALICE}`);
    const { items } = await journal.listViews({
      kind: 'person-stream',
      parent: person?.id ?? '',
      limit: 10,
      skip: 0,
    });
    const streams = ['execution/exe_1', 'incident/inc_1', 'incident/inc_2'];
    expect(items.map(({ id }) => id.split(' ')[0]).toSorted()).toEqual(streams);
    expect(await stored()).not.toContain('Alice');
    expect(await journal.keys.count()).toBe(1);
  });

  it('are those of the person that they name, and a notice is whose its execution is', async () => {
    await journal.commit([advanced('exe_1', ALICE, ['bob'])]);
    const about = { type: 'execution', id: 'exe_1' };
    const data = { notice: { about, title: `${ALICE} was suspended` }, cause: null };
    const record = { type: 'notice.raised', v: 1, at: AT, data };
    await journal.commit([{ appends: [{ stream: 'notice/ntc_1', expectedSeq: 0, records: [record] }] }]);
    const bob = await journal.keys.find('account:bob');
    await journal.keys.erase(bob?.id ?? '', AT);
    journal.persons.forget(bob?.id ?? '');
    const [{ record: of } = never()] = await journal.readStream('execution/exe_1');
    expect(of.data['input']).toMatchObject({ snapshot: { accounts: [ERASED], incident: { subject: { id: ALICE } } } });
    const alice = await journal.keys.find(`account:${ALICE}`);
    await journal.keys.erase(alice?.id ?? '', AT);
    journal.persons.forget(alice?.id ?? '');
    const [{ record: notice } = never()] = await journal.readStream('notice/ntc_1');
    expect(notice.data['notice']).toEqual({ about, title: ERASED });
  });

  it('of whom nobody knows are the stream’s own, never in the clear', async () => {
    await journal.commit([later('exe_9', 0, { note: ALICE })]);
    expect(await stored()).not.toContain(ALICE);
    expect(await journal.keys.find('thing:execution/exe_9')).not.toBeNull();
  });

  it('of a commit that is stale leave no row, and the next one writes it', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    const [stale] = await journal.commit([{ ...advanced('exe_1', ALICE), views: [staleRow()] }]);
    expect(stale?.status).toBe('stale');
    await journal.commit([advanced('exe_1', ALICE)]);
    const { items } = await journal.listViews({ kind: 'person-stream', limit: 10, skip: 0 });
    expect(items.filter(({ id }) => id.startsWith('execution/exe_1'))).toHaveLength(1);
  });

  it('of somebody who was erased stay erased, and who comes under that name is another person', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    const before = await journal.keys.find(`account:${ALICE}`);
    await journal.keys.erase(before?.id ?? '', AT);
    await journal.keys.erase(before?.id ?? '', AT + 1);
    journal.persons.forget(before?.id ?? '');
    expect(await journal.keys.find(`account:${ALICE}`)).toBeNull();
    expect((await journal.keys.load([before?.id ?? ''])).get(before?.id ?? '')).toEqual({
      id: before?.id,
      key: null,
      erasedAt: AT,
    });
    await journal.commit([opened('inc_2', ALICE)]);
    const [{ record } = never()] = await journal.readStream('incident/inc_2');
    expect(record.data['incident']).toMatchObject({ summary: `${ALICE} signed in from two places` });
    expect((await journal.readStream('incident/inc_1'))[0]?.record.data['incident']).toMatchObject({ summary: ERASED });
    expect((await journal.keys.find(`account:${ALICE}`))?.id).not.toBe(before?.id);
  });

  it('of a stream whose person was erased can go on, and are nobody’s', async () => {
    await journal.commit([opened('inc_1', ALICE), advanced('exe_1', ALICE)]);
    const alice = await journal.keys.find(`account:${ALICE}`);
    await journal.keys.erase(alice?.id ?? '', AT);
    journal.persons.forget(alice?.id ?? '');
    await journal.commit([later('exe_1', 1, { note: 'looked at again by the auditor' })]);
    const [before = never(), after = never()] = await journal.readStream('execution/exe_1');
    expect([JSON.stringify(before.record.data).includes(ALICE), after.record.data['input']]).toEqual([
      false,
      { result: { note: 'looked at again by the auditor' }, type: 'performed' },
    ]);
    expect(await stored()).not.toContain('auditor');
    expect(await journal.keys.find('thing:execution/exe_1')).not.toBeNull();
  });

  it('of somebody who is detached are still read, and are nobody’s of that name from then on', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    const before = (await journal.keys.find(`account:${ALICE}`)) ?? never();
    await journal.keys.detach(before.id);
    journal.persons.forget(before.id);
    const [{ record } = never()] = await journal.readStream('incident/inc_1');
    expect(record.data['incident']).toMatchObject({ accounts: [ALICE] });
    await journal.commit([opened('inc_2', ALICE)]);
    const after = await journal.keys.find(`account:${ALICE}`);
    expect([null, before.id]).not.toContain(after?.id ?? null);
    expect(JSON.parse((await journal.log.recordRows('incident/inc_2'))[0]?.bytes ?? '').data[TAKEN][0][0]).toBe(
      after?.id,
    );
  });

  it('are refused with the keys of another journal, and with none', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    await expect(kept.keys('jrn_other')).rejects.toMatchObject({ code: 'conflict' });
    const keys: PersonKeys = { ...journal.keys, load: async () => new Map() };
    const other = personalJournal(journal, keys, options);
    // Wrapped twice, so that the inner one has to be gone round.
    const raw = await kept.raw();
    const without = personalJournal(raw, keys, options);
    await expect(without.readStream('incident/inc_1')).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(other.id).toBe('jrn_test');
    await raw.close();
  });

  it('are written in the clear where that is asked for, and what was encrypted is read all the same', async () => {
    await journal.commit([opened('inc_1', ALICE)]);
    await journal.close();
    journal = await open({ encrypts: false });
    await journal.commit([opened('inc_2', ALICE)]);
    expect((await journal.log.recordRows('incident/inc_2'))[0]?.bytes).toContain(ALICE);
    expect((await journal.readStream('incident/inc_1'))[0]?.record.data['incident']).toMatchObject({
      accounts: [ALICE],
    });
  });
}

describe('another process', () => {
  it('forgets whose a name is after its term, however often it reads what was written for them', async () => {
    let now = 0;
    const kept = onSqlite();
    const [raw, keys] = [await kept.raw(), await kept.keys()];
    const journal = personalJournal({ ...raw, shared: true }, keys, { encrypts: true, monotonic: () => now });
    try {
      await journal.commit([opened('inc_1', ALICE)]);
      const before = (await keys.find(`account:${ALICE}`)) ?? never();
      // Detached elsewhere: nobody tells this process.
      await keys.detach(before.id);
      now = PERSON_MEMORY_MS - 1;
      await journal.readStream('incident/inc_1');
      now = PERSON_MEMORY_MS + 1;
      await journal.readStream('incident/inc_1');
      await journal.commit([opened('inc_2', ALICE)]);
      expect([null, before.id]).not.toContain((await keys.find(`account:${ALICE}`))?.id ?? null);
    } finally {
      await journal.close();
      await kept.remove();
    }
  });
});

describe('the file of keys', () => {
  it('holds a key nowhere any more when it is erased, and no name ever', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-persons-'));
    try {
      const keys = openSqlitePersonKeys({ file: join(folder, 'keys.sqlite'), journalId: 'jrn_test', random });
      const people = await keys.ensure([`account:${ALICE}`, 'account:bob'], AT);
      const alice = people.get(`account:${ALICE}`) ?? never();
      const bob = people.get('account:bob') ?? never();
      const holds = (part: string | Uint8Array): boolean =>
        readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(Buffer.from(part)));
      expect([holds(alice.key), holds(bob.key), holds(ALICE)]).toEqual([true, true, false]);
      await keys.erase(alice.id, AT);
      expect([holds(alice.key), holds(bob.key), holds(alice.id)]).toEqual([false, true, true]);
      await keys.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('does not say that a key is gone while somebody reads who keeps it in the log of writes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-persons-'));
    const file = join(folder, 'keys.sqlite');
    const keys = openSqlitePersonKeys({ file, journalId: 'jrn_test', random });
    const reader = openKeysFile(file);
    try {
      const alice = (await keys.ensure([`account:${ALICE}`], AT)).get(`account:${ALICE}`) ?? never();
      const holds = (): boolean =>
        readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(Buffer.from(alice.key)));
      // A backup, say.
      reader.exec('begin; select count(*) from persons');
      await expect(keys.erase(alice.id, AT)).rejects.toBeInstanceOf(StoreUnavailableError);
      reader.exec('commit');
      await keys.erase(alice.id, AT);
      expect(holds()).toBe(false);
    } finally {
      reader.close();
      await keys.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function opened(id: string, account: string): Change {
  const incident = {
    accounts: [account],
    id,
    severity: 'HIGH',
    subject: { id: account, type: 'user' },
    summary: `${account} signed in from two places`,
  };
  const record = { type: 'incident.opened', v: 1, at: AT, data: { cause: { by: 'rule' }, incident } };
  return { appends: [{ stream: `incident/${id}`, expectedSeq: 0, records: [record] }] };
}

function advanced(id: string, account: string, accounts: readonly string[] = [account]): Change {
  const snapshot = { accounts, incident: { id: 'inc_1', subject: { id: account, type: 'user' } } };
  return step(id, 0, { facts: [], input: { snapshot, type: 'start' } });
}

function later(id: string, expectedSeq: number, result: Json): Change {
  return step(id, expectedSeq, { facts: [], input: { result, type: 'performed' } });
}

function step(id: string, expectedSeq: number, data: { readonly [key: string]: Json }): Change {
  const record = { type: 'execution.advanced', v: 1, at: AT, data };
  return { appends: [{ stream: `execution/${id}`, expectedSeq, records: [record] }] };
}

function staleRow() {
  return { kind: 'incident', id: 'inc_0', expectedVersion: 7, at: AT, body: {} } as const;
}

function never(): never {
  throw new Error('the test expected something there');
}
