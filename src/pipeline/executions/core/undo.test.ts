import { describe, expect, it } from 'vitest';
import { BUSY, ExecutionStory, NO_ANSWER, REFUSED, STORY_START } from '../../../../tests/support/execution-story.ts';
import { declaration, planAction, planOf } from '../../../../tests/support/plans.ts';
import { effectsOf } from './demands.ts';
import { statusOf } from './state.ts';

const by = { type: 'person', id: 'usr_1' } as const;
const undo = { type: 'compensate', by, reason: 'false alarm' } as const;

function undoing(change: Partial<ReturnType<typeof planAction>> = {}): ExecutionStory {
  return new ExecutionStory(planOf([planAction('a', change)])).succeed().take(undo);
}

describe('an undo', () => {
  it.each([
    ['restored', 'COMPENSATED', null],
    ['still_held', 'COMPENSATED', 'held_by_another_execution'],
    ['not_needed', 'NOT_NEEDED', null],
    ['superseded', 'SUPERSEDED', 'changed_by_somebody_else'],
  ])('that finds %s ends as %s', (result, status, reason) => {
    const story = undoing().answer('undone', { result, digest: 'd' });
    expect(story.action()).toMatchObject({ phase: 'settled', status, reason });
    expect(statusOf(story.state)).toBe('ROLLED_BACK');
  });

  it('names the effect by the key of the call that made it, also where another execution made it', () => {
    const own = undoing();
    const key = own.action().key ?? '';
    expect(effectsOf(own.plan, own.state)).toMatchObject([{ kind: 'undo', effectKey: key }]);
    const shared = new ExecutionStory(planOf([planAction('a')])).observe();
    shared.answer('performed', { outcome: { changed: false } });
    const heldAs = { key: 'theirs', since: 0 };
    shared.answer('verified', { says: 'foreign', digest: 'd', prior: { was: 0 }, heldBy: 'exe_0', heldAs }).take(undo);
    // Our own call changed nothing: its answer is not the one of the effect that is undone.
    expect(effectsOf(shared.plan, shared.state)).toMatchObject([{ kind: 'undo', effectKey: 'theirs', reply: null }]);
  });

  it.each(['a failure', 'a person'])(
    'because of %s leaves nothing done, also when a retry after it fails again',
    (why) => {
      const onFailure = why === 'a failure' ? 'COMPENSATE' : 'CONTINUE';
      const plan = planOf([planAction('a')], [planAction('b', { onFailure })]);
      const story = new ExecutionStory(plan).succeed('a').answer('observed', { error: REFUSED }, 'b');
      if (why === 'a person') story.take(undo);
      story.answer('undone', { result: 'restored', digest: 'd' }, 'a').take({ type: 'retry', by });
      expect(statusOf(story.answer('observed', { error: REFUSED }, 'b').state)).toBe('ROLLED_BACK');
    },
  );

  it('is over where a retry after it may have done something', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const plan = planOf([planAction('a')], [planAction('b', { retry: once })]);
    const story = new ExecutionStory(plan).succeed('a').answer('observed', { error: REFUSED }, 'b').take(undo);
    story.answer('undone', { result: 'restored', digest: 'd' }, 'a').take({ type: 'retry', by }).observe('b');
    story.answer('performed', { error: NO_ANSWER }, 'b').answer('verified', { error: REFUSED }, 'b');
    expect([story.action('b').status, statusOf(story.state)]).toEqual(['UNKNOWN', 'FAILED']);
    expect(story.take(undo).state.compensation?.queue).toEqual(['b']);
  });

  it('is tried five times, with growing pauses, under one key, and then a person is needed', () => {
    const story = undoing();
    const keys = new Set<string>();
    const pauses: (number | null)[] = [];
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      const [effect] = effectsOf(story.plan, story.state);
      expect(effect).toMatchObject({ kind: 'undo', name: `undo:a:1:${attempt}`, attempt });
      if (effect?.kind === 'undo') keys.add(effect.key);
      story.answer('undone', { error: attempt % 2 === 0 ? BUSY : { ...NO_ANSWER, retryable: false } });
      if (attempt === 5) break;
      expect(story.action()).toMatchObject({ phase: 'undo_backoff', status: 'SUCCESS' });
      pauses.push(story.dueIn('resume:a'));
      story.timer('resume:a');
    }
    expect(keys.size).toBe(1);
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(story.action()).toMatchObject({ status: 'COMPENSATION_FAILED', reason: 'timeout' });
    expect(statusOf(story.state)).toBe('COMPENSATION_FAILED');
    expect(story.timers).toEqual([]);
  });

  it('is tried five times more, from the first pause on, when a person asks for it again', () => {
    const story = undoing();
    const fail = (): ExecutionStory => {
      const { undoAttempt: first } = story.action();
      const tries = (): number => story.action().undoAttempt - first + 1;
      for (story.answer('undone', { error: BUSY }); story.action().phase === 'undo_backoff';) {
        expect(story.dueIn('resume:a')).toBe(1_000 * 2 ** (tries() - 1));
        story.timer('resume:a').answer('undone', { error: BUSY });
      }
      expect([tries(), story.action().status]).toEqual([5, 'COMPENSATION_FAILED']);
      return story;
    };
    fail().take(undo);
    // The tries of before still count as others: their answers may come late.
    expect(story.action()).toMatchObject({ phase: 'undoing', undoAttempt: 6 });
    expect(fail().take(undo).action().undoAttempt).toBe(11);
    expect(story.answer('undone', { result: 'restored', digest: 'd' }).action().status).toBe('COMPENSATED');
  });

  it('that a stop of the process cut off was no try', () => {
    const story = undoing();
    for (let times = 1; times <= 4; times += 1) {
      const { undoAttempt: attempt, generation } = story.action();
      story.take({
        type: 'interrupted',
        undo: true,
        actionId: 'a',
        attempt,
        generation,
        mayLandUntil: story.now + 9_000,
      });
      expect(story.dueIn('resume:a')).toBe(9_000);
      story.timer('resume:a');
    }
    story.answer('undone', { error: BUSY });
    expect([story.action().phase, story.dueIn('resume:a')]).toEqual(['undo_backoff', 1_000]);
  });

  it('has all its tries after it has waited for a call to land, and in a new run', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { retry: once })])).observe();
    const { attempt, generation } = story.action();
    const lost = { actionId: 'a', attempt, generation, mayLandForMs: 9_000, result: { error: NO_ANSWER } } as const;
    story.take({ type: 'performed', ...lost }).answer('verified', { says: 'unknown', digest: 'd' });
    story.take(undo).timer('resume:a');
    for (let times = 1; times <= 4; times += 1) story.answer('undone', { error: BUSY }).timer('resume:a');
    expect(story.answer('undone', { error: BUSY }).action().status).toBe('COMPENSATION_FAILED');
  });

  it('is not repeated where that would change nothing', () => {
    const story = undoing().answer('undone', { error: REFUSED });
    expect(story.action()).toMatchObject({ status: 'COMPENSATION_FAILED', reason: 'refused' });
  });

  it('takes no answer to a try that is over', () => {
    const story = undoing().answer('undone', { error: BUSY }).timer('resume:a');
    story.take({
      type: 'undone',
      actionId: 'a',
      attempt: 1,
      generation: 1,
      result: { result: 'restored', digest: 'd' },
    });
    expect(story.last.facts).toEqual([{ type: 'attempt.late', actionId: 'a', attempt: 1 }]);
    story.take({
      type: 'undone',
      actionId: 'a',
      attempt: 2,
      generation: 2,
      result: { result: 'restored', digest: 'd' },
    });
    expect(story.action().phase).toBe('undoing');
  });

  it('by time holds no timer while it is under way', () => {
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: 1_000 })])).succeed().timer('ttl:a');
    expect([story.action().phase, story.dueIn('ttl:')]).toEqual(['undoing', null]);
    story.answer('undone', { error: BUSY });
    expect([story.action().phase, story.dueIn('ttl:'), story.dueIn('resume:a')]).toEqual(['undo_backoff', null, 1_000]);
    story.timer('resume:a').answer('undone', { result: 'restored', digest: 'd' });
    expect(story.timers).toEqual([]);
  });

  it('waits until a call without an answer can no longer take effect', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { retry: once })])).observe();
    const { attempt, generation } = story.action();
    story.take({
      type: 'performed',
      actionId: 'a',
      attempt,
      generation,
      result: { error: NO_ANSWER },
      mayLandForMs: 9_000,
    });
    story.answer('verified', { says: 'unknown', digest: 'd' });
    expect([story.action().status, statusOf(story.state)]).toEqual(['UNKNOWN', 'FAILED']);
    story.now += 4_000;
    story.take(undo);
    expect([story.action().phase, story.dueIn('resume:a')]).toEqual(['undo_backoff', 5_000]);
    story.timer('resume:a');
    expect([story.action().phase, story.now - STORY_START]).toEqual(['undoing', 9_000]);
  });
});

describe('what is undone', () => {
  const undone = (story: ExecutionStory): readonly string[] => story.take(undo).state.compensation?.queue ?? [];

  it('is what was done, or may have been', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const told = (result: object): ExecutionStory =>
      new ExecutionStory(planOf([planAction('a', { retry: once })])).observe().answer('performed', result);
    expect(undone(told({ outcome: {} }).answer('verified', { says: 'holds', digest: 'd' }))).toEqual(['a']);
    expect(undone(told({ outcome: {} }).answer('verified', { says: 'unknown', digest: 'd' }))).toEqual(['a']);
    expect(undone(told({ prior: {}, heldBy: 'exe_0' }))).toEqual(['a']);
    expect(undone(told({ error: REFUSED }))).toEqual([]);
  });

  it('is not what was only looked at, whatever became of the look', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { retry: once })]));
    story.answer('observed', { error: NO_ANSWER });
    expect([story.action().status, undone(story)]).toEqual(['TIMED_OUT', []]);
  });

  it('is never what was not begun, nor what cannot be undone', () => {
    expect(undone(new ExecutionStory(planOf([planAction('a', { condition: 'false' })])))).toEqual([]);
    const lasting = declaration({ reversibility: 'irreversible' });
    expect(undone(new ExecutionStory(planOf([planAction('a', { declaration: lasting })])).succeed())).toEqual([]);
  });

  it('is asked for when the execution is over, and once at a time', () => {
    const story = new ExecutionStory(planOf([planAction('a')])).take(undo);
    expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'still running: cancel it with compensate' }]);
    story.succeed().take(undo).take(undo);
    expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'already being undone' }]);
  });
});
