import { describe, expect, it } from 'vitest';
import { declaration, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { Plan } from '../../playbooks/plan.ts';
import { decide, type Decision } from './decide.ts';
import type { NewInput, Reading } from './inputs.ts';

/** What a target shows right after it answered is handed in with the answer. It means what it means when it comes alone. */

const START = Date.UTC(2026, 10, 21, 3, 0, 0);
const READINGS: Readonly<Record<string, Reading>> = {
  'the effect': { says: 'holds', digest: 'd' },
  'nothing of it': { says: 'absent', digest: 'd' },
  "somebody else's effect": { says: 'foreign', digest: 'd' },
  "another execution's hold": { says: 'foreign', digest: 'd', prior: { was: 'theirs' }, heldBy: 'exe_2' },
  'nothing that can be told': { says: 'unknown', digest: 'd' },
  'that it cannot be read now': {
    error: { code: 'timeout', message: 'late', retryable: true, resultUnknown: true, retryAfterMs: 7_000 },
  },
};
const PLANS: Readonly<Record<string, Plan>> = {
  'an action that holds something': planOf([planAction('a'), planAction('b')]),
  'a message': planOf([
    planAction('a', { declaration: declaration({ holds: null, reversibility: 'irreversible', contains: false }) }),
  ]),
  'an action that waits': planOf([
    planAction('a', { declaration: declaration({ holds: null, reversibility: 'selfRecoverable', waits: true }) }),
  ]),
};
const answer = { actionId: 'a', attempt: 1, generation: 1 };
const performed = { ...answer, type: 'performed', result: { outcome: { marker: 'k' } } } as const;

function after(plan: Plan, ...inputs: readonly NewInput[]): Decision {
  let last = decide(plan, null, { ...startOf('exe_1', 'jrn_test', []), type: 'start', planHash: 'h', at: START });
  for (const input of inputs) last = decide(plan, last.state, { ...input, at: START + 500 });
  return last;
}

/** Until the call of the action is owed. */
function called(plan: Plan): NewInput[] {
  const observes = plan.stages[0]?.actions[0]?.declaration.holds !== null;
  return observes ? [{ ...answer, type: 'observed', result: { prior: { was: 1 }, heldBy: null } }] : [];
}

describe.each(Object.entries(PLANS))('the answer of %s', (_plan, plan) => {
  it.each(Object.entries(READINGS))('with a reading that shows %s leads where both lead one by one', (_says, read) => {
    const begun = called(plan);
    const apart = after(plan, ...begun, performed, { ...answer, type: 'verified', result: read });
    const together = after(plan, ...begun, { ...performed, read });
    expect(together.state).toEqual(apart.state);
    const first = after(plan, ...begun, performed);
    expect(together.facts).toEqual([...first.facts, ...apart.facts]);
  });

  it('is late as a whole when the attempt is over: its reading decides nothing', () => {
    const begun = called(plan);
    const over: NewInput = { ...answer, type: 'interrupted' };
    const before = after(plan, ...begun, over);
    const late = after(plan, ...begun, over, { ...performed, read: { says: 'absent', digest: 'd' } });
    expect(late.facts).toEqual([{ type: 'attempt.late', actionId: 'a', attempt: 1 }]);
    expect(late.state).toEqual(before.state);
  });
});
