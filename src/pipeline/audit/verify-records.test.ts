import { describe, expect, it } from 'vitest';
import {
  at,
  generateLog,
  LOG_ORIGIN,
  LOG_START,
  partsOf,
  replaced,
  stored,
  type Parts,
} from '../../../tests/support/generated-log.ts';
import { signCheckpoint } from './checkpoint.ts';
import { leafHash } from './merkle.ts';
import { sealRecord } from './record.ts';
import { verifyLog, type Verification } from './verify.ts';
import type { StoredRecord } from './verify-record.ts';

const log = generateLog({ streams: 3, records: 12, batch: 12, unsequenced: 0 });

function verify(records: readonly StoredRecord[]): Promise<Verification> {
  return verifyLog(partsOf(log, { records }), { keys: log.keys, now: LOG_START });
}

describe('several records with one name', () => {
  const target = at(log.records, 4);
  const { stream, seq } = target.record;
  const name = `${stream} #${seq}`;
  /** The log with these in the place of the record. */
  const withCopies = (...copies: readonly StoredRecord[]): Promise<Verification> =>
    verify(log.records.flatMap((sealed) => (sealed === target ? copies : [stored(sealed)])));
  const other = sealRecord({ ...target.record, data: { n: -1 } });
  const columns = { stream, seq };
  const notJson: StoredRecord = { ...columns, bytes: '{' };
  const twice = `There is more than one record ${name}.`;

  it('are told of, whichever is the right one', async () => {
    for (const copy of [stored(target), stored(other)]) {
      const result = await withCopies(stored(target), copy);
      expect(result).toMatchObject({ verdict: 'changed', firstBad: { stream, seq }, problem: twice });
    }
    expect(await withCopies(stored(other), stored(target))).toMatchObject({ verdict: 'changed', problem: twice });
  });

  it('that are all wrong are told by what is wrong with the first', async () => {
    const both = await withCopies(stored(other), notJson);
    expect(both.problem).toBe(`Record ${name} does not hash to its leaf. ${twice}`);
    const back = await withCopies(notJson, stored(other));
    expect(back.problem).toBe(`Record ${name} is not JSON. ${twice}`);
    expect([both.firstBad, back.firstBad]).toEqual([
      { stream, seq, position: expect.any(Number) },
      { stream, seq, position: expect.any(Number) },
    ]);
  });
});

describe('several things wrong at once', () => {
  const long = generateLog({ streams: 3, records: 30, batch: 5, unsequenced: 4 });
  const rows = long.records.map(stored);
  const verifyLong = (changed: Parts): Promise<Verification> =>
    verifyLog(partsOf(long, changed), { keys: long.keys, now: LOG_START });
  /** Index, among the records, of the one at a place of the log. */
  const indexAt = (position: number): number => {
    const { stream, seq } = at(long.leaves, position);
    return long.records.findIndex(({ record }) => record.stream === stream && record.seq === seq);
  };
  const spoiled = (index: number): StoredRecord[] => {
    const { record } = at(long.records, index);
    return replaced(rows, index, stored(sealRecord({ ...record, data: { n: -1 } })));
  };

  it('are named by what comes first in the log: a record that was changed before the place where the log was cut off', async () => {
    const result = await verifyLong({ leaves: long.leaves.slice(0, 12), records: spoiled(indexAt(3)) });
    const { stream, seq } = at(long.leaves, 3);
    expect(result).toMatchObject({ verdict: 'changed', firstBad: { stream, seq, position: 3 } });
  });

  it('are named by what has a place in the log, before what has none yet', async () => {
    const [waiting] = long.unsequenced;
    const index = long.records.findIndex(
      ({ record }) => record.stream === waiting?.stream && record.seq === waiting.seq,
    );
    const lie = signCheckpoint({ origin: LOG_ORIGIN, size: 5, root: leafHash('x') }, long.signing);
    const alone = await verifyLong({ records: spoiled(index) });
    expect(alone).toMatchObject({ verdict: 'changed', firstBad: { stream: waiting?.stream, position: null } });
    const both = await verifyLong({ records: spoiled(index), checkpoints: [lie] });
    expect(both).toMatchObject({ verdict: 'changed', firstBad: { position: 0 } });
    expect(both.problem).toContain('positions 0 to 4');
  });
});
