import type { Change } from './journal.ts';

/** Several changes as one, to be applied together or not at all. Each stream may be appended to by one of them only. */
export function mergeChanges(changes: readonly Change[]): Change {
  const arrival = changes.find((change) => change.arrival !== undefined)?.arrival;
  return {
    appends: changes.flatMap((change) => change.appends),
    objects: changes.flatMap((change) => change.objects ?? []),
    events: changes.flatMap((change) => change.events ?? []),
    ...(arrival === undefined ? {} : { arrival }),
    detectorStates: changes.flatMap((change) => change.detectorStates ?? []),
    forgottenStates: changes.flatMap((change) => change.forgottenStates ?? []),
    views: changes.flatMap((change) => change.views ?? []),
    timers: changes.flatMap((change) => change.timers ?? []),
    effects: changes.flatMap((change) => change.effects ?? []),
  };
}
