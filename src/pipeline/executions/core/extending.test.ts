import { describe, expect, it } from 'vitest';
import { ExecutionStory, NO_ANSWER, REFUSED } from '../../../../tests/support/execution-story.ts';
import { declaration, planAction, planOf } from '../../../../tests/support/plans.ts';
import { tellsOf } from '../tells.ts';
import { MAX_CONTAINED_MS } from './containment.ts';
import { MAX_EXTENSION_MS } from './extending.ts';
import { statusOf } from './state.ts';

const HOUR = 3_600_000;
const by = { type: 'person', id: 'usr_1' } as const;

const contained = () => new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })])).succeed();
const extend = (story: ExecutionStory, until: number, actionId = 'a') =>
  story.take({ type: 'extend', actionId, by, reason: 'not done yet', until });
const ignored = (why: string) => [{ type: 'input.ignored', why }];

describe('a containment that ends by itself', () => {
  it('is kept for longer by a person, and ends then', () => {
    const story = contained();
    const from = story.now;
    expect(story.dueIn('ttl:')).toBe(HOUR);
    extend(story, from + 3 * HOUR);
    expect(story.last.facts).toEqual([{ type: 'containment.extended', actionId: 'a', until: from + 3 * HOUR }]);
    expect(story.dueIn('ttl:')).toBe(3 * HOUR);
    // The timer of before may be on its way already.
    story.now = from + HOUR;
    story.take({ type: 'timer', name: 'ttl:a', generation: 1 });
    expect(story.last.facts).toEqual(ignored('not due yet'));
    story.timer('ttl:');
    expect(story.action().phase).toBe('undoing');
    expect(story.answer('undone', { result: 'restored', digest: 'd' }).action().status).toBe('COMPENSATED');
  });

  it('is kept by a word that comes after its time, as long as nobody has begun to take it back', () => {
    const story = contained();
    story.now += 2 * HOUR;
    extend(story, story.now + HOUR);
    expect(story.dueIn('ttl:')).toBe(HOUR);
    const begun = contained().timer('ttl:');
    extend(begun, begun.now + HOUR);
    expect(begun.last.facts).toEqual(ignored('nothing of it is contained that ends by itself'));
  });

  it('is extended by a day at once at most, and to a week in all', () => {
    const story = contained();
    const from = story.now;
    extend(story, from + MAX_EXTENSION_MS + 1);
    expect(story.last.facts).toEqual(ignored('nobody extends it by more than a day at once'));
    for (let day = 1; day <= 7; day += 1) {
      extend(story, story.now + MAX_EXTENSION_MS);
      expect(story.last.facts).toMatchObject([{ type: 'containment.extended' }]);
      story.now += MAX_EXTENSION_MS - 1;
    }
    expect(story.now + HOUR - from).toBeGreaterThan(MAX_CONTAINED_MS);
    extend(story, story.now + HOUR);
    expect(story.last.facts).toEqual(ignored('it has been extended to a week already'));
  });

  it('is never made shorter', () => {
    const story = contained();
    extend(story, story.now + HOUR);
    expect(story.last.facts).toEqual(ignored('it lasts longer than that already'));
  });

  it.each(['nobody', '__proto__', 'constructor'])('is not extended where there is none: %s', (actionId) => {
    const story = contained();
    const before = story.state;
    extend(story, story.now + 2 * HOUR, actionId);
    expect(story.last.facts).toEqual(ignored('nothing of it is contained that ends by itself'));
    expect(story.state).toEqual(before);
  });

  it('is not extended where it stays anyway, failed, or is being undone', () => {
    const none = 'nothing of it is contained that ends by itself';
    const stays = new ExecutionStory(planOf([planAction('a')])).succeed();
    expect(extend(stays, stays.now + HOUR).last.facts).toEqual(ignored(none));
    const sent = declaration({ reversibility: 'irreversible', holds: null });
    const lasting = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, declaration: sent })]));
    if (lasting.action().phase === 'awaiting_approval') lasting.vote('APPROVE');
    expect(extend(lasting.succeed(), lasting.now + HOUR).last.facts).toEqual(ignored(none));
    const failed = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR })])).observe();
    failed.answer('performed', { error: REFUSED });
    expect(extend(failed, failed.now + HOUR).last.facts).toEqual(ignored(none));
    const undone = contained().take({ type: 'compensate', by, reason: 'drill' });
    expect(extend(undone, undone.now + 2 * HOUR).last.facts).toMatchObject([{ type: 'input.ignored' }]);
  });

  it.each(['failed', 'cancelled'])('is not extended once it is decided that all is undone: %s', (why) => {
    const plan = planOf([
      planAction('a', { ttlMs: HOUR }),
      planAction('b', { onFailure: 'COMPENSATE' }),
      planAction('c'),
    ]);
    const story = new ExecutionStory(plan).succeed('a').observe('c');
    if (why === 'failed') story.answer('observed', { error: REFUSED }, 'b');
    else story.take({ type: 'cancel', by, reason: 'drill', compensate: true });
    expect(extend(story, story.now + 2 * HOUR).last.facts).toEqual(ignored('it is going to be undone'));
    story.succeed('c');
    if (why === 'cancelled') story.answer('observed', { prior: {}, heldBy: null }, 'b');
    expect(extend(story, story.now + 2 * HOUR).last.facts).toEqual(ignored('it is being undone'));
  });

  it('is extended where an execution stops and keeps what it did', () => {
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR }), planAction('b')])).succeed('a');
    story.take({ type: 'cancel', by, reason: 'drill', compensate: false });
    expect(extend(story, story.now + 2 * HOUR).last.facts).toMatchObject([{ type: 'containment.extended' }]);
  });

  it('has its whole time after a person’s retry, whatever had been kept of the run before', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    story.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    extend(story, story.now + 2 * HOUR);
    story.take({ type: 'retry', by }).answer('verified', { says: 'absent', digest: 'd' }).timer('resume:');
    expect(story.answer('observed', { error: REFUSED }).action().status).toBe('FAILED');
    story.now += 5 * HOUR;
    story.take({ type: 'retry', by }).succeed();
    expect(story.dueIn('ttl:')).toBe(HOUR);
  });

  it('is kept as long as a person has said, also where a retry has only seen it since', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    story.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    extend(story, story.now + 5 * HOUR);
    story.take({ type: 'retry', by }).answer('verified', { says: 'holds', digest: 'd' });
    expect(story.dueIn('ttl:')).toBe(5 * HOUR);
  });

  it.each([6, 10])('of %s days ends before its target ends it, though a retry has only seen it since', (days) => {
    const ttlMs = days * 24 * HOUR;
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs, retry: once })])).observe();
    const calledAt = story.now;
    story.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    story.now += 5 * 24 * HOUR;
    story.take({ type: 'retry', by }).answer('verified', { says: 'holds', digest: 'd' }).timer('ttl:');
    expect(story.action().phase).toBe('undoing');
    // What the target was told.
    expect(story.now - calledAt).toBe(Math.max(ttlMs, MAX_CONTAINED_MS));
  });

  it('is extended to a week from the call that made it, also where a person’s retry has only seen it since', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    const calledAt = story.now;
    story.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    story.now += 3 * 24 * HOUR;
    story.take({ type: 'retry', by }).answer('verified', { says: 'holds', digest: 'd' });
    expect(story.action().settledAt).toBe(story.now);
    for (; story.now < calledAt + MAX_CONTAINED_MS - MAX_EXTENSION_MS; story.now += MAX_EXTENSION_MS / 2) {
      extend(story, story.now + MAX_EXTENSION_MS);
      expect(story.last.facts).toMatchObject([{ type: 'containment.extended' }]);
    }
    story.now += HOUR;
    extend(story, calledAt + MAX_CONTAINED_MS + 1);
    expect(story.last.facts).toEqual(ignored('it has been extended to a week already'));
    extend(story, calledAt + MAX_CONTAINED_MS);
    expect(story.last.facts).toMatchObject([{ type: 'containment.extended' }]);
  });

  it('is extended to a week from the second call where the first one had no effect', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    story.answer('performed', { error: REFUSED });
    story.now += 9 * 24 * HOUR;
    story.take({ type: 'retry', by }).answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a').succeed();
    expect(extend(story, story.now + 2 * HOUR).last.facts).toMatchObject([{ type: 'containment.extended' }]);
  });

  it('is extended to a week from when it was found that another execution holds it', () => {
    const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, retry: once })])).observe();
    story.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    story.now += 9 * 24 * HOUR;
    const shared = { says: 'foreign', digest: 'd', prior: { was: 0 }, heldBy: 'exe_0' };
    story.take({ type: 'retry', by }).answer('verified', shared);
    expect(extend(story, story.now + 2 * HOUR).last.facts).toMatchObject([{ type: 'containment.extended' }]);
  });

  it('is extended to a week from when its call could be sent, where a pause had kept that back', () => {
    const free = declaration({ holds: null });
    const story = new ExecutionStory(planOf([planAction('a', { ttlMs: HOUR, declaration: free })]));
    const { attempt, generation } = story.action();
    story.take({ type: 'paused', actionId: 'a', attempt, generation, turn: 0 });
    story.now += 9 * 24 * HOUR;
    story.take({ type: 'resumed', actionId: 'a', turn: 1 }).succeed();
    expect(extend(story, story.now + 2 * HOUR).last.facts).toMatchObject([{ type: 'containment.extended' }]);
  });
});

describe('a containment that cannot be taken back', () => {
  it('is news for the operators after its last try, though the execution has long ended', () => {
    const story = contained().timer('ttl:');
    expect(statusOf(story.state)).toBe('COMPLETED');
    for (let attempt = 1; attempt < 5; attempt += 1) {
      story.answer('undone', { error: NO_ANSWER });
      expect(tellsOf(story.state, story.last.facts)).toEqual([]);
      story.timer('resume:');
    }
    story.answer('undone', { error: NO_ANSWER });
    expect(story.action().status).toBe('COMPENSATION_FAILED');
    expect(tellsOf(story.state, story.last.facts)).toEqual([{ kind: 'undo.failed', actionId: 'a', tries: 5 }]);
  });

  it('is the news of the execution’s end where it is rolled back', () => {
    const story = contained().take({ type: 'compensate', by, reason: 'drill' });
    story.answer('undone', { error: REFUSED });
    expect(tellsOf(story.state, story.last.facts)).toMatchObject([{ kind: 'execution.failed' }]);
  });
});
