import type { ReleaseInput } from './inputs.ts';
import { isUrgent } from './keeping-quiet.ts';
import { startAction } from './start-action.ts';
import { planActionOf, type Transition } from './transition.ts';

/** The wait of an action is over, for good: it begins as if its stage began now. */
export function endQuiet(t: Transition, actionId: string, why: 'over' | 'released' | 'severity'): void {
  t.add({ type: 'quiet.ended', actionId, why });
  startAction(t, planActionOf(t.plan, actionId));
}

/** Somebody has looked at what waits and wants it done now. */
export function takeRelease(t: Transition, { actionId }: ReleaseInput): void {
  if (t.action(actionId).phase !== 'quiet')
    return t.add({ type: 'input.ignored', why: 'it does not wait for the end of quiet hours' });
  endQuiet(t, actionId, 'released');
}

/** The incident has grown: what was not urgent may be now. */
export function wakeUrgent(t: Transition): void {
  if (t.state.stopped !== null || !isUrgent(t)) return;
  const waiting = Object.values(t.state.actions).filter(({ phase }) => phase === 'quiet');
  for (const { actionId } of waiting) endQuiet(t, actionId, 'severity');
}
