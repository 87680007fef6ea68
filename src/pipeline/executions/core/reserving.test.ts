import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { effectsOf } from './demands.ts';
import { statusOf } from './state.ts';

const free = declaration({ holds: null });
const limited = (...stages: readonly PlanAction[][]): Plan => ({
  ...planOf(...stages),
  perHour: { ACCOUNT_SUSPEND: 5 },
});
const owed = (story: ExecutionStory) => effectsOf(story.plan, story.state);
const answer = (story: ExecutionStory, granted: boolean): ExecutionStory => {
  const turn = story.action().reservations;
  return story.take({ type: 'reserved', actionId: 'a', turn, granted, used: 5, perHour: 5 });
};
const single = (change: Partial<ReturnType<typeof planAction>> = {}) =>
  new ExecutionStory(limited([planAction('a', { declaration: free, ...change })]));

describe('an action whose type has a limit by the hour', () => {
  it('is counted before its first call, and once for all tries', () => {
    const story = single();
    expect(owed(story)).toEqual([
      {
        kind: 'reserve',
        name: 'reserve:a:1:0',
        actionId: 'a',
        countedAs: 'a',
        turn: 0,
        actionType: 'ACCOUNT_SUSPEND',
        count: 1,
        perHour: 5,
        approved: false,
      },
    ]);
    expect(answer(story, true).action()).toMatchObject({ phase: 'performing', attempt: 1, reserved: true });
    story.succeed();
    expect(statusOf(story.state)).toBe('COMPLETED');
  });

  it('asks one person when the hour is full, and is counted all the same when they allow it', () => {
    const story = answer(single(), false);
    expect(story.last.facts).toMatchObject([
      { type: 'reservation.refused', used: 5, perHour: 5 },
      { type: 'approval.requested', purpose: 'blast_radius' },
    ]);
    expect(story.approval).toMatchObject({ requiredApprovers: 1, gates: [{ gateName: 'blast-radius' }] });
    expect(statusOf(story.state)).toBe('AWAITING_APPROVAL');
    story.vote('APPROVE');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', name: 'reserve:a:1:1', approved: true }]);
    expect(answer(story, true).action().phase).toBe('performing');
  });

  it('is denied by a person, and by silence', () => {
    const denied = answer(single(), false).vote('DENY');
    expect(denied.action()).toMatchObject({ status: 'DENIED', reason: 'denied' });
    const silent = answer(single(), false).timer('approval:');
    expect(silent.action()).toMatchObject({ status: 'DENIED', reason: 'expired_deny_action' });
  });

  it('asks nobody once more when a person has allowed this very action', () => {
    const story = single({ gates: [gate()] }).vote('APPROVE');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', approved: true }]);
  });

  it('asks a person where only silence has allowed it', () => {
    const story = single({ gates: [gate({ fallbackBehavior: 'ALLOW_ACTION' })] }).timer('approval:');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', approved: false }]);
    answer(story, false);
    expect(Object.keys(story.state.approvals)).toHaveLength(2);
    expect(story.action().phase).toBe('awaiting_approval');
  });

  it('counts each account of a list, asks once for all of them, and its children ask nobody', () => {
    const accounts = ['x@fan', 'y@fan', 'z@fan'];
    const { snapshot } = startOf('exe_1', 'jrn_test', accounts);
    const plan = limited([planAction('a', { forEach: 'accounts', target: '{{user.id}}' })]);
    const story = new ExecutionStory(plan, { snapshot });
    expect(owed(story)).toMatchObject([{ kind: 'reserve', count: 3 }]);
    answer(story, false);
    expect(story.approval.intentHash).toHaveLength(64);
    answer(story.vote('APPROVE'), true);
    expect(Object.keys(story.action().children)).toHaveLength(3);
  });

  it('is not begun when the execution is cancelled while it is counted, and a late answer begins nothing', () => {
    const story = single();
    const by = { type: 'person', id: 'usr_1' } as const;
    story.take({ type: 'cancel', by, reason: 'wrong', compensate: false });
    expect(story.action()).toMatchObject({ status: 'SKIPPED', reason: 'cancelled' });
    expect(answer(story, true).last.facts).toMatchObject([{ type: 'input.ignored' }]);
    expect(owed(story)).toEqual([]);
  });

  it('takes one answer to each question', () => {
    const story = answer(single(), false);
    const again = { type: 'reserved', actionId: 'a', turn: 0, granted: true, used: 0, perHour: 5 } as const;
    expect(story.take(again).last.facts).toMatchObject([{ type: 'input.ignored' }]);
    story.vote('APPROVE');
    expect(story.take(again).last.facts).toMatchObject([{ type: 'input.ignored' }]);
  });

  it('is not counted once more when a person tries it again', () => {
    const story = answer(single({ retry: { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 } }), true);
    const error = { code: 'no', message: 'no', retryable: false, resultUnknown: false, retryAfterMs: null };
    story.answer('performed', { error });
    story.take({ type: 'retry', by: { type: 'person', id: 'usr_1' } });
    expect(owed(story).map(({ kind }) => kind)).not.toContain('reserve');
  });
});
