import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { JsonObject } from '../../platform/canonical-json.ts';
import { MAX_TEXT_LENGTH } from '../../platform/limits.ts';
import { given, shownTime, type Answer, type Listing, type Resource } from '../service.ts';
import { applyAccessChange, existing } from './access-change.ts';
import { textOf } from './access.ts';
import { allCustomRoles, allUsersInForce } from './access-in-force.ts';
import type { AccessJournal } from './access.store.ts';
import {
  delegateFaults,
  MAX_DELEGATIONS,
  requireOwnCredential,
  roleWarnings,
  statusOfDelegation,
  timeFaults,
  type Delegation,
  type DelegationInput,
} from './delegation.ts';
import { delegationWrite, listDelegations, loadDelegation, unendedDelegations } from './delegation.store.ts';
import { mayDo, type CallContext } from './principal.ts';
import { roleFaults } from './role-names.ts';
import type { RandomBytes } from './secret.ts';
import type { UserInForce } from './user-in-force.ts';
import { mayVote } from './voters.ts';

export interface DelegationQuery {
  readonly limit: number;
  readonly skip: number;
  readonly delegatorId?: string | undefined;
  readonly delegateId?: string | undefined;
}

/** Who may vote in whose place. */
export interface DelegationService {
  /** The latest end first. */
  list(ctx: CallContext, query: DelegationQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Lends the caller's own seat. @throws FirebreakError `forbidden` with a key of somebody else; `invalid_request`; `conflict`. */
  create(ctx: CallContext, input: DelegationInput): Promise<Answer>;
  /**
   * Ends it at once: by the delegator, the delegate, or whoever manages users. Votes given before stand; the delegator may take
   * those in their place back. @throws FirebreakError `forbidden`, `conflict` when it has ended.
   */
  revoke(ctx: CallContext, input: { readonly id: string; readonly reason: string | null }): Promise<Answer>;
}

/** Builds the service. `randomBytes` must be unpredictable: ids come from it. */
export function createDelegationService(
  journal: AccessJournal & Pick<JournalReader, 'listViews'>,
  randomBytes: RandomBytes,
): DelegationService {
  async function accepted(ctx: CallContext, input: DelegationInput): Promise<Omit<Delegation, 'id'>> {
    const { principal, now } = ctx;
    const [users, customRoles] = await Promise.all([allUsersInForce(journal), allCustomRoles(journal)]);
    const faults: Fault[] = [];
    const reason = textOf(input.reason, '/reason', MAX_TEXT_LENGTH, faults);
    faults.push(...roleFaults(input.roles ?? [], [...customRoles.keys()], (index) => `/roles/${index}`));
    faults.push(...timeFaults(input, now), ...delegateFaults(users, principal, input.delegateId));
    if (faults.length > 0) throw new FirebreakError('invalid_request', 'The delegation is not valid', faults);
    await requireRoom(now, { subject: principal.userId }, 'You have');
    await requireRoom(now, { ref: input.delegateId }, 'The delegate has');
    const { delegateId, roles, playbookIds, from = now, until } = input;
    return {
      delegatorId: principal.userId,
      delegateId,
      ...(roles === undefined ? {} : { roles: [...new Set(roles)].sort() }),
      ...(playbookIds === undefined ? {} : { playbookIds: [...new Set(playbookIds)].sort() }),
      reason,
      from,
      until,
      createdAt: now,
      revoked: null,
    };
  }

  async function requireRoom(now: number, who: { subject?: string; ref?: string }, whose: string): Promise<void> {
    if ((await unendedDelegations(journal, now, who)).length < MAX_DELEGATIONS) return;
    throw new FirebreakError(
      'conflict',
      `${whose} ${MAX_DELEGATIONS} delegations that have not ended: revoke one first`,
    );
  }

  return {
    async list({ now }, { limit, skip, delegatorId, delegateId }) {
      const wanted = given({ subject: delegatorId, ref: delegateId });
      const { items, total } = await listDelegations(journal, { limit, skip, ...wanted });
      return { items: items.map((each) => shownDelegation(each, now)), total };
    },
    async get({ now }, { id }) {
      return { data: shownDelegation((await existing(loadDelegation(journal, id), 'delegation')).item, now) };
    },
    async create(ctx, input) {
      const { principal, now } = ctx;
      requireOwnCredential(principal);
      const id = derivedId('dlg', Buffer.from(randomBytes(16)).toString('hex'));
      const made = await applyAccessChange(journal, ctx, async () => {
        const delegation = { id, ...(await accepted(ctx, input)) };
        return { writes: [delegationWrite(delegation, 0, principal.userId, now)], answer: delegation };
      });
      const delegate = (await allUsersInForce(journal)).find((user) => user.id === input.delegateId);
      const warnings = [...roleWarnings(input, principal), ...delegateWarnings(delegate)];
      return { data: shownDelegation(made, now), warnings };
    },
    async revoke(ctx, { id, reason }) {
      const { principal, now } = ctx;
      const ended = await applyAccessChange(journal, ctx, async () => {
        const { item, version } = await existing(loadDelegation(journal, id), 'delegation');
        const isConcerned = [item.delegatorId, item.delegateId].includes(principal.userId);
        if (!isConcerned && !mayDo(principal, 'user.manage'))
          throw new FirebreakError(
            'forbidden',
            'Only the two whom it concerns, and whoever manages users, may end a delegation',
          );
        const status = statusOfDelegation(item, now);
        if (status === 'REVOKED' || status === 'ENDED')
          throw new FirebreakError('conflict', `There is nothing to revoke: it is ${status}`);
        const delegation = { ...item, revoked: { by: principal.userId, at: now, reason } };
        return { writes: [delegationWrite(delegation, version, principal.userId, now)], answer: delegation };
      });
      return { data: shownDelegation(ended, now) };
    },
  };
}

/** What will not work as it reads. */
function delegateWarnings(delegate: UserInForce | undefined): readonly string[] {
  if (delegate === undefined || mayVote(delegate)) return [];
  return ['/delegateId: has no role that may vote now, so nothing can be answered until they have one'];
}

function shownDelegation(delegation: Delegation, now: number): Resource {
  const { from, until, createdAt, revoked, ...members } = delegation;
  const shown: JsonObject = {
    ...members,
    roles: delegation.roles ?? null,
    playbookIds: delegation.playbookIds ?? null,
    from: shownTime(from),
    until: shownTime(until),
    createdAt: shownTime(createdAt),
    revoked: revoked === null ? null : { ...revoked, at: shownTime(revoked.at) },
    status: statusOfDelegation(delegation, now),
  };
  return shown;
}
