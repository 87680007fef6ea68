import type { PausedInput, ResumedInput } from './inputs.ts';
import { planActionOf, type Transition } from './transition.ts';

/**
 * A call was kept back: its action waits as it is. That is no try of the target's, no time that the execution ran, and nothing
 * that a person would have to look at. What was kept back may have been stopped meanwhile like anything that waits.
 */
export function takePaused(t: Transition, input: PausedInput): void {
  const { actionId, attempt, generation, turn } = input;
  const isUndo = input.undo === true;
  const action = t.action(actionId);
  const isUnderWay = isUndo
    ? action.phase === 'undoing' && action.undoAttempt === attempt
    : action.phase === 'performing' && action.attempt === attempt;
  if (!isUnderWay || action.generation !== generation || action.pauses !== turn)
    return t.add({ type: 'attempt.late', actionId, attempt });
  t.add({ type: isUndo ? 'undo.paused' : 'attempt.paused', actionId });
}

/**
 * The same call is owed again, under the same key. Where there is something to restore and nothing was ever sent, the target is
 * looked at once more: after a long pause an undo would restore what somebody else has changed meanwhile. After an earlier call
 * what shows may be our own.
 */
export function takeResumed(t: Transition, { actionId, turn }: ResumedInput): void {
  const { phase, pauses, performedAt } = t.action(actionId);
  if (pauses === turn && phase === 'paused') {
    const { holds } = planActionOf(t.plan, actionId).declaration;
    const next = holds !== null && performedAt === null ? 'observing' : 'performing';
    return t.add({ type: 'attempt.resumed', actionId, phase: next });
  }
  if (pauses === turn && phase === 'undo_paused') return t.add({ type: 'undo.resumed', actionId });
  t.add({ type: 'input.ignored', why: 'nothing waits for a resume' });
}
