import { z } from 'zod';
import { hmacSha256 } from '../../platform/hash.ts';

/** How long a session lasts at most, in ms: a working day with its handover. */
export const SESSION_LIFETIME_MS = 12 * 3_600_000;
/** How long a session may stay unused, in ms: the upper end of what OWASP's Session Management Cheat Sheet gives for ordinary risk. */
export const SESSION_IDLE_MS = 30 * 60_000;
/** How exactly the last use is known, in ms: a write for each request would make reading as dear as writing. */
export const SESSION_SEEN_STEP_MS = 60_000;
/** Sessions in force of one person: a few machines and a telephone. One more ends the oldest. */
export const MAX_SESSIONS = 10;
/** Longest kept `User-Agent`, in UTF-16 units: browsers send about 120. */
const MAX_USER_AGENT = 200;

export const SESSION_METHODS = ['password', 'oidc'] as const;
export type SessionMethod = (typeof SESSION_METHODS)[number];

export const SESSION_ENDS = [
  'signed_out',
  'revoked',
  'replaced',
  'expired',
  'user_disabled',
  'password_changed',
  'roles_lost',
] as const;
export type SessionEnd = (typeof SESSION_ENDS)[number];

/** The session of a browser, as records hold it: the secret itself is nowhere. */
export const SESSION = z.strictObject({
  id: z.string(),
  userId: z.string(),
  /** The email address at that time: what other systems know the person by. */
  account: z.string().nullable(),
  /** SHA-256 of the secret, hexadecimal. 256 random bits need no slow hash. */
  hash: z.string(),
  method: z.enum(SESSION_METHODS),
  ip: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: z.int(),
  expiresAt: z.int(),
  endedAt: z.int().nullable(),
  end: z.enum(SESSION_ENDS).nullable(),
});
export type Session = Readonly<z.infer<typeof SESSION>>;

/** Where a sign-in came from, as far as the connection and the browser say. */
export interface CameFrom {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** The same, bounded and fit for a record. */
export function keptOrigin({ ip, userAgent }: CameFrom): CameFrom {
  return { ip, userAgent: userAgent === null ? null : userAgent.slice(0, MAX_USER_AGENT).toWellFormed() };
}

/** Whether a session can be used at `now`; `seenAt` is the last known use. */
export function isInForce(session: Session, seenAt: number, now: number): boolean {
  return session.endedAt === null && now < session.expiresAt && now < seenAt + SESSION_IDLE_MS;
}

/**
 * What forms of a session carry, so that no other site can send one: derived from the session's secret, which no page and
 * no other site can read. Nothing of the secret follows from it.
 */
export function formTokenOf(secret: string): string {
  return hmacSha256(secret, 'form').toString('base64url');
}
