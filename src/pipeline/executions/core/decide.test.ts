import { describe, expect, it } from 'vitest';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import { ExecutionStory, NO_ANSWER, REFUSED, STORY_START } from '../../../../tests/support/execution-story.ts';
import type { Plan } from '../../playbooks/plan.ts';
import { decide } from './decide.ts';
import { effectsOf, timersOf } from './demands.ts';
import type { NewInput } from './inputs.ts';
import { statusOf } from './state.ts';

/** Cases that went wrong once, each as the shortest story that shows it. */

const START = STORY_START;
const by = { type: 'person', id: 'usr_1' } as const;
const UNKNOWN = NO_ANSWER;

class Story extends ExecutionStory {
  constructor(plan: Plan, accounts: readonly string[] = []) {
    super(plan, { snapshot: startOf('exe_1', 'jrn_test', accounts).snapshot });
  }

  /** Names of the effects that are owed now. */
  get owed(): string[] {
    return effectsOf(this.plan, this.state).map(({ name }) => name);
  }

  /** The call is answered, and not read back yet. */
  perform(actionId = 'a'): this {
    if (this.action(actionId).phase === 'observing') this.observe(actionId);
    return this.answer('performed', { outcome: {} }, actionId);
  }

  fail(actionId: string): this {
    return this.answer('observed', { error: REFUSED }, actionId);
  }

  interrupt(actionId: string, landsIn?: number): this {
    const { attempt = 0, generation = 0 } = this.state.actions[actionId] ?? {};
    const landing = landsIn === undefined ? {} : { mayLandUntil: this.now + landsIn };
    return this.take({ type: 'interrupted', actionId, attempt, generation, ...landing });
  }

  status(actionId = 'a'): string | null | undefined {
    return this.state.actions[actionId]?.status;
  }
}

const cancel: NewInput = { type: 'cancel', by, reason: 'drill', compensate: false };
const retry: NewInput = { type: 'retry', by };
const blind = declaration({ readBack: false, holds: null });

describe('a stop', () => {
  it('lets no call begin whose look at the state before was still under way', () => {
    const story = new Story(planOf([planAction('a')])).take(cancel);
    story.answer('observed', { prior: {}, heldBy: null });
    expect(story.owed).toEqual([]);
    expect(story.status()).toBe('SKIPPED');
  });

  it('repeats no interrupted call that cannot be read back: it is unknown', () => {
    const story = new Story(planOf([planAction('a', { declaration: blind })])).take(cancel).interrupt('a');
    expect(story.status()).toBe('UNKNOWN');
  });
});

describe('an action', () => {
  it('that was given no time to look ends as timed out, one that was refused as failed', () => {
    const once = planAction('a', { retry: { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 } });
    const late = new Story(planOf([once])).answer('observed', { error: { ...UNKNOWN, code: 'timeout' } });
    expect([late.status(), late.action().reason]).toEqual(['TIMED_OUT', 'timeout']);
    expect(new Story(planOf([once])).fail('a').status()).toBe('FAILED');
  });

  it('that succeeded before another one is retried is undone all the same, after what came later', () => {
    const plan = planOf([planAction('a'), planAction('b')]);
    const story = new Story(plan).succeed('a').fail('b').take(retry).succeed('b');
    story.take({ type: 'compensate', by, reason: 'false alarm' });
    expect(story.state.compensation?.queue).toEqual(['b', 'a']);
  });
});

describe('reading the target', () => {
  it('is given up after the retries, and a person is asked', () => {
    const story = new Story(
      planOf([planAction('a', { retry: { maxRetries: 2, backoffMs: 1, backoffMultiplier: 2 } })]),
    );
    story.perform('a').answer('verified', { error: UNKNOWN });
    for (const _ of [1, 2]) story.timer('resume:a').answer('verified', { error: UNKNOWN });
    expect(story.status()).toBe('UNKNOWN');
  });

  it('waits for the settling time after a lost reply too, before anything is repeated', () => {
    const slow = declaration({ settleMs: 2_000 });
    const story = new Story(planOf([planAction('a', { declaration: slow })]));
    story.answer('observed', { prior: {}, heldBy: null }).answer('performed', { error: UNKNOWN });
    story.answer('verified', { says: 'absent', digest: 'd' });
    expect(story.state.actions['a']?.phase).toBe('settling');
    story.timer('resume:a').answer('verified', { says: 'holds', digest: 'd' });
    expect(story.now - START).toBe(2_000);
    expect(story.status()).toBe('SUCCESS');
  });

  it('is answered by the read that was asked for, not by the one before that was handed in twice', () => {
    const slow = declaration({ settleMs: 2_000 });
    const story = new Story(planOf([planAction('a', { declaration: slow })])).perform('a');
    const absent = { type: 'verified', actionId: 'a', attempt: 1, generation: 1, turn: 0 } as const;
    const read = { ...absent, result: { says: 'absent', digest: 'd' } } as const;
    story.take(read).timer('resume:a').take(read);
    expect(story.last.facts).toEqual([{ type: 'attempt.late', actionId: 'a', attempt: 1 }]);
    expect(story.owed).toEqual(['verify:a:1:1:1']);
    story.take({ ...read, turn: 1, result: { says: 'holds', digest: 'd' } });
    expect(story.status()).toBe('SUCCESS');
  });

  it('answers the check that was asked for, not the one before that was handed in twice', () => {
    const waits = declaration({ holds: null, reversibility: 'selfRecoverable', waits: true });
    const story = new Story(planOf([planAction('a', { declaration: waits })])).succeed('a');
    const pending = { type: 'checked', actionId: 'a', attempt: 1, generation: 1, turn: 1 } as const;
    story.timer('resume:a').take({ ...pending, result: { state: 'pending' } });
    story.timer('resume:a').take({ ...pending, result: { state: 'pending' } });
    expect(story.last.facts).toEqual([{ type: 'attempt.late', actionId: 'a', attempt: 1 }]);
    story.take({ ...pending, turn: 2, result: { state: 'passed' } });
    expect(story.state.actions['a']?.outcome).toBe('passed');
  });

  it('does not follow a failed look at the state before: nothing was called', () => {
    const story = new Story(planOf([planAction('a')])).answer('observed', { error: UNKNOWN });
    expect(story.state.actions['a']?.phase).toBe('backoff');
  });
});

describe('an interrupted call', () => {
  it('does not use up the retries', () => {
    const once = planAction('a', { retry: { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 } });
    const story = new Story(planOf([once])).answer('observed', { prior: {}, heldBy: null });
    for (const _ of [1, 2, 3]) {
      story.interrupt('a').answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a');
    }
    expect(story.owed).toEqual(['perform:a:1:4']);
    expect(story.succeed('a').status()).toBe('SUCCESS');
  });

  it('is looked for at once, and not repeated before it can no longer land', () => {
    const story = new Story(planOf([planAction('a')])).answer('observed', { prior: {}, heldBy: null });
    story.interrupt('a', 10_000);
    expect(story.owed).toEqual(['verify:a:1:1']);
    story.answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a');
    expect([story.now - START, story.owed]).toEqual([10_000, ['verify:a:1:1:1']]);
    story.answer('verified', { says: 'holds', digest: 'd' });
    expect([story.status(), story.state.actions['a']?.attempt]).toEqual(['SUCCESS', 1]);
  });

  it('that cannot be read back waits as long, where a repeat would do it twice', () => {
    const merging = { ...blind, idempotency: 'merge' as const };
    const story = new Story(planOf([planAction('a', { declaration: merging })])).interrupt('a', 10_000);
    expect(story.owed).toEqual([]);
    story.timer('resume:a');
    expect([story.now - START, story.owed]).toEqual([10_000, ['perform:a:1:2']]);
  });

  it('is repeated at once where the target knows the key', () => {
    const keyed = { ...blind, idempotency: 'native-key' as const };
    const story = new Story(planOf([planAction('a', { declaration: keyed })])).interrupt('a', 10_000);
    expect(story.owed).toEqual(['perform:a:1:1']);
  });
});

describe('a retry', () => {
  const timesOut = {
    ...planOf([planAction('a', { retry: { maxRetries: 9, backoffMs: 400_000, backoffMultiplier: 1 } })]),
  };

  it('has the whole time limit again', () => {
    const story = new Story(timesOut).answer('observed', { prior: {}, heldBy: null });
    story.answer('performed', { error: { ...REFUSED, retryable: true } }).timer('execution');
    expect([story.status(), statusOf(story.state)]).toEqual(['TIMED_OUT', 'FAILED']);
    story.take(retry);
    const limit = timersOf(story.plan, story.state).find(({ name }) => name === 'execution');
    expect(limit?.due).toBe(story.now + 300_000);
  });

  it('after a roll-back ends with what it did, not with the roll-back', () => {
    const story = new Story(planOf([planAction('a')], [planAction('b', { onFailure: 'COMPENSATE' })]));
    story.succeed('a').fail('b').answer('undone', { result: 'restored', digest: 'd' });
    expect(statusOf(story.state)).toBe('ROLLED_BACK');
    story.take(retry).succeed('b');
    expect([story.status('a'), story.status('b'), statusOf(story.state)]).toEqual([
      'COMPENSATED',
      'SUCCESS',
      'COMPLETED',
    ]);
  });

  it('after a cancel with undo keeps what it then does', () => {
    const story = new Story(planOf([planAction('a'), planAction('b')])).fail('a').take({ ...cancel, compensate: true });
    story.answer('observed', { prior: {}, heldBy: null }, 'b');
    expect(statusOf(story.state)).toBe('CANCELLED');
    story.take(retry).succeed('a');
    expect([story.status('a'), statusOf(story.state)]).toEqual(['SUCCESS', 'COMPLETED']);
  });

  it('that finds the effect of the first try undoes it with the rest', () => {
    const story = new Story(
      planOf([planAction('a', { retry: { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 } })]),
    );
    story.perform('a').answer('verified', { error: UNKNOWN });
    expect(story.status()).toBe('UNKNOWN');
    story.take(retry).answer('verified', { says: 'holds', digest: 'd' });
    story.take({ type: 'compensate', by, reason: 'false alarm' });
    expect(story.owed).toEqual(['undo:a:2:1']);
  });
});

describe('fan-out', () => {
  const kill = planAction('kill', { forEach: 'accounts', target: '{{user.id}}' });
  const children = (story: Story): string[] => Object.keys(story.state.actions['kill']?.children ?? {});
  const end = (story: Story, childId: string, status: string): Story =>
    story.take({ type: 'child', actionId: 'kill', childId, status, containedAt: null });
  const news = (story: Story, accounts: readonly string[]): NewInput => ({
    type: 'incident',
    incident: story.state.snapshot.incident,
    accounts,
    revision: 2,
  });

  it('settles when its children ended before it was known that they exist', () => {
    const story = new Story(planOf([kill]), ['a@x']);
    for (const child of children(story)) end(story, child, 'COMPLETED');
    story.take({ type: 'spawned', actionId: 'kill', children: 1 });
    expect(story.status('kill')).toBe('SUCCESS');
  });

  it('still owes the children that came while others were being started', () => {
    const story = new Story(planOf([kill]), ['a@x']);
    story.take(news(story, ['a@x', 'b@x'])).take({ type: 'spawned', actionId: 'kill', children: 1 });
    expect(story.owed).toEqual(['spawn:kill:2']);
  });

  it('runs for the accounts that were approved, not for those that came since', () => {
    const story = new Story(planOf([{ ...kill, gates: [gate()] }]), ['a@x']);
    story.take(news(story, ['a@x', 'b@x']));
    const [approval] = Object.values(story.state.approvals);
    if (approval === undefined) throw new Error('nothing was asked');
    const voter = {
      userId: 'usr_2',
      kind: 'person',
      roles: ['SECURITY_ADMIN'],
      disabled: false,
      linkedAccounts: [],
      issuedBy: 'usr_2',
    } as const;
    const { id: approvalId, intentHash } = approval;
    story.take({ type: 'vote', approvalId, decision: 'APPROVE', intentHash, comment: null, voter });
    expect(Object.values(story.state.actions['kill']?.children ?? {}).map(({ account }) => account)).toEqual(['a@x']);
  });

  it('is retried for the accounts that failed only, and can then succeed', () => {
    const story = new Story(planOf([kill]), ['a@x', 'b@x']).take({ type: 'spawned', actionId: 'kill', children: 2 });
    const [first = '', second = ''] = children(story);
    end(end(story, first, 'COMPLETED'), second, 'FAILED');
    expect([story.status('kill'), story.state.actions['kill']?.reason]).toEqual(['FAILED', '1_of_2_children_failed']);
    story.take(retry);
    const fresh = children(story).filter((id) => id !== first && id !== second);
    expect(fresh).toHaveLength(1);
    story.take({ type: 'spawned', actionId: 'kill', children: 3 });
    expect(end(story, fresh[0] ?? '', 'COMPLETED').status('kill')).toBe('SUCCESS');
  });

  it('waits for every child again when a failed roll-back is asked for again', () => {
    const story = new Story(planOf([kill]), ['a@x', 'b@x']).take({ type: 'spawned', actionId: 'kill', children: 2 });
    const [first = '', second = ''] = children(story);
    end(end(story, first, 'COMPLETED'), second, 'COMPLETED');
    const undo: NewInput = { type: 'compensate', by, reason: 'false alarm' };
    end(end(story.take(undo), first, 'ROLLED_BACK'), second, 'COMPENSATION_FAILED');
    expect(statusOf(story.state)).toBe('COMPENSATION_FAILED');
    end(story.take(undo), first, 'ROLLED_BACK');
    expect(statusOf(story.state)).toBe('COMPENSATING');
    expect(statusOf(end(story, second, 'ROLLED_BACK').state)).toBe('ROLLED_BACK');
    expect([statusOf(story.take(undo).state), story.owed]).toEqual(['ROLLED_BACK', []]);
  });
});

describe('undoing', () => {
  const undo: NewInput = { type: 'compensate', by, reason: 'false alarm' };
  const withoutKey = planOf([planAction('a', { declaration: declaration({ idempotency: 'none' }) })]);

  it('is not tried again while the undo before may still land, whether or not the target knows its key', () => {
    const lost = { type: 'undone', actionId: 'a', attempt: 1, generation: 1, mayLandForMs: 60_000 } as const;
    const withKey = planOf([planAction('a', { declaration: declaration({ idempotency: 'native-key' }) })]);
    for (const plan of [withoutKey, withKey]) {
      const story = new Story(plan).succeed('a').take(undo);
      story.take({ ...lost, result: { error: UNKNOWN } }).timer('resume:a');
      expect([story.now - START, story.owed]).toEqual([60_000, ['undo:a:1:2']]);
    }
  });

  it('waits as long when it was cut off', () => {
    const cutOff = { type: 'interrupted', actionId: 'a', attempt: 1, generation: 1, undo: true } as const;
    const story = new Story(withoutKey).succeed('a').take(undo);
    story.take({ ...cutOff, mayLandUntil: START + 60_000 });
    expect(story.owed).toEqual([]);
    story.timer('resume:a').take({ ...cutOff, mayLandUntil: START + 90_000 });
    expect(story.last.facts).toEqual([{ type: 'attempt.late', actionId: 'a', attempt: 1 }]);
    expect([story.now - START, story.owed]).toEqual([60_000, ['undo:a:1:2']]);
  });

  it('by the parent stops a run that a person had begun anew, and takes it back', () => {
    const parent = { type: 'engine', id: 'exe_parent' } as const;
    const story = new Story(planOf([planAction('a')], [planAction('b')])).succeed('a');
    expect(story.take(undo).last.facts).toEqual([
      { type: 'input.ignored', why: 'still running: cancel it with compensate' },
    ]);
    story.take({ ...undo, by: parent }).answer('observed', { prior: {}, heldBy: null }, 'b');
    expect(story.take({ ...undo, by: parent }).last.facts).toEqual([
      { type: 'input.ignored', why: 'already being undone' },
    ]);
    expect(statusOf(story.answer('undone', { result: 'restored', digest: 'd' }).state)).toBe('ROLLED_BACK');
  });

  it('is never called done when it failed, however often it is asked for', () => {
    const story = new Story(planOf([planAction('a')])).succeed('a');
    const undo: NewInput = { type: 'compensate', by, reason: 'false alarm' };
    for (const _ of [1, 2]) {
      story.take(undo).answer('undone', { error: REFUSED });
      expect(statusOf(story.state)).toBe('COMPENSATION_FAILED');
    }
  });

  it('tells each end, also a second one with the same status', () => {
    const undo: NewInput = { type: 'compensate', by, reason: 'false alarm' };
    const childOf = { executionId: 'exe_parent', actionId: 'kill' };
    const child = new Story(planOf([planAction('a')]));
    child.last = decide(child.plan, null, {
      ...startOf('exe_1'),
      parent: childOf,
      type: 'start',
      planHash: 'h',
      at: START,
    });
    child.succeed('a').take({ type: 'reported', status: 'COMPLETED' });
    for (const end of [2, 3]) {
      child.take(undo).answer('undone', { error: REFUSED });
      expect(child.owed).toEqual([`report:${end}:COMPENSATION_FAILED`]);
      // News of the end before, heard late, do not stand for this one.
      child.take({ type: 'reported', status: 'COMPENSATION_FAILED', end: end - 1 });
      expect(child.owed).toEqual([`report:${end}:COMPENSATION_FAILED`]);
      child.take({ type: 'reported', status: 'COMPENSATION_FAILED', end });
      expect(child.owed).toEqual([]);
    }
  });

  it('answers each time it is asked, also when there is nothing to undo', () => {
    const childOf = { executionId: 'exe_parent', actionId: 'kill' };
    const child = new Story(planOf([planAction('a', { declaration: blind, condition: 'false' })]));
    child.last = decide(child.plan, null, {
      ...startOf('exe_1'),
      parent: childOf,
      type: 'start',
      planHash: 'h',
      at: START,
    });
    child.take({ type: 'reported', status: 'SKIPPED' });
    for (const end of [2, 3]) {
      child.take({ type: 'compensate', by, reason: 'false alarm' });
      expect(child.owed).toEqual([`report:${end}:ROLLED_BACK`]);
      child.take({ type: 'reported', status: 'ROLLED_BACK', end });
    }
  });

  it('waits for an undo that its end of time has begun', () => {
    const story = new Story(planOf([planAction('a', { ttlMs: 1_000 })])).succeed('a').timer('ttl:a');
    story.take({ type: 'compensate', by, reason: 'false alarm' });
    expect(statusOf(story.state)).toBe('COMPENSATING');
    story.answer('undone', { result: 'restored', digest: 'd' });
    expect(statusOf(story.state)).toBe('ROLLED_BACK');
  });

  it('goes in its order though a containment ends by time meanwhile', () => {
    const story = new Story(planOf([planAction('a', { ttlMs: 1_000 })], [planAction('b')])).succeed('a').succeed('b');
    story.take({ type: 'compensate', by, reason: 'false alarm' });
    expect(story.owed).toEqual(['undo:b:1:1']);
    expect(timersOf(story.plan, story.state)).toEqual([]);
  });

  it('by time leaves an execution that had done its work completed', () => {
    const story = new Story(planOf([planAction('a', { ttlMs: 1_000 })], [planAction('b', { gates: [gate()] })]));
    story.succeed('a').timer('ttl:a').answer('undone', { result: 'restored', digest: 'd' }).take(cancel);
    expect(story.status('a')).toBe('COMPENSATED');
    expect(statusOf(story.state)).toBe('CANCELLED');
  });
});

describe('names that every object answers to', () => {
  it.each(['constructor', '__proto__', 'toString'])('%s is no approval, no action and no child', (name) => {
    const story = new Story(planOf([planAction('a')]));
    const voter = {
      userId: 'usr_2',
      kind: 'person',
      roles: ['SECURITY_ADMIN'],
      disabled: false,
      linkedAccounts: [],
      issuedBy: 'usr_2',
    } as const;
    const vote: NewInput = {
      type: 'vote',
      approvalId: name,
      decision: 'APPROVE',
      intentHash: '',
      comment: null,
      voter,
    };
    expect(story.take(vote).last.facts).toEqual([{ type: 'input.ignored', why: 'no such approval' }]);
    const child: NewInput = { type: 'child', actionId: 'a', childId: name, status: 'COMPLETED', containedAt: null };
    expect(story.take(child).last.facts).toEqual([{ type: 'input.ignored', why: 'no such child' }]);
    expect(story.answer('performed', { outcome: {} }, name).last.facts[0]?.type).toBe('attempt.late');
  });

  it('may be what a playbook calls its action', () => {
    const story = new Story(planOf([planAction('constructor'), planAction('__proto__')]));
    expect(story.owed).toEqual(['observe:constructor:1:1', 'observe:__proto__:1:1']);
    expect(story.succeed('constructor').status('constructor')).toBe('SUCCESS');
  });
});
