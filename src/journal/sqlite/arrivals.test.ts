import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventOf } from '../../pipeline/detections/test-event.ts';
import type { Change, Journal } from '../journal.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

let folder: string;
let journal: Journal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-arrivals-'));
  journal = openSqliteJournal({
    file: join(folder, 'journal.sqlite'),
    birth: { id: 'jrn_test', at: 1, accelerated: false },
  });
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});

function batch(arrival: number, ...ids: readonly string[]): Change {
  const events = ids.map((id) => ({ event: eventOf({ id }), raw: Buffer.from(id) }));
  return { appends: [], events, arrival };
}

async function statuses(...changes: readonly Change[]): Promise<readonly string[]> {
  return (await journal.commit(changes)).map(({ status }) => status);
}

async function batchesAfter(arrival: number, limit: number) {
  const found = (await journal.arrivals?.after(arrival, limit)) ?? [];
  return found.map(({ arrival: number, events }) => [number, ...events.map(({ id }) => id)]);
}

describe('batches of events', () => {
  it('are numbered without gaps: one with another number changes nothing', async () => {
    expect(await journal.arrivals?.newest()).toBe(0);
    expect(await statuses(batch(2, 'a'), batch(1, 'b'), batch(1, 'c'), batch(2, 'd'))).toEqual([
      'stale',
      'applied',
      'stale',
      'applied',
    ]);
    expect(await journal.arrivals?.newest()).toBe(2);
    expect(await batchesAfter(0, 100)).toEqual([
      [1, 'b'],
      [2, 'd'],
    ]);
  });

  it('come back whole and in the order in which they were written', async () => {
    await statuses(batch(1, 'z', 'a'), batch(2, 'm'), batch(3, 'c', 'b'));
    expect(await batchesAfter(0, 1)).toEqual([[1, 'z', 'a']]);
    expect(await batchesAfter(0, 3)).toEqual([
      [1, 'z', 'a'],
      [2, 'm'],
    ]);
    expect(await batchesAfter(2, 100)).toEqual([[3, 'c', 'b']]);
    expect(await batchesAfter(3, 100)).toEqual([]);
  });
});
