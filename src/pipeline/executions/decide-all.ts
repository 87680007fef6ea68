import { invariant } from '../../platform/errors.ts';
import type { OnCall } from '../approvals/approval.ts';
import type { Step } from './change.ts';
import { decide } from './core/decide.ts';
import { timersOf } from './core/demands.ts';
import type { Input, NewInput } from './core/inputs.ts';
import type { Loaded } from './execution-store.ts';

/** A timer that the state does not hold any more. */
export function isGone({ plan, state }: Loaded, input: NewInput): boolean {
  if (input.type !== 'timer') return false;
  return timersOf(plan, state).every(({ name, generation }) => name !== input.name || generation !== input.generation);
}

/** What is added to inputs when they are taken up. */
export interface TakenUp {
  /** Business time, ms since 1970. */
  readonly at: number;
  /** Content hash of the code that decides; null where it is not known. */
  readonly core: string | null;
  /** Ids of exemptions of the plan that people have revoked. */
  readonly revoked: readonly string[];
  /** Who is on call by the schedules that the plan names; absent or null: it names none. */
  readonly onCall?: OnCall | null;
}

/** In the order of the canonical text. */
function completed(input: NewInput, at: number, known: Pick<Input, 'core' | 'revoked' | 'onCall'>): Input {
  if (!('actionId' in input)) return { at, ...known, ...input };
  const { actionId, ...rest } = input;
  return { actionId, at, ...known, ...rest };
}

/** What the inputs lead to, one after the other. */
export function decideAll(
  before: Loaded,
  inputs: readonly NewInput[],
  { at, core, revoked, onCall = null }: TakenUp,
): Step[] {
  const known = { ...(revoked.length === 0 ? {} : { revoked }), ...(onCall === null ? {} : { onCall }) };
  let state = before.state;
  return inputs.map((input) => {
    const timed = completed(input, at, { ...(core === null || core === state.core ? {} : { core }), ...known });
    const decision = decide(before.plan, state, timed);
    invariant(decision.facts.length > 0, `an input of type ${input.type} led to no fact`);
    state = decision.state;
    return { input: timed, decision };
  });
}
