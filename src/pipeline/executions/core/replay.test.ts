import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { planAction, planOf } from '../../../../tests/support/plans.ts';
import { FIRST_PREV, sealRecord, type JournalRecord, type SealedRecord } from '../../audit/record.ts';
import { decide } from './decide.ts';
import { foldRecords, stepOf } from './fold.ts';
import { replayRecords } from './replay.ts';
import type { ExecutionState } from './state.ts';

const plan = planOf([planAction('a')], [planAction('b')]);
const story = new ExecutionStory(plan).succeed('a').succeed('b');

/** The records of the story, as the engine would write them. */
function recordsOf(change: (record: JournalRecord) => JournalRecord = (record) => record): readonly SealedRecord[] {
  let state: ExecutionState | null = null;
  let prev = FIRST_PREV;
  return story.inputs.map((input, index) => {
    const decision = decide(plan, state, input);
    state = decision.state;
    // Inputs and facts are plain data; their types are narrower than JSON's.
    const data = JSON.parse(JSON.stringify({ input, facts: decision.facts })) as JournalRecord['data'];
    const type = 'execution.advanced';
    const sealed = sealRecord(
      change({ at: input.at, data, prev, seq: index + 1, stream: 'execution/exe_1', type, v: 1 }),
    );
    prev = sealed.hash;
    return sealed;
  });
}

describe('a replay', () => {
  it('derives the same decisions and the same state from the same records', () => {
    const records = recordsOf();
    const decisions = records.reduce((sum, { record }) => sum + stepOf(record).facts.length, 0);
    expect(replayRecords(plan, records)).toEqual({ identical: true, records: 7, decisions });
    expect(decisions).toBeGreaterThan(records.length);
    expect(foldRecords(records)).toEqual(story.state);
  });

  it('names the first record whose decision is another one, with both', () => {
    const changed = recordsOf((record) =>
      record.seq === 3 || record.seq === 5 ? { ...record, data: { ...record.data, facts: [] } } : record,
    );
    const replay = replayRecords(plan, changed);
    expect(replay).toMatchObject({ identical: false, records: 7, seq: 3, recorded: '[]' });
    expect('derived' in replay && replay.derived).toContain('attempt.performed');
  });

  it('sees that the plan is another one', () => {
    const other = planOf([planAction('a')], [planAction('b', { condition: 'false' })]);
    expect(replayRecords(other, recordsOf())).toMatchObject({ identical: false, seq: 4 });
  });

  it('of no records decides nothing, and there is no state of an execution without records', () => {
    expect(replayRecords(plan, [])).toEqual({ identical: true, records: 0, decisions: 0 });
    expect(() => foldRecords([])).toThrow('without records');
  });

  it.each([
    ['of another type', { type: 'execution.requested' }],
    ['of a version that is not known', { v: 2 }],
  ])('reads no record %s', (_name, change) => {
    const records = recordsOf((record) => (record.seq === 2 ? { ...record, ...change } : record));
    expect(() => foldRecords(records)).toThrow('cannot read');
    expect(() => replayRecords(plan, records)).toThrow('cannot read');
  });
});
