import { FirebreakError } from '../../platform/errors.ts';
import { accountsOf } from './access.ts';
import { allUsersInForce } from './access-in-force.ts';
import { ACCESS_STREAM, loadKey, type AccessJournal } from './access.store.ts';
import { everyAccountOf } from './every-account.ts';
import { unendedDelegations } from './delegation.store.ts';
import type { Delegation } from './delegation.ts';
import { rolesMay } from './operations.ts';
import type { LentSeat, PresentVoter } from './present-voter.ts';
import type { Principal } from './principal.ts';
import { loadSession } from './session.store.ts';
import type { UserInForce } from './user-in-force.ts';

export interface Voters {
  /**
   * What the journal says now of somebody who was let in: between the two lies the time that a request takes to arrive, which
   * its sender chooses.
   *
   * @param now business time, ms since 1970: seats that were lent until then are not among those that the voter has.
   * @throws FirebreakError `unauthenticated` when the credential was revoked meanwhile.
   */
  present(principal: Principal, now: number): Promise<PresentVoter>;
}

/** Reads people by the state of their stream, so that they are read anew only after one has changed. */
export function createVoters(journal: Pick<AccessJournal, 'view' | 'streamHead' | 'listViews'>): Voters {
  let kept: { readonly head: string; readonly users: Promise<readonly UserInForce[]> } | null = null;

  async function everybody(): Promise<readonly UserInForce[]> {
    const head = (await journal.streamHead(ACCESS_STREAM))?.hash ?? '';
    if (kept?.head === head) return kept.users;
    const users = allUsersInForce(journal);
    const reading = { head, users };
    kept = reading;
    // A journal that could not be read now may be readable the next time.
    users.catch(() => {
      if (kept === reading) kept = null;
    });
    return users;
  }

  return {
    async present({ userId, kind, keyId, keyIssuedBy, provenBy }, now) {
      const users = await everybody();
      const key = await loadKey(journal, keyId);
      if (key !== null && key.item.revokedAt !== null)
        throw new FirebreakError('unauthenticated', 'The API key was revoked');
      // A session that ended has no row.
      if (provenBy === 'session' && (await loadSession(journal, keyId)) === null)
        throw new FirebreakError('unauthenticated', 'The session is over');
      const user = users.find(({ id }) => id === userId);
      const maker = { issuedBy: keyIssuedBy, issuerAccounts: accountsOfPerson(users, keyIssuedBy) };
      const lent = await unendedDelegations(journal, now, { ref: userId });
      const lentSeats = [...lent].sort(byId).map((each) => seatOf(users, each));
      return {
        userId,
        kind,
        roles: user?.roles ?? [],
        disabled: user?.disabled ?? true,
        ...(user === undefined || mayVote(user) ? {} : { mayVote: false }),
        linkedAccounts: accountsOfPerson(users, userId),
        ...(keyIssuedBy === userId ? { issuedBy: userId } : maker),
        ...(lentSeats.length === 0 ? {} : { lentSeats }),
      };
    },
  };
}

/** Whether a role lets somebody vote on anything at all. */
export function mayVote({ roles, grants }: Pick<UserInForce, 'roles' | 'grants'>): boolean {
  return rolesMay(roles, 'person', 'approval.vote', grants);
}

function byId(left: Delegation, right: Delegation): number {
  return left.id < right.id ? -1 : 1;
}

/** A seat as it is worth now: a role that its owner has lost is not lent, and what is only lent in part is not lent in person. */
export function seatOf(users: readonly UserInForce[], delegation: Delegation): LentSeat {
  const { id: delegationId, delegatorId, roles: lent, playbookIds, from, until } = delegation;
  const owner = users.find(({ id }) => id === delegatorId);
  const held = owner?.roles ?? [];
  const isVoter = owner !== undefined && owner.kind === 'person' && !owner.disabled && mayVote(owner);
  return {
    delegationId,
    userId: delegatorId,
    roles: lent === undefined ? held : held.filter((role) => lent.includes(role)),
    linkedAccounts: accountsOfPerson(users, delegatorId),
    mayVote: isVoter,
    ...(lent === undefined ? {} : { byRoleOnly: true }),
    ...(playbookIds === undefined ? {} : { playbookIds }),
    from,
    until,
  };
}

/**
 * What else somebody is known by, own accounts first. A link says that two accounts are one person's on whichever of the two
 * it stands, and also through a third one.
 */
function accountsOfPerson(users: readonly UserInForce[], userId: string): readonly string[] {
  const own = users.find(({ id }) => id === userId);
  const people = users.filter(({ id, kind }) => id === userId || kind === 'person');
  const listed = own === undefined ? [] : accountsOf(own);
  const beyond = [...everyAccountOf(people, [userId])].filter((each) => each !== userId && !listed.includes(each));
  return [...listed, ...beyond.sort()];
}
