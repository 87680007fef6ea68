import { z } from 'zod';
import { FirebreakError, type Fault } from '../../platform/errors.ts';
import type { RoleName } from '../vocabulary.ts';
import { canonicalAccount, identitiesOf, overlaps } from './identities.ts';
import type { Principal } from './principal.ts';
import { everyAccountOf } from './every-account.ts';
import type { UserInForce } from './user-in-force.ts';

/**
 * Somebody lets another person vote in their place for a time. It lends the seat, not the roles: whoever stands in may do nothing
 * else with it, cannot lend it on, and both are one person where votes are counted.
 */

const DAY_MS = 24 * 3_600_000;
/** Longest delegation, in ms: a quarter, as of exemptions. Who is away for longer should not have the role meanwhile. */
export const MAX_DELEGATION_MS = 90 * DAY_MS;
/** How far ahead one may begin, in ms: a holiday that is booked a year before. */
export const MAX_AHEAD_MS = 366 * DAY_MS;
/** Delegations of one person that have not ended, and those to one person: more seats than these nobody keeps in mind. */
export const MAX_DELEGATIONS = 20;
/** Most playbooks that one names. */
export const MAX_PLAYBOOKS = 32;

/** As records and rows hold it. */
export const DELEGATION = z.strictObject({
  id: z.string(),
  /** Whose seat it is. */
  delegatorId: z.string(),
  /** Who may take it. */
  delegateId: z.string(),
  /** Only these roles of the delegator, the organisation's own among them. Absent: all that they have at the time, and where they are named in person. */
  roles: z.array(z.string()).optional(),
  /** Only requests of these playbooks. Absent: of all. */
  playbookIds: z.array(z.string()).optional(),
  reason: z.string(),
  /** Business time, ms since 1970: from `from` on, not any more at `until`. */
  from: z.int(),
  until: z.int(),
  createdAt: z.int(),
  revoked: z.strictObject({ by: z.string(), at: z.int(), reason: z.string().nullable() }).nullable(),
});
export type Delegation = Readonly<z.infer<typeof DELEGATION>>;

export const DELEGATION_STATUSES = ['UPCOMING', 'ACTIVE', 'ENDED', 'REVOKED'] as const;
export type DelegationStatus = (typeof DELEGATION_STATUSES)[number];

export function statusOfDelegation({ from, until, revoked }: Delegation, now: number): DelegationStatus {
  if (revoked !== null) return 'REVOKED';
  if (now >= until) return 'ENDED';
  return now < from ? 'UPCOMING' : 'ACTIVE';
}

/** What somebody asks for; times in ms since 1970. */
export interface DelegationInput {
  readonly delegateId: string;
  readonly roles?: readonly RoleName[] | undefined;
  readonly playbookIds?: readonly string[] | undefined;
  readonly reason: string;
  /** Absent: from now on. */
  readonly from?: number | undefined;
  readonly until: number;
}

/**
 * Nobody but the delegator lends a seat: not an administrator, and not by a key that somebody else has seen.
 *
 * @throws FirebreakError `forbidden`.
 */
export function requireOwnCredential(principal: Principal): void {
  if (principal.provenBy !== 'key' && principal.provenBy !== 'session')
    throw new FirebreakError('forbidden', 'A delegation is made with a session or an own key, not by a link or a chat');
  if (canonicalAccount(principal.keyIssuedBy) === canonicalAccount(principal.userId)) return;
  throw new FirebreakError(
    'forbidden',
    'This key was made by somebody else, who has seen it; delegate with a session, or with a key that you made yourself',
  );
}

/** What is wrong with the times, each with the member and the fix. */
export function timeFaults({ from, until }: DelegationInput, now: number): readonly Fault[] {
  const begin = from ?? now;
  if (begin < now) return [{ pointer: '/from', detail: 'lies in the past; leave it out to begin now' }];
  if (begin > now + MAX_AHEAD_MS) return [{ pointer: '/from', detail: 'lies more than 366 days ahead' }];
  if (until <= begin) return [{ pointer: '/until', detail: 'must come after the beginning' }];
  if (until - begin > MAX_DELEGATION_MS)
    return [{ pointer: '/until', detail: 'is more than 90 days after the beginning: delegate again then' }];
  return [];
}

/**
 * Whom a seat can be lent to: another person, with none of the delegator's accounts.
 *
 * @param users all there are.
 */
export function delegateFaults(
  users: readonly UserInForce[],
  delegator: Pick<Principal, 'userId' | 'linkedAccounts'>,
  delegateId: string,
): readonly Fault[] {
  const fault = (detail: string): readonly Fault[] => [{ pointer: '/delegateId', detail }];
  const delegate = users.find(({ id }) => id === delegateId);
  if (delegate === undefined) return fault('is nobody here: give the id of a user');
  if (delegate.kind !== 'person') return fault('is a service account: only a person votes');
  if (delegate.disabled) return fault('is disabled');
  const own = everyAccountOf(users, [...identitiesOf(delegator)]);
  if (overlaps(own, everyAccountOf(users, [delegate.id])))
    return fault('is an account of your own: somebody else has to stand in for you');
  return [];
}

/** Roles that are lent and not held, as a warning each: they count from when they are. */
export function roleWarnings({ roles = [] }: DelegationInput, principal: Principal): readonly string[] {
  return roles
    .filter((role) => !principal.roles.includes(role))
    .map((role) => `/roles: you do not have ${role} now, so it is lent only once you do`);
}
