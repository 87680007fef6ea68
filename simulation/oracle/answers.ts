import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { AttemptError, Input, Reading } from '../../src/pipeline/executions/core/inputs.ts';
import type { ActionModel, Broken, ExecutionModel } from './model.ts';

const PHASE_OF: ReadonlyMap<string, string> = new Map([
  ['observed', 'observing'],
  ['performed', 'performing'],
  ['interrupted', 'performing'],
  ['paused', 'performing'],
  ['verified', 'verifying'],
  ['checked', 'checking'],
  ['undone', 'undoing'],
]);

/** An answer counts only for the attempt that is under way, for the phase it is in, and for the read that was asked for. */
export function checkAnswer(execution: ExecutionModel, input: Input, facts: readonly Fact[], broken: Broken): void {
  const ofUndo = input.type === 'undone' || ('undo' in input && input.undo === true);
  const awaited = ofUndo ? 'undoing' : PHASE_OF.get(input.type);
  if (awaited === undefined || !('attempt' in input)) return;
  const action = execution.actions.get(input.actionId);
  const attempt = ofUndo ? action?.undoAttempt : action?.attempt;
  const same = attempt === input.attempt && action?.generation === input.generation;
  const current = action?.phase === awaited && same && isAskedFor(action, input);
  const late = facts.some(({ type }) => type === 'attempt.late');
  if (current === late)
    broken(
      'answers',
      `${execution.id} takes ${late ? 'a good' : 'a late'} ${input.type} for ${late ? 'late' : 'good'}`,
    );
}

function isAskedFor({ reads, checks, pauses }: ActionModel, input: Input): boolean {
  if (input.type === 'paused') return input.turn === pauses;
  if (input.type === 'observed') return (input.turn ?? 0) === pauses;
  if (input.type === 'verified') return input.turn === reads;
  return input.type !== 'checked' || input.turn === checks;
}

/** What a look at the target said: one that was asked for by itself, or one that came with the answer of the call. */
export function readingIn(input: Input): Reading | null {
  if (input.type === 'verified') return input.result;
  return input.type === 'performed' ? (input.read ?? null) : null;
}

/** The failure that an input brings: of the call, or of the look at the target that came with its answer. */
export function errorIn(input: Input): AttemptError | null {
  const reading = readingIn(input);
  if (reading !== null && 'error' in reading) return reading.error;
  return 'result' in input && 'error' in input.result ? input.result.error : null;
}
