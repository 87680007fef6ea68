import { begin } from './begin.ts';
import { growAction } from './children.ts';
import type { ReservedInput } from './inputs.ts';
import { requestBlastRadius } from './request-approval.ts';
import { planActionOf, type Transition } from './transition.ts';

/** The limiter has counted the action, or its hour is full: then a person is asked before the first call. */
export function takeReserved(t: Transition, input: ReservedInput): void {
  const { actionId, turn, granted, used, perHour } = input;
  const { phase, reservations } = t.action(actionId);
  if (phase !== 'reserving' || reservations !== turn)
    return t.add({ type: 'input.ignored', why: 'no reservation is awaited' });
  const plan = planActionOf(t.plan, actionId);
  if (!granted) {
    t.add({ type: 'reservation.refused', actionId, used, perHour });
    return requestBlastRadius(t, plan);
  }
  t.add({ type: 'reservation.made', actionId });
  begin(t, plan);
  // Who has joined while it was asked: each of them is counted by itself.
  growAction(t, plan, t.state.snapshot.accounts);
}
