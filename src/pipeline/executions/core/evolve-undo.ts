import type { Fact } from './facts.ts';
import type { ActionState } from './state.ts';

export type UndoFact = Extract<Fact, { type: `undo.${string}` }>;

/** An action after one fact about its undo. */
export function withUndo(action: ActionState, fact: UndoFact): ActionState {
  const undoTriesFrom = undoTriesFromOf(action, fact);
  switch (fact.type) {
    case 'undo.started': {
      const fresh = Object.entries(action.children).map(
        ([id, { account }]) => [id, { account, status: null }] as const,
      );
      const phase = fresh.length > 0 ? 'undoing_children' : 'undoing';
      const children = Object.fromEntries(fresh);
      return { ...action, phase, undoAttempt: fact.attempt, undoTriesFrom, children, resumeAt: null };
    }
    case 'undo.paused':
      return { ...action, phase: 'undo_paused', pauses: action.pauses + 1 };
    case 'undo.resumed':
      return { ...action, phase: 'undoing' };
    case 'undo.awaited':
    case 'undo.failed':
      return { ...action, phase: 'undo_backoff', undoTriesFrom, resumeAt: fact.resumeAt };
    case 'undo.settled':
      return { ...action, phase: 'settled', status: fact.status, reason: fact.reason, resumeAt: null };
    default:
      return fact;
  }
}

/** What is settled is undone with all tries, also when it could not be before; what a stop of the process cut off was no try of the target's. */
function undoTriesFromOf({ phase, undoAttempt, undoTriesFrom }: ActionState, { type }: UndoFact): number {
  if (phase === 'settled') return undoAttempt;
  return phase === 'undoing' && type === 'undo.awaited' ? undoTriesFrom + 1 : undoTriesFrom;
}
