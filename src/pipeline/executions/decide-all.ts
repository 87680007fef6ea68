import { invariant } from '../../platform/errors.ts';
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

/** In the order of the canonical text. */
function timedInput(input: NewInput, at: number): Input {
  if (!('actionId' in input)) return { at, ...input };
  const { actionId, ...rest } = input;
  return { actionId, at, ...rest };
}

/** What the inputs lead to, one after the other, each taken at `at`: business time, ms since 1970. */
export function decideAll(before: Loaded, inputs: readonly NewInput[], at: number): Step[] {
  let state = before.state;
  return inputs.map((input) => {
    const timed = timedInput(input, at);
    const decision = decide(before.plan, state, timed);
    invariant(decision.facts.length > 0, `an input of type ${input.type} led to no fact`);
    state = decision.state;
    return { input: timed, decision };
  });
}
