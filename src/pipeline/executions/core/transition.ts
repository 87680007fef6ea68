import { invariant } from '../../../platform/errors.ts';
import { canonicalJson } from '../../../platform/canonical-json.ts';
import { derivedId, sha256Base64Url } from '../../../platform/hash.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import { actionOf, evolve } from './evolve.ts';
import type { Fact } from './facts.ts';
import type { Input } from './inputs.ts';
import type { ActionState, ApprovalState, ExecutionState } from './state.ts';

/**
 * One decision in the making: facts are added one after the other, and each is seen by the next question.
 * Local to `decide`; nothing of it outlives the call.
 */
export interface Transition {
  readonly plan: Plan;
  readonly input: Input;
  readonly facts: readonly Fact[];
  /** The state after the facts so far. */
  readonly state: ExecutionState;
  add(fact: Fact): void;
  action(actionId: string): ActionState;
}

export function beginTransition(plan: Plan, before: ExecutionState | null, input: Input): Transition {
  const facts: Fact[] = [];
  let state = before;
  const current = (): ExecutionState => {
    invariant(state !== null, 'the execution has not started');
    return state;
  };
  return {
    plan,
    input,
    facts,
    get state() {
      return current();
    },
    add(fact) {
      facts.push(fact);
      state = evolve(state, fact, input);
    },
    action: (actionId) => actionOf(current(), actionId),
  };
}

/** @throws when the plan has no such action: inputs are checked against the plan before they come here. */
export function planActionOf(plan: Plan, actionId: string): PlanAction {
  for (const stage of plan.stages) {
    for (const action of stage.actions) if (action.actionId === actionId) return action;
  }
  throw new Error(`invariant broken: the plan has no action ${actionId}`);
}

/** Id of a request to people: one for each purpose in each run of an action. */
export function approvalIdOf(
  state: { readonly id: string },
  { actionId, generation }: { readonly actionId: string; readonly generation: number },
  purpose: ApprovalState['purpose'],
): string {
  return derivedId('apr', state.id, actionId, purpose, String(generation));
}

/**
 * The idempotency key of an action: the same for every retry and take-over, another one only after a person
 * retried the settled action (`generation`) or for the undo.
 */
export function idempotencyKey(
  state: { readonly journalId: string; readonly id: string },
  actionId: string,
  direction: 'perform' | 'undo',
  generation: number,
): string {
  return sha256Base64Url(canonicalJson([state.journalId, state.id, actionId, direction, generation]));
}
