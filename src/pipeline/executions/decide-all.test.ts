import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../tests/support/execution-story.ts';
import { planAction, planOf } from '../../../tests/support/plans.ts';
import { decidedBy } from './core/decided-by.ts';
import type { NewInput } from './core/inputs.ts';
import { decideAll } from './decide-all.ts';
import type { Loaded } from './execution-store.ts';

const plan = planOf([planAction('a')]);
const { state } = new ExecutionStory(plan);
const before: Loaded = { plan, state, seq: 1, trace: undefined };
const cancel: NewInput = {
  type: 'cancel',
  by: { type: 'person', id: 'usr_1' },
  reason: 'a test',
  compensate: false,
};
const coresOf = (loaded: Loaded, core: string | null) =>
  decideAll(loaded, [cancel, cancel], { at: 5, core, revoked: [] }).map(({ input }) => input.core);

describe('inputs that are taken up', () => {
  it('name the code that decides where it is another one than before', () => {
    expect(coresOf(before, 'one')).toEqual(['one', undefined]);
    expect(coresOf({ ...before, state: { ...state, core: 'one' } }, 'one')).toEqual([undefined, undefined]);
    expect(coresOf({ ...before, state: { ...state, core: 'one' } }, 'two')).toEqual(['two', undefined]);
    expect(coresOf(before, null)).toEqual([undefined, undefined]);
  });

  it('are told apart by who has decided', () => {
    const record = (seq: number, core?: string) => ({
      record: {
        at: 1,
        data: { facts: [], input: Object.fromEntries(core === undefined ? [] : [['core', core]]) },
        prev: '',
        seq,
        stream: 'execution/exe_1',
        type: 'execution.advanced',
        v: 1,
      },
    });
    expect(decidedBy([record(1), record(2, 'one'), record(3), record(4, 'two'), record(5, 'one')])).toEqual([
      { core: null, seqs: [1] },
      { core: 'one', seqs: [2, 3, 5] },
      { core: 'two', seqs: [4] },
    ]);
  });
});
