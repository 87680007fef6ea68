import type { ActionType } from '../vocabulary.ts';
import { KNOWN_ACTIONS } from './known-actions.ts';

interface Step {
  readonly id?: string;
  readonly action: ActionType;
  readonly rollback?: string;
}

/** What is wrong with the `rollback` of a step, or null. It has to name the inverse of the step's action. */
export function rollbackFault(
  step: Step,
  others: readonly Step[],
): { readonly rule: string; readonly detail: string } | null {
  const { rollback, action } = step;
  if (rollback === undefined) return null;
  const word = rollback.toLowerCase();
  const own = action.toLowerCase();
  const [usual, ...more] = KNOWN_ACTIONS[action].inverses;
  if (usual !== undefined && [usual, ...more].includes(word)) return null;
  const fix = usual === undefined ? `${own} cannot be taken back; remove rollback.` : `write ${usual}.`;
  const loop = others.some((other) => {
    const names = other.action.toLowerCase() === word || other.id === rollback;
    const back = other.rollback?.toLowerCase();
    return names && (back === own || other.action === action);
  });
  if (word === own || loop) {
    return { rule: 'rollback-cycle', detail: `The rollback of ${own} leads back to ${own}; ${fix}` };
  }
  const inverseOf = Object.entries(KNOWN_ACTIONS).find(([, known]) => known.inverses.includes(word))?.[0];
  if (inverseOf !== undefined) {
    return {
      rule: 'rollback-mismatch',
      detail: `${rollback} takes back ${inverseOf.toLowerCase()}, not ${own}; ${fix}`,
    };
  }
  return { rule: 'rollback-unknown', detail: `${rollback} is not the inverse of any action; ${fix}` };
}
