import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Journal } from '../journal/journal.ts';
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts';
import { TAKEN } from '../pipeline/persons/personal-texts.ts';
import { personRows } from './person-rows.ts';

const AT = Date.UTC(2026, 10, 21);
const STREAM = 'incident/inc_1';

let journal: Journal;
beforeEach(async () => {
  journal = openSqliteJournal({ file: ':memory:', birth: { id: 'jrn_test', at: AT, accelerated: true } });
  const data = {
    [TAKEN]: [
      ['per_bob', ''],
      ['per_eve', ''],
    ],
  };
  await journal.commit([
    {
      appends: [{ stream: STREAM, expectedSeq: 0, records: [{ type: 'incident.opened', v: 1, at: AT, data }] }],
      views: [rowOf(STREAM, 'per_bob'), rowOf(`${STREAM} per_eve`, 'per_eve')],
    },
  ]);
});
afterEach(() => journal.close());

function rowOf(id: string, person: string) {
  return { kind: 'person-stream', id, expectedVersion: null, parent: person, at: AT, body: { person } } as const;
}

async function rows(): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const row of personRows.rows(journal)) ids.push(row.id);
  return ids;
}

it('are one for whose a stream usually is, and one for each other', async () => {
  expect(await rows()).toEqual([STREAM, `${STREAM} per_eve`]);
});

it('may be two for whose a stream usually is, as they once were', async () => {
  await journal.commit([{ appends: [], views: [rowOf(`${STREAM} per_bob`, 'per_bob')] }]);
  expect(await rows()).toEqual([STREAM, `${STREAM} per_bob`, `${STREAM} per_eve`]);
});
