import { describe, expect, it } from 'vitest';
import { MAX_SUBJECTS_PER_FANOUT } from '../../../platform/limits.ts';
import { ExecutionStory, REFUSED } from '../../../../tests/support/execution-story.ts';
import { gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { effectsOf } from './demands.ts';
import { coveredAccounts } from './outgrown.ts';
import { statusOf } from './state.ts';

/** An action for each account while people cancel, release, retry, and while others join. */

const HOUR = 3_600_000;
const by = { type: 'person', id: 'usr_1' } as const;

function kill(change: Partial<PlanAction> = {}): PlanAction {
  return planAction('kill', { forEach: 'accounts', target: '{{user.id}}', ...change });
}

function fanOut(plan: Plan, ...accounts: string[]): ExecutionStory {
  return new ExecutionStory(plan, startOf('exe_1', 'jrn_test', accounts));
}

/** All children that there are now exist. */
function spawn(story: ExecutionStory): ExecutionStory {
  const children = Object.keys(story.action('kill').children).length;
  return story.take({ type: 'spawned', actionId: 'kill', children });
}

/** Ends the newest child of an account. */
function end(story: ExecutionStory, account: string, status: string): ExecutionStory {
  const [childId = ''] =
    Object.entries(story.action('kill').children)
      .filter(([, child]) => child.account === account)
      .at(-1) ?? [];
  return story.take({ type: 'child', actionId: 'kill', childId, status, containedAt: null });
}

function join(story: ExecutionStory, ...accounts: string[]): ExecutionStory {
  return story.take({ type: 'incident', incident: story.state.snapshot.incident, accounts, revision: 2 });
}

function actedOn(story: ExecutionStory): readonly string[] {
  return Object.values(story.action('kill').children).map(({ account }) => account);
}

function owed(story: ExecutionStory) {
  return effectsOf(story.plan, story.state);
}

const running = (story: ExecutionStory): readonly string[] =>
  Object.values(story.action('kill').children)
    .filter(({ status }) => status === null)
    .map(({ account }) => account);

describe('an action for each account that is stopped', () => {
  const cancel = { type: 'cancel', by, reason: 'wrong', compensate: false } as const;

  it('cancels its children, and ends when they have', () => {
    const story = spawn(fanOut(planOf([kill()]), 'a', 'b'));
    expect(owed(story)).toEqual([]);
    end(story, 'a', 'COMPLETED').take(cancel);
    expect(owed(story)).toEqual([{ kind: 'cancel-children', name: 'cancel:kill:2', actionId: 'kill' }]);
    end(story, 'b', 'CANCELLED');
    expect(story.action('kill')).toMatchObject({ status: 'FAILED', reason: '1_of_2_children_failed' });
    expect(statusOf(story.state)).toBe('CANCELLED');
  });

  it('waits for those that are being started, which end at once', () => {
    const story = fanOut(planOf([kill()]), 'a').take(cancel);
    expect(owed(story)).toMatchObject([{ kind: 'spawn' }]);
    expect(owed(spawn(story))).toMatchObject([{ kind: 'cancel-children' }]);
    const child = new ExecutionStory(planOf([planAction('kill')]), {
      parent: { executionId: 'exe_1', actionId: 'kill' },
      isCancelled: true,
    });
    expect([statusOf(child.state), child.state.actions]).toEqual(['CANCELLED', {}]);
  });

  it('is told of a child that did its work that it did', () => {
    const child = new ExecutionStory(planOf([planAction('kill')]), {
      parent: { executionId: 'exe_1', actionId: 'kill' },
    });
    child.observe('kill').take(cancel).succeed('kill');
    expect(statusOf(child.state)).toBe('COMPLETED');
  });

  it('is told of a child that shares the hold of another execution that it needs nothing more', () => {
    const child = new ExecutionStory(planOf([planAction('kill')]), {
      parent: { executionId: 'exe_1', actionId: 'kill' },
    });
    child
      .observe('kill')
      .take(cancel)
      .answer('performed', { prior: { was: 0 }, heldBy: 'exe_0' }, 'kill');
    expect([child.action('kill').reason, statusOf(child.state)]).toEqual(['already_held', 'SKIPPED']);
  });

  it('is told so also where its time was over meanwhile', () => {
    const child = new ExecutionStory(planOf([planAction('kill')]), {
      parent: { executionId: 'exe_1', actionId: 'kill' },
    });
    child.observe('kill').timer('execution').succeed('kill');
    expect([child.state.stopped, statusOf(child.state)]).toEqual(['timed_out', 'COMPLETED']);
  });
});

describe('an account that a person has released', () => {
  const plan = planOf([kill({ onFailure: 'COMPENSATE' })], [planAction('b', { gates: [gate()] })]);

  it('is not contained again by a retry for the others', () => {
    const story = spawn(fanOut(planOf([kill()]), 'a', 'b'));
    end(end(story, 'a', 'COMPLETED'), 'b', 'FAILED');
    end(story, 'a', 'ROLLED_BACK').take({ type: 'retry', by });
    expect(running(story)).toEqual(['b']);
  });

  it('does not make those who join the reason to let everybody go', () => {
    const story = spawn(fanOut(plan, 'a', 'b'));
    end(end(end(story, 'a', 'COMPLETED'), 'b', 'COMPLETED'), 'a', 'ROLLED_BACK');
    end(spawn(join(story, 'a', 'b', 'c')), 'c', 'COMPLETED');
    expect(story.action('kill')).toMatchObject({ phase: 'settled', status: 'SUCCESS' });
  });

  it('is no failure while others still run; a child that took back its own failure is', () => {
    const released = spawn(fanOut(plan, 'a', 'b'));
    end(end(end(released, 'a', 'COMPLETED'), 'a', 'ROLLED_BACK'), 'b', 'COMPLETED');
    expect(released.action('kill').status).toBe('SUCCESS');
    const failed = spawn(fanOut(planOf([kill()]), 'a', 'b'));
    end(end(failed, 'a', 'ROLLED_BACK'), 'b', 'COMPLETED');
    expect(failed.action('kill')).toMatchObject({ status: 'FAILED', reason: '1_of_2_children_failed' });
  });
});

describe('whoever joins', () => {
  it('while the limiter is asked, is acted on, and counted by itself', () => {
    const plan = { ...planOf([kill()]), perHour: { ACCOUNT_SUSPEND: 5 } };
    const story = join(fanOut(plan, 'a', 'b'), 'a', 'b', 'c');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', count: 2 }]);
    story.take({ type: 'reserved', actionId: 'kill', turn: 0, granted: true, used: 2, perHour: 5 });
    expect([actedOn(story), story.action('kill').accounts]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b'],
    ]);
  });

  it('when there is no place any more, is left to a follow-up', () => {
    const all = Array.from({ length: MAX_SUBJECTS_PER_FANOUT - 1 }, (_, index) => `u${index}`);
    const plan = planOf([kill()]);
    const story = join(spawn(fanOut(plan, ...all)), ...all, 'last', 'late');
    expect(actedOn(story)).toEqual([...all, 'last']);
    expect(coveredAccounts(plan, story.state)).toEqual([...all, 'last']);
  });
});

describe('a retry for each account', () => {
  const limited = {
    ...planOf([kill({ gates: [gate({ fallbackBehavior: 'ALLOW_ACTION' })] })]),
    perHour: { ACCOUNT_SUSPEND: 2 },
  };
  const reserved = { type: 'reserved', actionId: 'kill', turn: 0, granted: true, used: 1, perHour: 2 } as const;
  const everybody = ['a', 'c', 'd', 'e', 'f'];

  it('is counted anew: it is for others', () => {
    const story = spawn(fanOut(limited, 'a').timer('approval:').take(reserved));
    end(join(story, ...everybody), 'a', 'FAILED');
    story.now += 5 * HOUR;
    story.take({ type: 'retry', by }).timer('approval:');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', countedAs: 'kill:2', count: 5, approved: false }]);
  });

  it('is not allowed by whom the run before was', () => {
    const story = join(fanOut(limited, 'a').vote('APPROVE'), ...everybody).timer('execution');
    story.take({ type: 'retry', by }).timer('approval:');
    expect(owed(story)).toMatchObject([{ kind: 'reserve', approved: false }]);
  });

  it('has nothing left to do where a person has retried the children, and asks nobody', () => {
    const story = spawn(fanOut(planOf([kill()]), 'a', 'b'));
    end(end(end(story, 'a', 'COMPLETED'), 'b', 'FAILED'), 'b', 'COMPLETED').take({ type: 'retry', by });
    expect(story.action('kill').status).toBe('SUCCESS');
    expect(statusOf(story.state)).toBe('COMPLETED');
  });

  it('acts on nobody who joins while something else is retried, where it was rolled back', () => {
    const story = spawn(fanOut(planOf([kill()], [planAction('b', { onFailure: 'COMPENSATE' })]), 'x', 'y'));
    end(end(story, 'x', 'COMPLETED'), 'y', 'COMPLETED').answer('observed', { error: REFUSED }, 'b');
    end(end(story, 'x', 'ROLLED_BACK'), 'y', 'ROLLED_BACK').take({ type: 'retry', by });
    join(story, 'x', 'y', 'z');
    expect([actedOn(story), story.action('kill').status]).toEqual([['x', 'y'], 'COMPENSATED']);
    expect(statusOf(story.succeed('b').state)).toBe('COMPLETED');
    // A follow-up is for them, as for all who join after a roll-back.
    expect(coveredAccounts(story.plan, story.state)).toEqual(['x', 'y']);
  });

  it('is done where a person has retried the last child while others were asked about it', () => {
    const story = fanOut(planOf([kill({ gates: [gate()] })]), 'a', 'b').vote('APPROVE');
    end(end(spawn(story), 'a', 'COMPLETED'), 'b', 'FAILED').take({ type: 'retry', by });
    end(story, 'b', 'COMPLETED');
    const asked = Object.values(story.state.approvals).find(({ status }) => status === 'PENDING');
    story.vote('APPROVE', 'usr_2', ['SECURITY_ADMIN'], asked);
    expect(story.action('kill')).toMatchObject({ status: 'SUCCESS', generation: 2 });
    expect(statusOf(story.state)).toBe('COMPLETED');
  });

  it('asks only about those who are left', () => {
    const story = fanOut(planOf([kill({ gates: [gate()] })]), 'a', 'b').vote('APPROVE');
    end(end(spawn(story), 'a', 'COMPLETED'), 'b', 'FAILED').take({ type: 'retry', by });
    expect(story.action('kill')).toMatchObject({ phase: 'awaiting_approval', accounts: ['b'] });
    expect(coveredAccounts(story.plan, story.state)).toEqual(['a', 'b']);
  });
});

describe('the time of a containment', () => {
  it('is that of each child, which people may extend by itself', () => {
    const story = end(spawn(fanOut(planOf([kill({ ttlMs: HOUR })]), 'a')), 'a', 'COMPLETED');
    expect([story.action('kill').status, story.timers]).toEqual(['SUCCESS', []]);
  });

  it('runs also where nobody knows whether it stands', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    story.answer('performed', { outcome: {} }).answer('verified', { says: 'unknown', digest: 'd' });
    expect([story.action().status, story.dueIn('ttl:a')]).toEqual(['UNKNOWN', HOUR]);
    expect(story.timer('ttl:a').action().phase).toBe('undoing');
  });
});
