import { describe, expect, it } from 'vitest';
import { BUSY, ExecutionStory, NO_ANSWER, REFUSED } from '../../../../tests/support/execution-story.ts';
import { declaration, planAction, planOf } from '../../../../tests/support/plans.ts';
import { effectsOf } from './demands.ts';
import { statusOf } from './state.ts';

const by = { type: 'person', id: 'usr_1' } as const;
const free = declaration({ holds: null });
const HOUR = 3_600_000;

function performing(change: Partial<ReturnType<typeof planAction>> = {}): ExecutionStory {
  return new ExecutionStory(planOf([planAction('a', { declaration: free, ...change })]));
}

/** The call of the attempt under way is kept back. */
function keepBack(story: ExecutionStory): ExecutionStory {
  const { attempt, undoAttempt, generation, pauses, phase } = story.action();
  const isUndo = phase === 'undoing';
  const undo = isUndo ? ({ undo: true } as const) : {};
  return story.take({
    type: 'paused',
    actionId: 'a',
    attempt: isUndo ? undoAttempt : attempt,
    generation,
    turn: pauses,
    ...undo,
  });
}

const resume = (story: ExecutionStory): ExecutionStory =>
  story.take({ type: 'resumed', actionId: 'a', turn: story.action().pauses });
const owed = (story: ExecutionStory) => effectsOf(story.plan, story.state);

describe('a call that is kept back by a pause', () => {
  it('waits without a try, a timer or time that the execution ran, and is the same call when people resume', () => {
    const story = performing({ retry: { maxRetries: 0, backoffMs: 1_000, backoffMultiplier: 2 } });
    const [before] = owed(story);
    story.now += 100;
    keepBack(story);
    expect(story.action()).toMatchObject({ phase: 'paused', attempt: 1, status: null });
    expect([story.timers, statusOf(story.state), story.state.ranMs]).toEqual([[], 'RUNNING', 100]);
    expect(owed(story)).toEqual([{ kind: 'resume', name: 'resume:a:1:1', actionId: 'a', turn: 1 }]);
    story.now += 30 * 24 * HOUR;
    resume(story);
    const [after] = owed(story);
    expect(after).toEqual({ ...before, name: 'perform:a:1:1:1', turn: 1 });
    expect(story.dueIn('execution')).toBe(300_000 - 100);
    story.succeed();
    expect([story.action().status, statusOf(story.state)]).toEqual(['SUCCESS', 'COMPLETED']);
  });

  it('may be kept back again and again, each time as another wait', () => {
    const story = performing();
    const names = [1, 2, 3].map(() => {
      const [wait] = owed(keepBack(story));
      resume(story);
      return wait?.name;
    });
    expect(names).toEqual(['resume:a:1:1', 'resume:a:1:2', 'resume:a:1:3']);
    expect(story.action()).toMatchObject({ phase: 'performing', attempt: 1, pauses: 3 });
  });

  it('keeps its retries: after a failed try the next one waits, and is still the second', () => {
    const story = performing({ retry: { maxRetries: 1, backoffMs: 1_000, backoffMultiplier: 2 } });
    story.answer('performed', { error: BUSY }).timer('resume:a');
    resume(keepBack(story));
    expect(story.action()).toMatchObject({ phase: 'performing', attempt: 2 });
    story.succeed();
    expect(story.action().status).toBe('SUCCESS');
  });

  it('takes the news of it once, and none of another attempt', () => {
    const story = keepBack(performing());
    const again = { type: 'paused', actionId: 'a', attempt: 1, generation: 1, turn: 0 } as const;
    expect(story.take(again).last.facts).toMatchObject([{ type: 'attempt.late' }]);
    resume(story);
    // Handed in twice: the call may be under way by now.
    expect(story.take(again).last.facts).toMatchObject([{ type: 'attempt.late' }]);
    expect(story.take({ type: 'resumed', actionId: 'a', turn: 1 }).last.facts).toMatchObject([
      { type: 'input.ignored', why: 'nothing waits for a resume' },
    ]);
    expect(story.action().phase).toBe('performing');
  });

  it('takes no news of it about an undo that is not under way', () => {
    const story = performing();
    const undo = { type: 'paused', actionId: 'a', attempt: 0, generation: 1, turn: 0, undo: true } as const;
    expect(story.take(undo).last.facts).toMatchObject([{ type: 'attempt.late' }]);
  });

  it('was never begun when the execution is cancelled meanwhile', () => {
    const story = keepBack(performing());
    story.take({ type: 'cancel', by, reason: 'wrong', compensate: true });
    expect(story.action()).toMatchObject({ phase: 'settled', status: 'SKIPPED', reason: 'cancelled' });
    expect([statusOf(story.state), owed(story)]).toEqual(['CANCELLED', []]);
  });

  it('counts as failed after an earlier try, and as unknown while that may still land unread', () => {
    const busy = performing().answer('performed', { error: BUSY }).timer('resume:a');
    keepBack(busy).take({ type: 'cancel', by, reason: 'wrong', compensate: false });
    expect(busy.action()).toMatchObject({ status: 'FAILED', reason: 'cancelled' });

    const blind = declaration({ holds: null, readBack: false, idempotency: 'native-key', reversibility: 'expires' });
    const unread = performing({ declaration: blind });
    const { attempt, generation } = unread.action();
    unread.take({
      type: 'performed',
      actionId: 'a',
      attempt,
      generation,
      mayLandForMs: 9_000,
      result: { error: NO_ANSWER },
    });
    unread.timer('resume:a');
    keepBack(unread).take({ type: 'cancel', by, reason: 'wrong', compensate: false });
    expect(unread.action()).toMatchObject({ status: 'UNKNOWN', reason: 'cancelled' });
  });
});

describe('what was seen before a pause', () => {
  const seen = (story: ExecutionStory, was: number) => {
    const { attempt, generation, pauses } = story.action();
    const turn = pauses === 0 ? {} : { turn: pauses };
    const result = { prior: { was }, heldBy: null };
    return story.take({ type: 'observed', actionId: 'a', attempt, generation, ...turn, result });
  };

  it('is looked at once more, because somebody else may have changed it meanwhile', () => {
    const story = keepBack(seen(new ExecutionStory(planOf([planAction('a')])), 1));
    expect(resume(story).action()).toMatchObject({ phase: 'observing', prior: null, attempt: 1 });
    // What the first look had seen is no answer to the second one.
    story.take({
      type: 'observed',
      actionId: 'a',
      attempt: 1,
      generation: 1,
      result: { prior: { was: 1 }, heldBy: null },
    });
    expect(story.last.facts).toMatchObject([{ type: 'attempt.late' }]);
    seen(story, 2);
    expect(story.action()).toMatchObject({ phase: 'performing', prior: { was: 2 } });
    expect(owed(story)).toMatchObject([{ kind: 'perform', name: 'perform:a:1:1:1', prior: { was: 2 } }]);
  });

  it('stays as it is after an earlier call: what shows now may be our own', () => {
    const story = seen(new ExecutionStory(planOf([planAction('a')])), 1);
    story.answer('performed', { error: BUSY }).timer('resume:a');
    expect(resume(keepBack(story)).action()).toMatchObject({ phase: 'performing', prior: { was: 1 }, attempt: 2 });
  });

  it('is looked at once more also in a person’s retry, which has sent nothing yet', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = seen(new ExecutionStory(planOf([planAction('a', { retry: once })])), 1);
    story.answer('performed', { error: REFUSED }).take({ type: 'retry', by });
    seen(story.answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a'), 2);
    expect(resume(keepBack(story)).action()).toMatchObject({ phase: 'observing', prior: null, attempt: 1 });
  });
});

describe('an undo that is kept back by a pause', () => {
  it('waits when the time of a containment is over, and is made when people resume', () => {
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })])).succeed().timer('ttl:a');
    const [before] = owed(story).filter(({ kind }) => kind === 'undo');
    keepBack(story);
    expect(story.action()).toMatchObject({ phase: 'undo_paused', status: 'SUCCESS', undoAttempt: 1 });
    expect(owed(story).filter(({ kind }) => kind === 'resume')).toMatchObject([{ name: 'resume:a:1:1' }]);
    story.now += 9 * HOUR;
    resume(story);
    const [after] = owed(story).filter(({ kind }) => kind === 'undo');
    expect(after).toEqual({ ...before, name: 'undo:a:1:1:1', turn: 1 });
    story.answer('undone', { result: 'restored', digest: 'd' });
    expect(story.action()).toMatchObject({ status: 'COMPENSATED' });
  });

  it('keeps its place in a roll-back, which waits for it', () => {
    const story = new ExecutionStory(planOf([planAction('b')], [planAction('a')])).succeed('b').succeed('a');
    story.take({ type: 'compensate', by, reason: 'false alarm' });
    keepBack(story);
    expect(story.action('b').phase).toBe('settled');
    expect(story.take({ type: 'compensate', by, reason: 'again' }).last.facts).toMatchObject([
      { type: 'input.ignored' },
    ]);
    resume(story).answer('undone', { result: 'restored', digest: 'd' });
    expect(story.action('b').phase).toBe('undoing');
    story.answer('undone', { result: 'restored', digest: 'd' }, 'b');
    expect(statusOf(story.state)).toBe('ROLLED_BACK');
  });
});
