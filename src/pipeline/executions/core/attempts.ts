import type { PlanAction } from '../../playbooks/plan.ts';
import { requestQuestion } from './request-approval.ts';
import type {
  AttemptError,
  CheckedInput,
  InterruptedInput,
  ObservedInput,
  PerformedInput,
  Reading,
  VerifiedInput,
} from './inputs.ts';
import { backoffMs } from './backoff.ts';
import { takeInterruptedUndo } from './compensation.ts';
import { settle } from './settle.ts';
import { idempotencyKey, planActionOf, type Transition } from './transition.ts';

/** First pause before a target is looked at again that another execution takes something back at, in ms: an undo takes less. */
const FIRST_LOOK_AGAIN_MS = 1_000;
/** How often: a minute in all, longer than a call that was cut off may take and be repeated. */
const MAX_LOOKS_AGAIN = 6;
/** First pause between two checks of a waiting action, in ms; doubles up to `MAX_CHECK_INTERVAL_MS`. */
const FIRST_CHECK_INTERVAL_MS = 5_000;
/** Longest pause between two checks, in ms: a user who answers is seen within a minute. */
const MAX_CHECK_INTERVAL_MS = 60_000;
/** Begins the next attempt: observe first where there is something to restore, else perform. */
export function startAttempt(t: Transition, plan: PlanAction): void {
  const action = t.action(plan.actionId);
  // The prior state belongs to the first attempt of a run: a later one must not take our own effect for what was there before. A
  // person's retry begins where nothing of ours is there (attempt 0), and somebody else may have changed the target since.
  const observes = plan.declaration.holds !== null && (action.prior === null || action.attempt === 0);
  t.add({
    actionId: plan.actionId,
    attempt: action.attempt + 1,
    generation: action.generation,
    key: idempotencyKey(t.state, plan.actionId, 'perform', action.generation),
    phase: observes ? 'observing' : 'performing',
    type: 'attempt.started',
  });
}

export function takeObserved(t: Transition, input: ObservedInput): void {
  if (isLate(t, { turn: 0, ...input }, 'observing', t.action(input.actionId).pauses)) return;
  const plan = planActionOf(t.plan, input.actionId);
  if (t.state.stopped !== null) return settleUnbegun(t, plan, t.state.stopped);
  if ('error' in input.result) return takeFailure(t, plan, input.result.error);
  t.add({ actionId: input.actionId, type: 'attempt.observed' });
  // Somebody already contained this: the hold is shared, the call is not repeated.
  if (input.result.heldBy !== null) settle(t, plan, 'SKIPPED', 'already_held');
}

export function takePerformed(t: Transition, input: PerformedInput): void {
  if (isLate(t, input, 'performing')) return;
  const plan = planActionOf(t.plan, input.actionId);
  if ('error' in input.result) return takeFailure(t, plan, input.result.error, input.mayLandForMs);
  if ('heldBy' in input.result) {
    t.add({ type: 'hold.shared', actionId: input.actionId });
    return settle(t, plan, 'SKIPPED', 'already_held');
  }
  t.add({ actionId: input.actionId, type: 'attempt.performed' });
  if (!plan.declaration.readBack) return finishPerformed(t, plan);
  if (input.read !== undefined) takeReading(t, plan, input.read);
}

export function takeVerified(t: Transition, input: VerifiedInput): void {
  if (isLate(t, input, 'verifying', t.action(input.actionId).rereads)) return;
  takeReading(t, planActionOf(t.plan, input.actionId), input.result);
}

function takeReading(t: Transition, plan: PlanAction, reading: Reading): void {
  const { actionId } = plan;
  if ('error' in reading) return takeUnreadable(t, plan, reading.error);
  t.add({ actionId, type: 'attempt.verified' });
  // Another one held it while our call was cut off: it is shared as if we had seen it before we called.
  if ('heldBy' in reading) {
    t.add({ type: 'hold.shared', actionId });
    return settle(t, plan, 'SKIPPED', 'already_held');
  }
  const { says } = reading;
  if (says === 'holds' && reading.leaving === true) return awaitLeaving(t, plan);
  switch (says) {
    case 'holds':
    case 'foreign':
      return finishPerformed(t, plan);
    case 'absent':
      return takeAbsent(t, plan);
    case 'unknown':
      return settle(t, plan, 'UNKNOWN', 'unreadable');
    default:
      return says;
  }
}

/** It shows, but it may be gone with what another execution takes back: looked at again until that is over, or a person has to. */
function awaitLeaving(t: Transition, plan: PlanAction): void {
  const { rereads } = t.action(plan.actionId);
  if (rereads >= MAX_LOOKS_AGAIN) return settle(t, plan, 'UNKNOWN', 'taken_back_by_another');
  const resumeAt = t.input.at + doubled(FIRST_LOOK_AGAIN_MS, rereads, MAX_CHECK_INTERVAL_MS);
  t.add({ type: 'settling.awaited', actionId: plan.actionId, resumeAt });
}

/** `first`, doubled so many times, and at most `most`: step by step, so that every engine gives the same integer. */
function doubled(first: number, times: number, most: number): number {
  let interval = first;
  for (let time = 0; time < times && interval < most; time += 1) interval *= 2;
  return Math.min(interval, most);
}

/** A verify that failed says nothing about the effect: try again as long as there are attempts, then ask a person. */
function takeUnreadable(t: Transition, plan: PlanAction, error: AttemptError): void {
  t.add({ type: 'attempt.failed', actionId: plan.actionId, code: error.code, next: 'verifying' });
  const { rereads } = t.action(plan.actionId);
  if (rereads >= plan.retry.maxRetries) return settle(t, plan, 'UNKNOWN', error.code);
  t.add({
    type: 'settling.awaited',
    actionId: plan.actionId,
    resumeAt: t.input.at + backoffMs(plan, rereads + 1, error),
  });
}

/**
 * The target does not show the effect: give it its settling time, then count the attempt as failed. A call without
 * an answer gets that time too: repeating what only does not show yet would do it twice.
 */
function takeAbsent(t: Transition, plan: PlanAction): void {
  const action = t.action(plan.actionId);
  const ended = action.performedAt ?? action.attemptAt;
  // A target that knows the key drops the repeat or the straggler, whichever comes second. After a person's retry, which looks first
  // (attempt 0), the repeat has another key, and after the last look there is none.
  const dropsOne = plan.declaration.idempotency === 'native-key' && action.attempt > 0 && action.failing === null;
  const landed = dropsOne ? ended : Math.max(ended, action.landsUntil ?? 0);
  const shownBy = landed + plan.declaration.settleMs;
  if (action.verifyingSince < shownBy) {
    const resumeAt = Math.max(shownBy, t.input.at);
    return t.add({ type: 'settling.awaited', actionId: plan.actionId, resumeAt });
  }
  const { failing } = action;
  if (failing !== null) return settle(t, plan, failing.status, failing.reason);
  retryOrSettle(t, plan, NOT_SHOWN);
}

const NOT_SHOWN: AttemptError = {
  code: 'not_shown',
  message: 'the target does not show the effect',
  retryable: true,
  resultUnknown: false,
  retryAfterMs: null,
};

/** The effect is there (or cannot be read back): wait for an answer where one is due, else settle. */
function finishPerformed(t: Transition, plan: PlanAction): void {
  if (plan.question !== null) return requestQuestion(t, plan);
  if (!plan.declaration.waits) return settle(t, plan, 'SUCCESS', plan.declaration.readBack ? null : 'unverifiable');
  const until = t.input.at + plan.waitMs;
  const resumeAt = Math.min(until, t.input.at + FIRST_CHECK_INTERVAL_MS);
  t.add({ type: 'action.waiting', actionId: plan.actionId, until, resumeAt });
}

export function takeChecked(t: Transition, input: CheckedInput): void {
  if (isLate(t, input, 'checking', t.action(input.actionId).checks)) return;
  const plan = planActionOf(t.plan, input.actionId);
  const action = t.action(input.actionId);
  const state = 'error' in input.result ? 'pending' : input.result.state;
  if (state !== 'pending') return settle(t, plan, 'SUCCESS', null, state);
  const until = action.waitUntil ?? input.at;
  if (input.at >= until) return settle(t, plan, 'SUCCESS', null, 'expired');
  const interval = doubled(FIRST_CHECK_INTERVAL_MS, action.checks, MAX_CHECK_INTERVAL_MS);
  const resumeAt = Math.min(until, input.at + interval);
  t.add({ type: 'action.waiting', actionId: input.actionId, until, resumeAt });
}

/** The caller is gone. Reading comes before repeating; what can neither be read nor safely repeated goes to a person. */
export function takeInterrupted(t: Transition, input: InterruptedInput): void {
  if (input.undo === true) return takeInterruptedUndo(t, input);
  if (isLate(t, input, 'performing')) return;
  const plan = planActionOf(t.plan, input.actionId);
  const next = plan.declaration.readBack ? 'verifying' : mayRepeat(t, plan) ? 'performing' : 'none';
  const { at, mayLandUntil = 0 } = input;
  const landsUntil = mayLandUntil > at ? mayLandUntil : null;
  const waits = next === 'performing' && landsUntil !== null && plan.declaration.idempotency !== 'native-key';
  t.add({
    type: 'attempt.interrupted',
    actionId: input.actionId,
    next: waits ? 'none' : next,
    ...(landsUntil === null ? {} : { landsUntil }),
  });
  if (waits) return t.add({ type: 'retry.scheduled', actionId: input.actionId, resumeAt: landsUntil });
  if (next === 'none') settle(t, plan, 'UNKNOWN', 'interrupted');
}

/** Where the result cannot be read, only a repeat under the same key tells it, and a stopped execution calls nothing. */
function mayRepeat(t: Transition, plan: PlanAction): boolean {
  return plan.declaration.idempotency !== 'none' && t.state.stopped === null;
}

/** Settles what was not begun when the execution was stopped. */
function settleUnbegun(t: Transition, plan: PlanAction, why: string): void {
  settle(t, plan, why === 'timed_out' ? 'TIMED_OUT' : 'SKIPPED', why);
}

function takeFailure(t: Transition, plan: PlanAction, error: AttemptError, mayLandForMs = 0): void {
  // A failed look at the state before changed nothing, whatever became of it: there is nothing to read back.
  const called = t.action(plan.actionId).phase === 'performing';
  const next = error.resultUnknown && called && plan.declaration.readBack ? 'verifying' : 'none';
  const landing = mayLandForMs > 0 ? { landsUntil: t.input.at + mayLandForMs } : {};
  t.add({ type: 'attempt.failed', actionId: plan.actionId, code: error.code, next, ...landing });
  if (next === 'verifying') return;
  if (error.resultUnknown && called && plan.declaration.idempotency === 'none')
    return settle(t, plan, 'UNKNOWN', error.code);
  retryOrSettle(t, plan, error);
}

function retryOrSettle(t: Transition, plan: PlanAction, error: AttemptError): void {
  const { attempt, interruptions } = t.action(plan.actionId);
  // What a stop of the process cut off was no try of the target's: it must not use up the retries.
  const tries = attempt - interruptions;
  const worthwhile = error.retryable || error.resultUnknown;
  if (t.state.stopped !== null || !worthwhile || tries > plan.retry.maxRetries) {
    return settleFailed(t, plan, error.code === 'timeout' ? 'TIMED_OUT' : 'FAILED', error.code);
  }
  const landed = plan.declaration.idempotency === 'native-key' ? 0 : (t.action(plan.actionId).landsUntil ?? 0);
  const resumeAt = Math.max(t.input.at + backoffMs(plan, tries, error), landed);
  t.add({ type: 'retry.scheduled', actionId: plan.actionId, resumeAt });
}

/**
 * Settles an action as failed. While a call without an answer may still take effect nobody can say that it failed: the
 * target is read once more after that. Where it cannot be read, and no answer said what became of each call, a person is told that it is
 * not known.
 */
export function settleFailed(t: Transition, plan: PlanAction, status: 'FAILED' | 'TIMED_OUT', reason: string): void {
  const { landsUntil, verifyingSince, inDoubt } = t.action(plan.actionId);
  if (!plan.declaration.readBack) return settle(t, plan, inDoubt ? 'UNKNOWN' : status, reason);
  if (landsUntil === null || verifyingSince >= landsUntil) return settle(t, plan, status, reason);
  const resumeAt = Math.max(landsUntil, t.input.at);
  t.add({ type: 'settling.awaited', actionId: plan.actionId, resumeAt, failed: { status, reason } });
}

/** An answer to another attempt, or to a phase that is over: a fact about the target, kept, but no longer decisive. */
function isLate(
  t: Transition,
  input: {
    readonly actionId: string;
    readonly attempt: number;
    readonly generation: number;
    readonly turn?: number;
  },
  phase: string,
  turn = 0,
): boolean {
  const action = t.action(input.actionId);
  const same = action.attempt === input.attempt && action.generation === input.generation;
  if (action.phase === phase && same && (input.turn ?? turn) === turn) return false;
  t.add({ type: 'attempt.late', actionId: input.actionId, attempt: input.attempt });
  return true;
}
