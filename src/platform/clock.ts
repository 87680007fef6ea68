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

/**
 * How far the wall clock may leave the monotonic one between two looks, in ms. Beyond it the wall clock was set by hand, or
 * the machine slept: what is due only because of that is held until people have looked.
 */
export const CLOCK_JUMP_MS = 60_000;

/** Business time that follows a wall clock, and says when that cannot be believed. */
export interface WallClock extends Clock {
  /** By how much the wall clock is ahead of (or behind) business time because it jumped, in ms; 0 when it is followed. */
  jumpMs(): number;
}

/**
 * Business time for servers. Follows the wall clock as long as it goes on as the monotonic one does; after a jump it goes on by
 * the monotonic one alone, so that no approval expires and no block ends because a clock was set. The jump ends when
 * the wall clock is set back, or with a restart, which is a person's word for it.
 *
 * @param offset what to add to this machine's wall clock, in ms: where many machines share a store, its clock counts.
 */
export function wallClock(
  offset: () => number,
  wall: () => number = Date.now,
  monotonic: () => number = () => performance.now(),
): WallClock {
  let last = wall() + offset();
  let lastLook = monotonic();
  let jump = 0;
  const look = (): number => {
    const at = monotonic();
    const expected = last + (at - lastLook);
    const ahead = wall() + offset() - expected;
    jump = Math.abs(ahead) > CLOCK_JUMP_MS ? Math.round(ahead) : 0;
    last = Math.max(last, jump === 0 ? expected + ahead : expected);
    lastLook = at;
    return Math.floor(last);
  };
  return {
    accelerated: false,
    now: look,
    monotonic,
    jumpMs() {
      look();
      return jump;
    },
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
