import { identitiesOf as identitiesOfPerson } from '../access/identities.ts';
import type { RoleName } from '../vocabulary.ts';
import type { Login } from './seats.ts';

/**
 * Whose voice a vote is. Somebody may speak for another person who has asked them to: then both stand behind the vote, so that
 * whatever keeps either of them from voting keeps it from counting, and neither of them counts a second time.
 */

/** A seat that its owner has lent to somebody until a certain time, as known at the moment of the vote. */
export interface LentSeat {
  readonly delegationId: string;
  /** Whose seat it is. */
  readonly userId: string;
  /** Roles that the owner has now, as far as they are lent. */
  readonly roles: readonly RoleName[];
  /** All other accounts of the owner. */
  readonly linkedAccounts: readonly string[];
  /** Whether the owner could vote at all: not disabled, and with a role that may. */
  readonly mayVote: boolean;
  /** Only some roles are lent: then being named in person is not. */
  readonly byRoleOnly?: true;
  /** Only for these playbooks. Absent: for all. */
  readonly playbookIds?: readonly string[];
  /** Business time, ms since 1970; it is lent from `from` on and not any more at `until`. */
  readonly from: number;
  readonly until: number;
}

/** Somebody who speaks, in their own right or for the owner of a seat. */
export interface Voice extends Login {
  readonly linkedAccounts: readonly string[];
  readonly onBehalfOf?: LentSeat;
}

/** All that whoever stands behind a voice is known by: who speaks, and for whom. */
export function identitiesOf(voice: Voice): ReadonlySet<string> {
  const own = identitiesOfPerson(voice);
  return voice.onBehalfOf === undefined ? own : new Set([...own, ...identitiesOfPerson(voice.onBehalfOf)]);
}

/** The account whose seat a voice takes. */
export function loginOf(voice: Voice): Login {
  return voice.onBehalfOf ?? voice;
}

/** Whether a seat is lent at this moment. */
export function isLent({ from, until }: Pick<LentSeat, 'from' | 'until'>, at: number): boolean {
  return from <= at && at < until;
}

/** Whether a seat is lent for requests of this playbook. */
export function isLentFor({ playbookIds }: LentSeat, playbookId: string | undefined): boolean {
  return playbookIds === undefined || (playbookId !== undefined && playbookIds.includes(playbookId));
}
