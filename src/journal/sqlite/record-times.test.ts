import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Append, Journal, View } from '../journal.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const AT = Date.UTC(2026, 0, 5);
let directory = '';
let journal: Journal;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'firebreak-times-'));
  const birth = { id: 'jrn_test', at: AT, accelerated: false };
  journal = openSqliteJournal({ file: join(directory, 'journal.sqlite'), birth });
});
afterEach(async () => {
  await journal.close();
  rmSync(directory, { recursive: true });
});

function append(expectedSeq: number, at = AT): Append {
  return { stream: 's', expectedSeq, records: [{ type: 'execution.advanced', v: 1, at, data: {} }] };
}

const STALE: View = { kind: 'incident', id: 'one', expectedVersion: 7, at: AT, body: {} };

describe('the time of the newest record', () => {
  it('is not that of a record that was taken back', async () => {
    await journal.commit([{ appends: [append(0, AT)] }]);
    const [stale] = await journal.commit([{ appends: [append(1, AT + 5_000)], views: [STALE] }]);
    expect(stale?.status).toBe('stale');
    await journal.commit([{ appends: [append(1, AT + 1_000)] }]);
    await journal.commit([{ appends: [append(2, AT - 1)] }]);
    const times = (await journal.readStream('s')).map(({ record }) => record.at - AT);
    expect(times).toEqual([0, 1_000, 1_000]);
  });

  it('is found again when nobody remembers it', async () => {
    await journal.commit([{ appends: [append(0, AT + 9)] }]);
    await journal.close();
    journal = openSqliteJournal({
      file: join(directory, 'journal.sqlite'),
      birth: { id: 'other', at: 0, accelerated: false },
    });
    await journal.commit([{ appends: [append(1, AT)] }]);
    expect((await journal.readStream('s')).map(({ record }) => record.at - AT)).toEqual([9, 9]);
  });
});
