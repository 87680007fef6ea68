import { describe, expect, it } from 'vitest';
import { BUSY, ExecutionStory, NO_ANSWER } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import { backoffMs } from './backoff.ts';
import { statusOf } from './state.ts';

const SECOND = 1_000;
const HOUR = 3_600_000;

function withRetry(maxRetries: number, first: number, multiplier: number): ReturnType<typeof planAction> {
  return planAction('a', { retry: { maxRetries, backoffMs: first, backoffMultiplier: multiplier } });
}

describe('the pause before a repeat', () => {
  it('grows by its multiplier', () => {
    const pauses = (multiplier: number): number[] =>
      [1, 2, 3, 4].map((attempt) => backoffMs(withRetry(9, SECOND, multiplier), attempt, null));
    expect(pauses(2)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(pauses(1)).toEqual([1_000, 1_000, 1_000, 1_000]);
    expect(pauses(1.1)).toEqual([1_000, 1_100, 1_210, 1_331]);
  });

  it('is a whole number of ms at each step, the same on every machine', () => {
    expect([1, 2, 3, 4].map((attempt) => backoffMs(withRetry(9, 3, 1.5), attempt, null))).toEqual([3, 5, 8, 12]);
  });

  it('is never longer than an hour, however many there were', () => {
    for (const attempt of [13, 50, 5_000]) expect(backoffMs(withRetry(9, SECOND, 2), attempt, null)).toBe(HOUR);
    expect(backoffMs(withRetry(9, 2 * HOUR, 1), 1, null)).toBe(HOUR);
  });

  it('is as long as the target asks, up to an hour, and never shorter than its own', () => {
    const asked = (retryAfterMs: number): number => backoffMs(withRetry(9, SECOND, 2), 2, { ...BUSY, retryAfterMs });
    expect([500, 30_000, 90 * HOUR].map(asked)).toEqual([2_000, 30_000, HOUR]);
  });

  it('stands in front of each of as many repeats as the plan allows, and of no more', () => {
    const story = new ExecutionStory(planOf([withRetry(2, SECOND, 2)])).observe();
    const pauses: (number | null)[] = [];
    for (const _ of [1, 2]) {
      pauses.push(story.answer('performed', { error: BUSY }).dueIn('resume:a'));
      story.timer('resume:a');
    }
    expect(pauses).toEqual([1_000, 2_000]);
    story.answer('performed', { error: BUSY });
    expect([story.action().status, story.action().reason, story.action().attempt]).toEqual(['FAILED', 'busy', 3]);
  });
});

describe('an action that waits for an answer of its user', () => {
  const asks = declaration({ type: 'STEP_UP_CHALLENGE', reversibility: 'selfRecoverable', waits: true, holds: null });
  const asking = (waitMs: number): ExecutionStory =>
    new ExecutionStory(planOf([planAction('a', { declaration: asks, waitMs })])).succeed();
  /** The pauses between checks that all say `result`, up to the end of the wait. */
  const pausesOf = (waitMs: number, result: object): (number | null)[] => {
    const story = asking(waitMs);
    const pauses: (number | null)[] = [];
    while (story.action().phase === 'waiting') {
      pauses.push(story.dueIn('resume:a'));
      story.timer('resume:a').answer('checked', result);
    }
    expect([story.action().status, story.action().outcome]).toEqual(['SUCCESS', 'expired']);
    expect(story.now).toBe(story.action().waitUntil ?? 0);
    return pauses;
  };

  it('is looked at more and more seldom, at least each minute, and last when the wait is over', () => {
    const pauses = [5, 10, 20, 40, 60, 60, 60, 45].map((seconds) => seconds * SECOND);
    expect(pausesOf(300 * SECOND, { state: 'pending' })).toEqual(pauses);
  });

  it('is looked at again when a look fails', () => {
    expect(pausesOf(12 * SECOND, { error: NO_ANSWER })).toEqual([5_000, 7_000]);
    expect(pausesOf(3 * SECOND, { error: NO_ANSWER })).toEqual([3_000]);
  });

  it.each(['passed', 'failed', 'expired'])('is done when the answer is there: %s', (state) => {
    const story = asking(300 * SECOND)
      .timer('resume:a')
      .answer('checked', { state });
    expect([story.action().status, story.action().outcome]).toEqual(['SUCCESS', state]);
    expect(story.timers).toEqual([]);
  });

  it('takes no answer to a look that is over', () => {
    const story = asking(300 * SECOND).answer('checked', { state: 'passed' });
    expect(story.last.facts.map(({ type }) => type)).toEqual(['attempt.late']);
    expect(story.action().phase).toBe('waiting');
  });
});

describe('a containment that ends by itself', () => {
  const contained = (change: Partial<ReturnType<typeof planAction>> = {}): ExecutionStory => {
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, ...change })])).observe();
    story.now += 7 * SECOND;
    return story.succeed();
  };

  it('does so its time after it began to hold', () => {
    const story = contained();
    expect(story.timers).toEqual([{ name: 'ttl:a', generation: 1, due: story.now + HOUR }]);
    expect(story.timer('ttl:a').action().phase).toBe('undoing');
  });

  it('is not asked to before', () => {
    const story = contained();
    story.now += HOUR - 1;
    story.take({ type: 'timer', name: 'ttl:a', generation: 1 });
    expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'not due yet' }]);
    story.now += 1;
    expect(story.take({ type: 'timer', name: 'ttl:a', generation: 1 }).action().phase).toBe('undoing');
  });

  it('answers to its own name and its own generation only', () => {
    const story = contained();
    story.now += HOUR;
    for (const [name, generation] of [
      ['ttl:a', 2],
      ['ttl:b', 1],
      ['resume:a', 1],
      ['execution', 1],
    ] as const) {
      story.take({ type: 'timer', name, generation });
      expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'no such timer' }]);
    }
  });

  it('is none without a time, nor where nothing can be undone', () => {
    expect(contained({ ttlMs: null }).timers).toEqual([]);
    expect(contained({ declaration: declaration({ reversibility: 'irreversible' }) }).timers).toEqual([]);
  });

  it('is none when it failed, and is one where it shares the hold of another', () => {
    const failed = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })]));
    failed.observe().answer('performed', { error: { ...BUSY, retryable: false } });
    expect([failed.action().status, failed.timers]).toEqual(['FAILED', []]);
    const shared = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })]));
    shared.answer('observed', { prior: {}, heldBy: 'exe_0' });
    expect([shared.action().status, shared.dueIn('ttl:a')]).toEqual(['SKIPPED', HOUR]);
    const left = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, condition: 'false' })]));
    expect([left.action().status, left.timers]).toEqual(['SKIPPED', []]);
  });
});

describe('the time limit of an execution', () => {
  it('counts what it was busy, not what it waited for people', () => {
    const asks = declaration({ type: 'STEP_UP_CHALLENGE', reversibility: 'selfRecoverable', waits: true, holds: null });
    const plan = planOf([planAction('a', { declaration: asks, waitMs: 900 * SECOND })], [planAction('b')]);
    const story = new ExecutionStory(plan);
    expect(story.dueIn('execution')).toBe(300 * SECOND);
    story.now += 100 * SECOND;
    expect(story.dueIn('execution')).toBe(200 * SECOND);
    story.succeed();
    expect(story.dueIn('execution')).toBe(null);
    story.timer('resume:a');
    expect(story.dueIn('execution')).toBe(200 * SECOND);
    story.now += 50 * SECOND;
    story.answer('checked', { state: 'passed' });
    expect(story.dueIn('execution')).toBe(150 * SECOND);
    story.timer('execution');
    expect([story.state.stopped, story.now - story.state.startedAt]).toEqual(['timed_out', 305 * SECOND]);
    story.answer('observed', { prior: {}, heldBy: null }, 'b');
    expect([story.action('b').status, statusOf(story.state)]).toEqual(['TIMED_OUT', 'PARTIALLY_COMPLETED']);
  });

  it('does not count the undo of what is over by its own time, however long that takes', () => {
    const asks = planAction('b', { gates: [gate({ timeoutMs: 24 * HOUR })] });
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })], [asks])).succeed('a').timer('ttl:a');
    expect([story.action().phase, story.dueIn('execution')]).toEqual(['undoing', null]);
    story.now += 400 * SECOND;
    story.answer('undone', { error: { ...BUSY, retryAfterMs: HOUR } });
    expect([story.action().phase, story.dueIn('execution')]).toEqual(['undo_backoff', null]);
    story.timer('resume:a').answer('undone', { result: 'restored', digest: 'd' });
    expect([story.action().status, story.approval.status, story.state.ranMs]).toEqual(['COMPENSATED', 'PENDING', 0]);
    expect(statusOf(story.vote('APPROVE').succeed('b').state)).toBe('COMPLETED');
  });
});
