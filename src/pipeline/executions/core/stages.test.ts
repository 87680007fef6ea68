import { describe, expect, it } from 'vitest';
import { BUSY, ExecutionStory, NO_ANSWER, REFUSED, STORY_START } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import { childPlan } from './children.ts';
import { decide } from './decide.ts';
import { effectsOf } from './demands.ts';
import { statusOf } from './state.ts';

const by = { type: 'person', id: 'usr_1' } as const;
const HOUR = 3_600_000;
const once = { maxRetries: 0, backoffMs: 1, backoffMultiplier: 1 };

describe('a stage in which something failed', () => {
  const story = (onFailure: 'CONTINUE' | 'HALT' | 'COMPENSATE'): ExecutionStory =>
    new ExecutionStory(planOf([planAction('a', { onFailure }), planAction('b')], [planAction('c')]));
  const fail = (told: ExecutionStory): ExecutionStory => told.answer('observed', { error: REFUSED }, 'a');

  it('is followed by the next one where its plan goes on', () => {
    const told = fail(story('CONTINUE')).succeed('b');
    expect([told.action('c').phase, told.state.stopped]).toEqual(['observing', null]);
    expect(statusOf(told.succeed('c').state)).toBe('PARTIALLY_COMPLETED');
  });

  it('is the last one where its plan halts, after what it has begun', () => {
    const told = fail(story('HALT'));
    expect([told.state.stopped, told.action('b').phase]).toEqual([null, 'observing']);
    told.succeed('b');
    expect([told.action('b').status, told.state.stopped, told.state.actions['c']]).toEqual([
      'SUCCESS',
      'failure',
      undefined,
    ]);
    expect(statusOf(told.state)).toBe('PARTIALLY_COMPLETED');
  });

  it('lets nothing else begin at once where its plan undoes', () => {
    const told = fail(story('COMPENSATE'));
    expect(told.state.stopped).toBe('failure');
    told.observe('b');
    expect([told.action('b').status, told.action('b').reason]).toEqual(['SKIPPED', 'failure']);
    expect(statusOf(told.state)).toBe('FAILED');
  });

  it('begins no more of its own actions either, and ends', () => {
    const lost = { target: '{{event.absent}}', onFailure: 'COMPENSATE' } as const;
    const told = new ExecutionStory(planOf([planAction('a', lost), planAction('b')]));
    expect([told.action('a').status, told.state.stopped]).toEqual(['FAILED', 'failure']);
    expect(told.action('b')).toMatchObject({ status: 'SKIPPED', reason: 'failure', attempt: 0 });
    expect(statusOf(told.state)).toBe('FAILED');
  });

  it('undoes what it has begun before', () => {
    const lost = { target: '{{event.absent}}', onFailure: 'COMPENSATE' } as const;
    const told = new ExecutionStory(planOf([planAction('a')], [planAction('b', lost), planAction('c')]));
    expect(told.succeed('a').state.compensation?.queue).toEqual(['a']);
    told.answer('undone', { result: 'restored', digest: 'd' }, 'a');
    expect([told.action('c').status, statusOf(told.state)]).toEqual(['SKIPPED', 'ROLLED_BACK']);
  });
});

describe('a stage in which something was denied', () => {
  const denied = (onDenied: 'CONTINUE' | 'HALT'): ExecutionStory =>
    new ExecutionStory(planOf([planAction('a', { onDenied, gates: [gate()] })], [planAction('b')])).vote('DENY');

  it('waits for people until then, and for nothing else', () => {
    const told = new ExecutionStory(planOf([planAction('a', { gates: [gate()] }), planAction('b')]));
    expect(statusOf(told.state)).toBe('RUNNING');
    expect(statusOf(told.succeed('b').state)).toBe('AWAITING_APPROVAL');
    expect(statusOf(told.vote('APPROVE').state)).toBe('RUNNING');
  });

  it('is followed by the next one where its plan goes on', () => {
    const told = denied('CONTINUE');
    expect(told.action()).toMatchObject({ status: 'DENIED', reason: 'denied' });
    expect(statusOf(told.succeed('b').state)).toBe('PARTIALLY_COMPLETED');
  });

  it('is the last one where its plan halts', () => {
    const told = denied('HALT');
    expect([told.state.stopped, told.state.actions['b'], statusOf(told.state)]).toEqual([
      'denied',
      undefined,
      'HALTED_BY_APPROVAL',
    ]);
  });
});

describe('an execution that is cancelled', () => {
  const cancel = { type: 'cancel', by, reason: 'drill', compensate: false } as const;

  it('lets what is at a target end, and withdraws the rest', () => {
    const told = new ExecutionStory(
      planOf([planAction('a'), planAction('b', { gates: [gate()] }), planAction('c')], [planAction('d')]),
    );
    expect(statusOf(told.state)).toBe('RUNNING');
    told.observe('a').observe('c').answer('performed', { error: BUSY }, 'c').take(cancel);
    expect(told.approval.status).toBe('VOIDED');
    expect([told.action('b').status, told.action('b').reason]).toEqual(['SKIPPED', 'cancelled']);
    expect([told.action('c').status, told.action('c').reason]).toEqual(['FAILED', 'cancelled']);
    expect([told.action('a').phase, statusOf(told.state)]).toEqual(['performing', 'RUNNING']);
    told.succeed('a');
    expect([told.action('a').status, statusOf(told.state)]).toEqual(['SUCCESS', 'CANCELLED']);
    expect(told.state.actions['d']).toBe(undefined);
  });

  it('says so to whoever cancels it again, or when it is over', () => {
    const told = new ExecutionStory(planOf([planAction('a')])).take(cancel).take(cancel);
    expect(told.last.facts).toEqual([{ type: 'input.ignored', why: 'already cancelled' }]);
    told.observe().take(cancel);
    expect(told.last.facts).toEqual([{ type: 'input.ignored', why: 'the execution is over' }]);
  });
});

describe('a retry by a person', () => {
  it('is for what failed only, and not before the end', () => {
    const told = new ExecutionStory(planOf([planAction('a'), planAction('b')]));
    told.answer('observed', { error: REFUSED }, 'a').take({ type: 'retry', by });
    expect(told.last.facts).toEqual([{ type: 'input.ignored', why: 'the execution is still running' }]);
    told.succeed('b').take({ type: 'retry', by });
    expect([told.action('a').generation, told.action('b').generation]).toEqual([2, 1]);
    expect(told.succeed('a').take({ type: 'retry', by }).last.facts).toEqual([
      { type: 'input.ignored', why: 'no action failed' },
    ]);
    expect(statusOf(told.state)).toBe('COMPLETED');
  });

  it('looks first where the try before may have done it, and does not count the look as a try', () => {
    const told = new ExecutionStory(planOf([planAction('a', { retry: once })]));
    told.observe().answer('performed', { error: NO_ANSWER }).answer('verified', { error: REFUSED });
    expect([told.action().status, statusOf(told.state)]).toEqual(['UNKNOWN', 'FAILED']);
    told.take({ type: 'retry', by });
    expect(told.action()).toMatchObject({ phase: 'verifying', attempt: 0, generation: 2 });
    told.answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a');
    expect(told.succeed().action()).toMatchObject({ status: 'SUCCESS', attempt: 1 });
  });

  it('looks anew at the state before, where nothing of the run before is there: somebody else may have changed it since', () => {
    const told = new ExecutionStory(planOf([planAction('a', { retry: once })])).observe();
    told.answer('performed', { error: REFUSED });
    told.now += 24 * HOUR;
    told.take({ type: 'retry', by }).answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a');
    expect(told.action()).toMatchObject({ phase: 'observing', attempt: 1, prior: null, performedAt: null });
    told.answer('observed', { prior: { was: 2 }, heldBy: null }).succeed();
    told.take({ type: 'compensate', by, reason: 'false alarm' });
    expect(effectsOf(told.plan, told.state)).toMatchObject([{ kind: 'undo', prior: { was: 2 } }]);
  });

  it('keeps the state before the first run where its effect is there', () => {
    const told = new ExecutionStory(planOf([planAction('a', { retry: once })])).observe();
    told.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED });
    told.take({ type: 'retry', by }).answer('verified', { says: 'holds', digest: 'd' });
    expect(told.action()).toMatchObject({ status: 'SUCCESS', prior: { was: 1 } });
  });

  it('looks at the state before once: its own second try may follow an effect of the first', () => {
    const told = new ExecutionStory(planOf([planAction('a', { retry: { ...once, maxRetries: 1 } })])).observe();
    told.answer('performed', { error: REFUSED }).take({ type: 'retry', by });
    told.answer('verified', { says: 'absent', digest: 'd' }).timer('resume:a').observe();
    told.answer('performed', { error: BUSY }).timer('resume:a');
    expect(told.action()).toMatchObject({ phase: 'performing', attempt: 2, prior: { was: 1 } });
  });

  it('is not for what is just being taken back because its time is over, until that has ended', () => {
    const told = new ExecutionStory(planOf([planAction('a', { retry: once, ttlMs: HOUR })])).observe();
    told.answer('performed', { outcome: {} }).answer('verified', { error: REFUSED }).timer('ttl:a');
    expect(told.action()).toMatchObject({ status: 'UNKNOWN', phase: 'undoing' });
    const refused = [{ type: 'input.ignored', why: 'what failed is being taken back' }];
    expect(told.take({ type: 'retry', by }).last.facts).toEqual(refused);
    expect(told.answer('undone', { error: BUSY }).take({ type: 'retry', by }).last.facts).toEqual(refused);
    told.timer('resume:a').answer('undone', { result: 'restored', digest: 'd' });
    expect(told.action()).toMatchObject({ status: 'COMPENSATED', generation: 1 });
  });

  it('leaves as it was what it does not come to, because it has stopped the execution at once', () => {
    const lost = planAction('a', { target: '{{event.absent}}', onFailure: 'COMPENSATE' });
    const plan = planOf([lost, planAction('b', { retry: once })]);
    const told = new ExecutionStory(plan);
    // As an earlier version left it: begun although the execution was stopped.
    const begun = {
      ...told.action('b'),
      status: 'UNKNOWN',
      reason: 'unreadable',
      key: 'k',
      sent: true,
      attempt: 1,
    } as const;
    const state = { ...told.state, actions: { ...told.state.actions, b: begun } };
    const after = decide(plan, state, { type: 'retry', by, at: told.now });
    expect(after.facts.filter(({ type }) => type === 'attempt.started')).toEqual([]);
    expect(after.state.compensation?.queue).toEqual(['b']);
  });

  it('waits until the try before can no longer take effect, also at a target that knows its key: the repeat has another one', () => {
    const keyed = declaration({ idempotency: 'native-key' });
    const told = new ExecutionStory(planOf([planAction('a', { declaration: keyed })])).observe();
    const { attempt, generation } = told.action();
    const lost = { actionId: 'a', attempt, generation, mayLandForMs: 9_000, result: { error: NO_ANSWER } } as const;
    told.take({ type: 'performed', ...lost }).answer('verified', { says: 'unknown', digest: 'd' });
    told.now += 4_000;
    told.take({ type: 'retry', by }).answer('verified', { says: 'absent', digest: 'd' });
    expect([told.action().phase, told.dueIn('resume:a')]).toEqual(['settling', 5_000]);
    told.timer('resume:a').answer('verified', { says: 'holds', digest: 'd' });
    expect(told.action()).toMatchObject({ status: 'SUCCESS', attempt: 0 });
  });
});

describe('a target that another execution holds', () => {
  const held = { prior: { was: 7 }, heldBy: 'exe_0' };

  it('is left as it is when that shows before the call', () => {
    const told = new ExecutionStory(planOf([planAction('a')])).answer('observed', held);
    expect(told.action()).toMatchObject({ status: 'SKIPPED', reason: 'already_held', prior: held.prior });
  });

  it('is left as it is when that shows in place of the call', () => {
    const told = new ExecutionStory(planOf([planAction('a')])).observe().answer('performed', held);
    expect(told.action()).toMatchObject({ status: 'SKIPPED', reason: 'already_held', prior: held.prior });
    expect(told.last.facts[0]).toEqual({ type: 'hold.shared', actionId: 'a' });
  });

  it('is left as it is when that shows after a call that was cut off', () => {
    const told = new ExecutionStory(planOf([planAction('a')])).observe();
    const { attempt, generation } = told.action();
    told.take({ type: 'interrupted', actionId: 'a', attempt, generation });
    told.answer('verified', { says: 'foreign', digest: 'd', ...held });
    expect(told.action()).toMatchObject({ status: 'SKIPPED', reason: 'already_held', prior: held.prior });
  });
});

describe('a call that was cut off', () => {
  const cutOff = (mayLandUntil?: number): ExecutionStory => {
    const told = new ExecutionStory(planOf([planAction('a')])).observe();
    const { attempt, generation } = told.action();
    const landing = mayLandUntil === undefined ? {} : { mayLandUntil };
    return told.take({ type: 'interrupted', actionId: 'a', attempt, generation, ...landing });
  };
  const fact = { type: 'attempt.interrupted', actionId: 'a', next: 'verifying' };

  it('says until when it may still take effect, where it may', () => {
    const until = STORY_START + 5_000;
    expect(cutOff(until).last.facts).toEqual([{ ...fact, landsUntil: until }]);
    expect(cutOff(until).action().landsUntil).toBe(until);
    for (const over of [undefined, STORY_START, STORY_START - 1]) {
      expect(cutOff(over).last.facts).toEqual([fact]);
      expect(cutOff(over).action().landsUntil).toBe(null);
    }
  });
});

describe('what the target shows after the call', () => {
  const shown = (says: string): ExecutionStory =>
    new ExecutionStory(planOf([planAction('a', { retry: once })]))
      .observe()
      .answer('performed', { outcome: {} })
      .answer('verified', { says, digest: 'd' });

  it.each([
    ['holds', 'SUCCESS', null],
    ['foreign', 'SUCCESS', null],
    ['unknown', 'UNKNOWN', 'unreadable'],
    ['absent', 'FAILED', 'not_shown'],
  ])('%s: %s', (says, status, reason) => {
    expect(shown(says).action()).toMatchObject({ status, reason, verification: says });
  });

  it('is not asked where it cannot be read back, and the action says so', () => {
    const blind = declaration({ readBack: false, holds: null });
    const told = new ExecutionStory(planOf([planAction('a', { declaration: blind })]));
    expect(told.answer('performed', { outcome: {} }).action()).toMatchObject({
      status: 'SUCCESS',
      reason: 'unverifiable',
    });
  });
});

describe('the last look, before an action is said to have failed', () => {
  /** A call without an answer that may land for 9 s, and a repeat of it that is answered with an error. */
  const lookedAt = (error: object, change: Partial<ReturnType<typeof planAction>> = {}): ExecutionStory => {
    const told = new ExecutionStory(planOf([planAction('a', { declaration: keyed, ...change })])).observe();
    const { attempt, generation } = told.action();
    const lost = { actionId: 'a', attempt, generation, mayLandForMs: 9_000, result: { error: NO_ANSWER } } as const;
    told
      .take({ type: 'performed', ...lost })
      .answer('verified', { says: 'absent', digest: 'd' })
      .timer('resume:a');
    return told.answer('performed', { error });
  };
  const keyed = declaration({ idempotency: 'native-key' });
  const absent = { says: 'absent', digest: 'd' };

  it('keeps the reason, and calls nothing again', () => {
    const told = lookedAt(REFUSED);
    expect([told.action().phase, told.now + (told.dueIn('resume:a') ?? 0)]).toEqual(['settling', STORY_START + 9_000]);
    told.timer('resume:a').answer('verified', absent);
    expect(told.action()).toMatchObject({ status: 'FAILED', reason: 'refused', error: REFUSED, attempt: 2 });
  });

  it('waits until what landed last shows', () => {
    const slow = { declaration: { ...keyed, settleMs: 2_000 } };
    const told = new ExecutionStory(planOf([planAction('a', slow)])).observe();
    const { attempt, generation } = told.action();
    const lost = { actionId: 'a', attempt, generation, mayLandForMs: 9_000, result: { error: NO_ANSWER } } as const;
    told
      .take({ type: 'performed', ...lost })
      .answer('verified', absent)
      .timer('resume:a')
      .answer('verified', absent);
    told.timer('resume:a').answer('performed', { error: REFUSED }).timer('resume:a').answer('verified', absent);
    expect([told.action().phase, told.now + (told.dueIn('resume:a') ?? 0)]).toEqual(['settling', STORY_START + 11_000]);
    expect(told.timer('resume:a').answer('verified', absent).action()).toMatchObject({ reason: 'refused' });
  });

  it('keeps why it was stopped', () => {
    const told = lookedAt(BUSY).take({ type: 'cancel', by, reason: 'drill', compensate: false });
    expect(told.action().phase).toBe('settling');
    expect(told.timer('resume:a').answer('verified', absent).action()).toMatchObject({ reason: 'cancelled' });
  });

  it('says that it is done all the same where it shows', () => {
    const told = lookedAt(REFUSED).timer('resume:a').answer('verified', { says: 'holds', digest: 'd' });
    expect(told.action()).toMatchObject({ status: 'SUCCESS', reason: null, error: null });
  });

  it('is forgotten in a person’s retry, which has its own tries', () => {
    const told = lookedAt(REFUSED).timer('resume:a').answer('verified', absent).take({ type: 'retry', by });
    told.answer('verified', absent).timer('resume:a').observe();
    told.answer('performed', { error: NO_ANSWER }).answer('verified', absent);
    expect(told.action()).toMatchObject({ phase: 'backoff', attempt: 1 });
  });
});

describe('a call that cannot be read back', () => {
  const keyed = declaration({ readBack: false, holds: null, idempotency: 'native-key', reversibility: 'irreversible' });
  const server = { ...NO_ANSWER, code: 'server_error' };
  const tried = (maxRetries: number): ExecutionStory =>
    new ExecutionStory(planOf([planAction('a', { declaration: keyed, retry: { ...once, maxRetries } })]));

  it('is unknown when no answer to it said what became of it', () => {
    const told = tried(1)
      .answer('performed', { error: server })
      .timer('resume:a')
      .answer('performed', { error: server });
    expect(told.action()).toMatchObject({ status: 'UNKNOWN', reason: 'server_error', attempt: 2 });
  });

  it('is unknown though a later try was refused: the first one may have done it', () => {
    const told = tried(1).answer('performed', { error: server }).timer('resume:a').answer('performed', { error: BUSY });
    expect(told.action()).toMatchObject({ status: 'UNKNOWN', reason: 'busy' });
    const cutOff = tried(0);
    const { attempt, generation } = cutOff.action();
    cutOff.take({ type: 'interrupted', actionId: 'a', attempt, generation });
    expect(cutOff.answer('performed', { error: REFUSED }).action()).toMatchObject({ status: 'UNKNOWN' });
  });

  it('is unknown when it is stopped between two tries', () => {
    const told = tried(1).answer('performed', { error: server });
    told.take({ type: 'cancel', by, reason: 'drill', compensate: false });
    expect(told.action()).toMatchObject({ status: 'UNKNOWN', reason: 'cancelled' });
  });

  it('failed when each answer said so', () => {
    const told = tried(1)
      .answer('performed', { error: BUSY })
      .timer('resume:a')
      .answer('performed', { error: REFUSED });
    expect(told.action()).toMatchObject({ status: 'FAILED', reason: 'refused' });
  });

  it('stays unknown when a person’s retry is refused, and is done when that is answered well', () => {
    const again = (): ExecutionStory => tried(0).answer('performed', { error: server }).take({ type: 'retry', by });
    expect(again().answer('performed', { error: REFUSED }).action()).toMatchObject({
      status: 'UNKNOWN',
      generation: 2,
    });
    expect(again().succeed().action()).toMatchObject({ status: 'SUCCESS', generation: 2 });
  });
});

describe('what later conditions may read of an action', () => {
  const readBy = (condition: string, change: Partial<ReturnType<typeof planAction>> = {}): string | null =>
    new ExecutionStory(planOf([planAction('a', change)], [planAction('b', { condition })]))
      .answer('observed', { error: REFUSED })
      .action('b').status;

  it('is how it ended, after how many tries', () => {
    expect(readBy("results.a.status == 'FAILED' && results.a.attempts == 1")).toBe(null);
    expect(readBy("results.a.status != 'FAILED'")).toBe('SKIPPED');
  });

  it('is an empty outcome where it asked nobody', () => {
    expect(readBy("results.a.outcome == ''")).toBe(null);
    expect(readBy("results.a.outcome != ''")).toBe('SKIPPED');
  });
});

describe('a roll-back', () => {
  it('undoes everything that was done, the last thing first, and nothing else', () => {
    const told = new ExecutionStory(
      planOf([planAction('a'), planAction('b')], [planAction('c'), planAction('d', { onFailure: 'COMPENSATE' })]),
    );
    told.succeed('b').succeed('a').succeed('c').answer('observed', { error: REFUSED }, 'd');
    expect(told.state.compensation?.queue).toEqual(['c', 'a', 'b']);
    for (const [actionId, left] of [
      ['c', ['a', 'b']],
      ['a', ['b']],
    ] as const) {
      expect(told.action(actionId).phase).toBe('undoing');
      told.answer('undone', { result: 'restored', digest: 'd' }, actionId);
      expect([told.state.compensation?.queue, statusOf(told.state)]).toEqual([left, 'COMPENSATING']);
    }
    told.answer('undone', { result: 'restored', digest: 'd' }, 'b');
    expect([told.state.compensation, statusOf(told.state)]).toEqual([null, 'ROLLED_BACK']);
    expect(told.action('d').status).toBe('FAILED');
  });
});

describe('what was undone because its time was over', () => {
  it.each([
    ['restored', 'COMPENSATED'],
    ['not_needed', 'NOT_NEEDED'],
    ['superseded', 'SUPERSEDED'],
  ])('had been done: %s', (result, status) => {
    const told = new ExecutionStory(
      planOf([planAction('a', { ttlMs: 1_000 })], [planAction('b', { gates: [gate()] })]),
    );
    told.succeed('a').timer('ttl:a').answer('undone', { result, digest: 'd' });
    expect(told.action().status).toBe(status);
    told.vote('APPROVE').answer('observed', { error: REFUSED }, 'b');
    expect(statusOf(told.state)).toBe('PARTIALLY_COMPLETED');
  });
});

describe('the plan of a child', () => {
  it('is the one action, for one account, without what its parent has passed', () => {
    const kill = planAction('kill', { forEach: 'accounts', gates: [gate()], condition: 'true', target: '{{user.id}}' });
    const plan = planOf([planAction('a')], [kill, planAction('b')]);
    const limited = { ...plan, perHour: { ACCOUNT_SUSPEND: 1 } };
    expect(childPlan(limited, kill, false)).toMatchObject({ perHour: { ACCOUNT_SUSPEND: 1 } });
    expect(childPlan(limited, kill, true)).toEqual({
      ...plan,
      stages: [{ stage: 1, actions: [{ ...kill, forEach: null, gates: [], condition: null }] }],
    });
  });
});
