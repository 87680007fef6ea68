import { identitiesOf as identitiesOfPerson } from '../access/identities.ts';
import type { LentSeat } from '../access/present-voter.ts';
import type { Login } from './seats.ts';

/**
 * Whose voice a vote is. Somebody may speak for another person who has asked them to: then both stand behind the vote, so that
 * whatever keeps either of them from voting keeps it from counting, and neither of them counts a second time.
 */

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
