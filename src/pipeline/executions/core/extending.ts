import { isToBeUndone } from './compensation.ts';
import { MAX_CONTAINED_MS } from './containment.ts';
import { containedUntilOf } from './demands.ts';
import type { ExtendInput } from './inputs.ts';
import { planActionOf, type Transition } from './transition.ts';

/** Farthest end from now that one word gives, in ms: whoever comes tomorrow decides anew. */
export const MAX_EXTENSION_MS = 24 * 3_600_000;

/** Keeps a containment for longer that would end by itself, as long as nothing is, or is going to be, undone. */
export function takeExtend(t: Transition, { actionId, until, at }: ExtendInput): void {
  const why = refusalOf(t, actionId, until, at);
  if (why !== null) return t.add({ type: 'input.ignored', why });
  t.add({ type: 'containment.extended', actionId, until });
}

function refusalOf(t: Transition, actionId: string, until: number, at: number): string | null {
  const undone = undoneWithRest(t, actionId);
  if (undone !== null) return undone;
  const action = t.action(actionId);
  const end = isPlanned(t, actionId) ? containedUntilOf(planActionOf(t.plan, actionId), action) : null;
  if (end === null || action.settledAt === null) return 'nothing of it is contained that ends by itself';
  if (until <= end) return 'it lasts longer than that already';
  if (until - at > MAX_EXTENSION_MS) return 'nobody extends it by more than a day at once';
  // The target was told at its call how long it may stand; that a retry has only seen it since gives it no more time.
  if (until - (action.calledAt ?? action.settledAt) > MAX_CONTAINED_MS) return 'it has been extended to a week already';
  return null;
}

/** Why nobody can keep a containment, though its own time may not be over: it is undone with the rest. Null: it is not. */
export function undoneWithRest(t: Pick<Transition, 'plan' | 'state'>, actionId: string): string | null {
  if (t.state.compensation?.queue.includes(actionId) === true) return 'it is being undone';
  return isPlanned(t, actionId) && isToBeUndone(t, actionId) ? 'it is going to be undone' : null;
}

function isPlanned({ plan }: Pick<Transition, 'plan'>, actionId: string): boolean {
  return plan.stages.some(({ actions }) => actions.some((action) => action.actionId === actionId));
}
