/**
 * Two clocks. *Business time* drives approvals, back-off, time limits, codes and deadlines, and may be
 * accelerated. *Machine time* drives sockets, attempt deadlines and measurements, and never is.
 */
export interface Clock {
  /** Business time, ms since 1970 UTC, never going backwards. */
  now(): number;
  /** Machine time, monotonic, in ms with fractions. */
  monotonic(): number;
  /** True when business time is not the wall clock; then every report says so. */
  readonly accelerated: boolean;
}

/** The wall clock, held so that it never goes backwards within one process. */
export function systemClock(): Clock {
  let last = 0;
  return {
    accelerated: false,
    now() {
      last = Math.max(last, Date.now());
      return last;
    },
    monotonic: () => performance.now(),
  };
}

/** A clock whose business time moves only when it is told to. */
export interface SteeredClock extends Clock {
  /** Moves business time forward to `at`; a time in the past is ignored. */
  advanceTo(at: number): void;
}

/**
 * Business time that stands still until somebody advances it: for tests, for the demo (which jumps to the next
 * due timer when nothing is left to do) and for replays.
 */
export function steeredClock(startAt: number): SteeredClock {
  let current = startAt;
  return {
    accelerated: true,
    now: () => current,
    monotonic: () => performance.now(),
    advanceTo(at) {
      current = Math.max(current, at);
    },
  };
}
