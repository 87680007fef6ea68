import type { RoleName } from '../vocabulary.ts';

/** Somebody who votes, as known at that moment: what is decided from, and what the record of the vote holds. */
export interface PresentVoter {
  readonly userId: string;
  readonly kind: 'person' | 'service';
  readonly roles: readonly RoleName[];
  readonly disabled: boolean;
  /** False: none of the roles lets them vote on anything. Absent: one does, or it was not asked (earlier records). */
  readonly mayVote?: false;
  /** All other accounts of this person: those that are linked to this one, and those that this one is linked to. */
  readonly linkedAccounts: readonly string[];
  /** Who made the credential that is used: that person has seen its secret, and could be voting. */
  readonly issuedBy: string;
  /** All other accounts of whoever made it. Absent: the voter did, or it was not asked (records of the first version). */
  readonly issuerAccounts?: readonly string[];
  /** Seats that others have lent to this person, by delegation. Absent: none. */
  readonly lentSeats?: readonly LentSeat[];
}

/** A seat that its owner has lent to somebody until a certain time: what the owner has at that moment, as far as it is lent. */
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
