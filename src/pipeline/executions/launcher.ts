import type { Effect } from './core/demands.ts';
import type { Loaded } from './execution-store.ts';

/** Lets effects begin whose demand is on disk. */
export interface Launcher {
  /** Performs an effect whose demand is on disk, and later hands its answer to the runner. Never throws. */
  launch(loaded: Loaded, effect: Effect): void;
  /** Effects under way. */
  readonly inFlight: number;
  isUnderWay(executionId: string, effectName: string): boolean;
}
