import { DISORDER_TOLERANCE_MS } from '../../platform/limits.ts';
import type { BaseObservation } from './detector.ts';

/**
 * History that is read as of `observation time - DISORDER_TOLERANCE_MS`: what an event is compared with was complete
 * before it arrived, so an event that comes late cannot change how an earlier one was judged.
 */
export interface Lagged<History, Observation> {
  readonly history: History;
  /** Seen, but too new to be history. Sorted. */
  readonly waiting: readonly Observation[];
}

/** Moves what is older than `time - DISORDER_TOLERANCE_MS` from `waiting` into the history. */
export function advance<History, Observation extends BaseObservation>(
  lagged: Lagged<History, Observation>,
  time: number,
  fold: (history: History, observation: Observation) => History,
): Lagged<History, Observation> {
  const cutoff = time - DISORDER_TOLERANCE_MS;
  let history = lagged.history;
  let taken = 0;
  for (const observation of lagged.waiting) {
    if (observation.time >= cutoff) break;
    history = fold(history, observation);
    taken += 1;
  }
  return taken === 0 ? lagged : { history, waiting: lagged.waiting.slice(taken) };
}

/** Adds an observation that may become history later. One whose time is not its own never does. */
export function enqueue<History, Observation extends BaseObservation>(
  lagged: Lagged<History, Observation>,
  observation: Observation,
): Lagged<History, Observation> {
  return observation.ingest ? lagged : { history: lagged.history, waiting: [...lagged.waiting, observation] };
}
