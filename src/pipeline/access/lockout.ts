import { z } from 'zod';
import { sha256Hex } from '../../platform/hash.ts';

/** Failed sign-ins of one account within the window that lock it: enough for a person's typing errors. */
export const MAX_FAILURES = 5;
/** The window, in ms. */
export const FAILURE_WINDOW_MS = 15 * 60_000;
/** The first lock, in ms; each further one is twice as long. */
export const FIRST_LOCK_MS = 60_000;
/** The longest lock, in ms: five guesses in a quarter of an hour get nowhere, and nobody is kept out for a whole incident. */
export const MAX_LOCK_MS = 15 * 60_000;
/** After this long without a failure a lock begins small again, in ms. */
export const LOCKS_FORGOTTEN_MS = 24 * 3_600_000;
/** Rows for names that nobody has: they are counted as accounts are, so that nothing tells the two apart, but only in so many. */
const UNKNOWN_ROWS = 256;

/** Failed sign-ins of an account, as records hold them. Times are business time, ms since 1970. */
export const LOCKOUT = z.strictObject({
  id: z.string(),
  /** Within the window, since the last lock. */
  failures: z.array(z.int()),
  /** Locks so far that are not forgotten. */
  locks: z.int(),
  lockedUntil: z.int().nullable(),
  lastAt: z.int(),
});
export type Lockout = Readonly<z.infer<typeof LOCKOUT>>;

export function isLocked(lockout: Lockout | null, now: number): boolean {
  return lockout !== null && lockout.lockedUntil !== null && now < lockout.lockedUntil;
}

/**
 * The lockout after a failure at `now`. While it is locked nothing is counted: who guesses on does not lengthen it, so
 * that a stranger can keep an account locked for at most the time that each lock gives.
 */
export function afterFailure(before: Lockout | null, id: string, now: number): Lockout {
  if (before !== null && isLocked(before, now)) return before;
  const recent = (before?.failures ?? []).filter((at) => at > now - FAILURE_WINDOW_MS);
  const failures = [...recent, now];
  const forgotten = before === null || now >= before.lastAt + LOCKS_FORGOTTEN_MS;
  const locks = forgotten ? 0 : before.locks;
  if (failures.length < MAX_FAILURES) return { id, failures, locks, lockedUntil: null, lastAt: now };
  const lockedUntil = now + Math.min(MAX_LOCK_MS, FIRST_LOCK_MS * 2 ** Math.min(locks, 30));
  return { id, failures: [], locks: locks + 1, lockedUntil, lastAt: now };
}

/** The row in which failures for a name are counted that no account has. The name itself is kept nowhere: it may be a password. */
export function unknownAccountId(name: string): string {
  const row = Number.parseInt(sha256Hex(name).slice(0, 8), 16) % UNKNOWN_ROWS;
  return `unknown_${row}`;
}
