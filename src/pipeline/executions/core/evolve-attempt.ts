import type { Fact } from './facts.ts';
import { readingOf, type Input } from './inputs.ts';
import type { ActionState } from './state.ts';

export type AttemptFact = Exclude<
  Extract<Fact, { type: `attempt.${string}` | 'hold.shared' }>,
  { type: 'attempt.late' }
>;

/** An action after one fact about its attempt. */
export function withAttempt(action: ActionState, fact: AttemptFact, input: Input): ActionState {
  switch (fact.type) {
    case 'attempt.started':
      return {
        ...action,
        phase: fact.phase,
        attempt: fact.attempt,
        generation: fact.generation,
        attemptAt: input.at,
        ...(fact.phase === 'verifying' ? { verifyingSince: input.at } : { calledAt: input.at }),
        key: fact.key,
        heldAs: null,
        // What a run before had seen and called is over: nothing of it is there.
        ...(fact.phase === 'observing' ? { prior: null, performedAt: null } : {}),
        // Begun with a read only when a call of the generation before may have taken effect.
        sent: fact.phase !== 'observing',
        reply: null,
        failing: null,
        rereads: 0,
        resumeAt: null,
      };
    case 'attempt.observed': {
      const prior = input.type === 'observed' && 'prior' in input.result ? input.result.prior : null;
      const heldAs = input.type === 'observed' && 'prior' in input.result ? (input.result.heldAs ?? null) : null;
      return { ...action, phase: 'performing', prior, heldAs, sent: true };
    }
    case 'attempt.performed': {
      const reply = input.type === 'performed' && 'outcome' in input.result ? input.result.outcome : null;
      return { ...action, phase: 'verifying', reply, verifyingSince: input.at, performedAt: input.at, error: null };
    }
    case 'attempt.verified': {
      const verification = saidBy(input);
      // What it has failed of is what it failed of where the last look finds nothing.
      const error = action.failing !== null && verification === 'absent' ? action.error : null;
      return { ...action, verification, error, inDoubt: false };
    }
    case 'attempt.interrupted':
      return {
        ...action,
        ...nextOf(fact, input),
        interruptions: action.interruptions + 1,
        performedAt: input.at,
        inDoubt: true,
      };
    case 'attempt.failed': {
      const error = errorOf(input);
      const inDoubt = action.inDoubt || error?.resultUnknown === true;
      // A failed look is no call.
      const call = action.phase === 'performing' ? { performedAt: input.at, inDoubt } : {};
      return { ...action, ...nextOf(fact, input), error, ...call };
    }
    case 'attempt.paused':
      return { ...action, phase: 'paused', pauses: action.pauses + 1 };
    case 'attempt.resumed': {
      const anew = fact.phase === 'observing' ? { prior: null, heldAs: null, sent: false } : {};
      return { ...action, phase: fact.phase, calledAt: input.at, ...anew };
    }
    case 'hold.shared': {
      const answer = readingOf(input) ?? (input.type === 'performed' ? input.result : null);
      const prior = answer !== null && 'prior' in answer ? answer.prior : null;
      const heldAs = answer !== null && 'prior' in answer ? (answer.heldAs ?? null) : null;
      // What our own call was answered is about another effect than the one that is shared.
      return { ...action, phase: 'idle', prior, heldAs, calledAt: input.at, reply: null };
    }
    default:
      return fact;
  }
}

/** What comes after a call that did not end well, and until when it may still take effect. */
function nextOf(
  { next, landsUntil }: Extract<AttemptFact, { type: 'attempt.interrupted' | 'attempt.failed' }>,
  { at }: Input,
): Partial<ActionState> {
  return {
    phase: next === 'none' ? 'idle' : next,
    ...(next === 'verifying' ? { verifyingSince: at } : {}),
    ...(landsUntil === undefined ? {} : { landsUntil }),
  };
}

function saidBy(input: Input): ActionState['verification'] {
  const reading = readingOf(input);
  return reading !== null && 'says' in reading ? reading.says : 'unknown';
}

function errorOf(input: Input): ActionState['error'] {
  const reading = readingOf(input);
  if (reading !== null && 'error' in reading) return reading.error;
  return 'result' in input && 'error' in input.result ? input.result.error : null;
}
