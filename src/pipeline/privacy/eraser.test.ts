import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, Journal, View } from '../../journal/journal.ts';
import { openSqliteJournal } from '../../journal/sqlite/sqlite-journal.ts';
import { openSqlitePersonKeys } from '../../journal/sqlite/person-keys.ts';
import { accountIdentity } from '../persons/owners.ts';
import type { PersonKeys } from '../persons/person-keys.ts';
import { createEraser, type EraserPorts } from './eraser.ts';
import type { Erasure, ErasureRecord } from './erasure.ts';
import { erasureChange, erasureIn } from './erasures.service.ts';
import type { Need } from './needs.ts';

const AT = Date.UTC(2026, 10, 22);
const BIRTH = { id: 'jrn_test', at: AT, accelerated: true };
const OPEN: Need = { kind: 'incident', id: 'inc_1', says: 'Incident inc_1 is open: close it.' };

let folder: string;
let journal: Journal;
let keys: PersonKeys;
let errors: unknown[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-eraser-'));
  journal = openSqliteJournal({ file: join(folder, 'journal.sqlite'), birth: BIRTH });
  const random = (bytes: number): Uint8Array => randomBytes(bytes);
  keys = openSqlitePersonKeys({ file: join(folder, 'keys.sqlite'), journalId: 'jrn_test', random });
  errors = [];
});
afterEach(async () => {
  await journal.close();
  await keys.close();
  rmSync(folder, { recursive: true, force: true });
});

function eraser(ports: Partial<EraserPorts> = {}) {
  return createEraser({
    journal,
    committer: { submit: async (change) => (await journal.commit([change]))[0] ?? never() },
    keys,
    forget: () => undefined,
    othersForgot: async () => true,
    needsOf: async () => [],
    stillNeeding: async () => [],
    rowsOf: async () => ({ seq: 0, rows: [] }),
    neededUpTo: async () => null,
    now: () => AT,
    onError: (thrown) => errors.push(thrown),
    ...ports,
  });
}

/** An erasure that two people agreed to. */
async function agreed(id: string, account: string): Promise<string> {
  const person = (await keys.ensure([accountIdentity(account)], AT)).get(accountIdentity(account)) ?? never();
  const word = (by: string) => ({ by, issuedBy: 'usr_0' });
  const records: readonly ErasureRecord[] = [
    { type: 'erasure.requested', at: AT, data: { account, reason: 'a letter', reference: null, ...word('usr_1') } },
    { type: 'erasure.confirmed', at: AT, data: word('usr_2') },
  ];
  let before: Erasure | null = null;
  for (const record of records) {
    const { erasure, change }: ReturnType<typeof erasureChange> = erasureChange(id, before, record);
    expect((await journal.commit([change]))[0]?.status).toBe('applied');
    before = erasure;
  }
  return person.id;
}

const keyOf = async (person: string) => (await keys.load([person])).get(person)?.key ?? null;
const begun = async (id: string) => erasureIn((await journal.view('erasure', id)) ?? never()).begun;

describe('the eraser', () => {
  it('keeps the key while something needs the person that began after the last look, and nobody new gets it', async () => {
    const person = await agreed('era_1', 'alice');
    let needs: readonly Need[] = [OPEN];
    const forgotten: (readonly [string, boolean])[] = [];
    const patient = eraser({
      stillNeeding: async () => needs,
      // The name leads nowhere any more before others are waited for.
      forget: (who) => forgotten.push([who, needs.length > 0]),
      othersForgot: async () => (await keys.find(accountIdentity('alice'))) === null,
    });
    await patient.round();
    expect([(await begun('era_1'))?.person, await keyOf(person)]).toEqual([person, expect.any(Uint8Array)]);
    expect(forgotten).toEqual([[person, true]]);
    needs = [];
    await patient.round();
    expect([await keyOf(person), errors]).toEqual([null, []]);
  });

  it('destroys nothing when its process closes before the others can have forgotten', async () => {
    const person = await agreed('era_1', 'alice');
    await eraser({ othersForgot: async () => false }).round();
    expect(await keyOf(person)).not.toBeNull();
    await eraser().round();
    expect(await keyOf(person)).toBeNull();
  });

  it('goes on with the others when one fails, and tries that one again', async () => {
    const [alice, bob] = [await agreed('era_1', 'alice'), await agreed('era_2', 'bob')];
    const fails = async (account: string) => {
      if (account === 'bob') throw new Error('no answer');
      return [];
    };
    await eraser({ needsOf: fails }).round();
    expect([await keyOf(alice), (await keyOf(bob)) === null, errors.map(String)]).toEqual([
      null,
      false,
      ['Error: no answer'],
    ]);
    await eraser().round();
    expect(await keyOf(bob)).toBeNull();
  });

  it('writes no row that is older than what happened while its records were read', async () => {
    const stream = 'task/tsk_1';
    const step = (seq: number, status: string): Change => ({
      appends: [
        { stream, expectedSeq: seq, records: [{ type: 'execution.note', v: 1, at: AT, data: { text: status } }] },
      ],
      views: [{ kind: 'task', id: 'tsk_1', expectedVersion: null, at: AT, body: { status, name: 'alice' } }],
    });
    const person = await agreed('era_1', 'alice');
    const of: View = {
      kind: 'person-stream',
      id: stream,
      expectedVersion: 0,
      parent: person,
      at: AT,
      body: { person },
    };
    await journal.commit([step(0, 'OPEN'), { appends: [], views: [of] }]);
    let ends = true;
    await eraser({
      async rowsOf() {
        const last = (await journal.readStream(stream)).at(-1)?.record;
        // Somebody ends it just now.
        if (ends) await journal.commit([step(1, 'DONE')]);
        ends = false;
        const body = { status: last?.data['text'] ?? null, name: '[erased]' };
        const row: View = { kind: 'task', id: 'tsk_1', expectedVersion: null, at: AT, body };
        return { seq: last?.seq ?? 0, rows: [row] };
      },
    }).round();
    expect(errors).toEqual([]);
    expect((await journal.view('task', 'tsk_1'))?.body).toEqual({ status: 'DONE', name: '[erased]' });
  });

  it('comes to all, however many still wait', async () => {
    const count = 520; // one page is 500
    for (let index = 0; index < count; index += 1) await agreed(`era_${index}`, `account-${index}`);
    const asked = new Set<string>();
    const needsOf = async (account: string) => {
      asked.add(account);
      return [OPEN];
    };
    await eraser({ needsOf }).round();
    expect(asked.size).toBe(count);
  });
});

function never(): never {
  throw new Error('the test expected something there');
}
