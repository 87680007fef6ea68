import type { Json } from '../../platform/canonical-json.ts';
import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { ChangeResult, JournalReader, StoredView } from '../../journal/journal.ts';
import { presentActor } from '../access/actor.ts';
import { requireAnother } from '../access/another-person.ts';
import { loadUserInForce } from '../access/access-in-force.ts';
import { allUsers } from '../access/access.store.ts';
import { everyAccountOf } from '../access/every-account.ts';
import { identitiesOf, overlaps } from '../access/identities.ts';
import { rolesMay } from '../access/operations.ts';
import { recordedTrace, type CallContext, type Principal } from '../access/principal.ts';
import type { UserInForce } from '../access/user-in-force.ts';
import type { Reversibility } from '../actions/contract.ts';
import { keptRead } from '../kept-read.ts';
import type { GateExemption } from '../playbooks/plan.ts';
import { recordTellName, recordTells, type TellRecord } from '../tell-of-record.ts';
import { untilApplied, type Answer, type Definition, type Listing } from '../service.ts';
import type { ActionType } from '../vocabulary.ts';
import {
  evolveExemption,
  inForceOf,
  proposalHash,
  statusOf,
  storedStatusOf,
  type Exemption,
  type ExemptionInForce,
  type ExemptionRecord,
  type ExemptionStatus,
  type Terms,
} from './exemption.ts';
import { readProposal, type AppliesTo, type Proposal } from './proposal.ts';
import { shownExemption, shownUse } from './show.ts';

/** How long a proposal waits for the second person, in ms: 72 hours, a weekend and a day. */
export const PROPOSAL_LAPSES_MS = 72 * 3_600_000;
/** Exemptions in force at the same time: plans carry those of their gates, and more than these nobody oversees. */
export const MAX_IN_FORCE = 100;
/** Uses shown with an exemption, newest first; all of them are counted. */
const MAX_USES_SHOWN = 200;
/** Exemptions that are looked through for those of a status, the latest end first. */
const MAX_LISTED = 1_000;

/** A gate of a policy in force, as far as an exemption names it. */
export interface NamedGate {
  readonly gateId: string | null;
  readonly gateName: string;
  readonly gateHash: string;
  /** Absent: it needs none. */
  readonly requirePasskey?: boolean;
}

export interface ExemptionPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads' | 'shared'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly tell?: TellRecord;
  readonly reversibilityOf: (type: ActionType) => Reversibility | null;
  /** The gates of a policy; null when no policy in force has the id. */
  readonly gatesOf: (
    policyId: string,
  ) => Promise<{ readonly version: number; readonly gates: readonly NamedGate[] } | null>;
}

export interface ExemptionQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: ExemptionStatus | undefined;
}

export interface ExemptionService {
  /** Those with the latest end first. */
  list(ctx: CallContext, query: ExemptionQuery): Promise<Listing>;
  /** With its uses, newest first. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** @throws FirebreakError `invalid_exemption` with each fault; `conflict` when it is about the person who asks. */
  propose(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
  /**
   * Puts it in force. `hash` is that of the proposal as it was shown.
   * @throws FirebreakError `conflict` when this person cannot be the second one, or there is nothing to confirm any more.
   */
  confirm(ctx: CallContext, input: { readonly id: string; readonly hash: string }): Promise<Answer>;
  /** Ends it, or withdraws the proposal. What is decided after the answer does not count on it. @throws FirebreakError `conflict` */
  revoke(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
  /** Those in force, by id; the same list as long as they are the same ones. One that has ended may still be among them. */
  inForce(): Promise<readonly ExemptionInForce[]>;
  /** Ids of those of a plan that somebody has revoked. `at` is the business time of what is decided. */
  revokedOf(bound: readonly GateExemption[], at: number): Promise<readonly string[]>;
  /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
  refresh(): void;
}

/** Builds the service. Every step is a record of the exemption's own stream; who is asked is decided in `../approvals`. */
export function createExemptionService(ports: ExemptionPorts): ExemptionService {
  const { journal, committer, ids, clock, gatesOf } = ports;
  let latest: readonly ExemptionInForce[] = [];

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('exemption', id);
    if (view === null) throw new FirebreakError('not_found', `There is no exemption ${id}`);
    return view;
  }

  async function usesOf(id: string) {
    return journal.longReads.listViews({ kind: 'exemption-use', parent: id, limit: MAX_USES_SHOWN, skip: 0 });
  }

  async function answer(id: string, exemption: Exemption, now: number): Promise<Answer> {
    const uses = await usesOf(id);
    const data = { ...shownExemption(id, exemption, now), useCount: uses.total, uses: uses.items.map(shownUse) };
    return { data, version: exemption.version };
  }

  async function submit(
    ctx: CallContext,
    id: string,
    before: StoredView | null,
    record: ExemptionRecord,
  ): Promise<{ result: ChangeResult; answer: Exemption }> {
    await presentActor(journal, ctx.principal, 'exemption.write');
    const earlier = before === null ? null : storedOf(before);
    const exemption = evolveExemption(earlier, record);
    const data = record.data as unknown as { readonly [key: string]: Json }; // plain JSON by its type
    const stream = `exemption/${id}`;
    const result = await committer.submit({
      appends: [
        {
          stream,
          expectedSeq: earlier?.version ?? 0,
          records: [{ type: record.type, v: 1, at: record.at, trace: recordedTrace(ctx), data }],
        },
      ],
      views: [
        {
          kind: 'exemption',
          id,
          expectedVersion: before?.version ?? 0,
          status: storedStatusOf(exemption),
          ref: exemption.terms.policyId,
          // Lists begin with the latest end, so that those in force always come before those that were.
          at: exemption.terms.expiresAt,
          body: exemption as unknown as Json, // plain JSON by its type
        },
      ],
      effects: recordTells(ports.tell, stream, exemption.version),
    });
    if (result.status === 'applied') ports.tell?.(stream, recordTellName(exemption.version));
    kept.forget();
    return { result, answer: exemption };
  }

  /** A record is never older than the one before it. */
  function timeAfter({ now }: CallContext, { proposed, confirmed }: Exemption): number {
    return Math.max(now, proposed.at, confirmed?.at ?? 0);
  }

  async function requireUnconcerned({ principal }: CallContext, { userIds }: AppliesTo): Promise<void> {
    if (userIds === undefined) return;
    const users = await allUsers(journal);
    if (overlaps(everyAccountOf(users, userIds), identitiesOf(principal)))
      throw new FirebreakError('conflict', 'It is about an account of yours: two other people have to agree on it');
  }

  async function termsOf(ctx: CallContext, proposal: Proposal): Promise<Terms> {
    const { policyId, gateId, gateName, appliesTo, reason, expiresAt } = proposal;
    const policy = await gatesOf(policyId);
    if (policy === null) throw invalid('/policyId', `No policy in force is called ${policyId}.`);
    const gate = policy.gates.find((each) =>
      gateId === undefined ? each.gateName === gateName : each.gateId === gateId,
    );
    if (gate === undefined) {
      const known = policy.gates.map((each) => each.gateName).join(', ');
      throw invalid(gateId === undefined ? '/gateName' : '/gateId', `The policy has no such gate; it has ${known}.`);
    }
    if (gate.requirePasskey === true)
      throw invalid(
        '/gateName',
        'The gate requires a passkey: nobody is exempt from it, since no passkey signs an exemption.',
      );
    const lapsesAt = Math.min(expiresAt, ctx.now + PROPOSAL_LAPSES_MS);
    const { version: policyVersion } = policy;
    return {
      policyId,
      policyVersion,
      gateName: gate.gateName,
      gateHash: gate.gateHash,
      appliesTo,
      reason,
      expiresAt,
      lapsesAt,
    };
  }

  /** What will not work as it reads. */
  async function warningsOf({ playbookIds = [], actionTypes = [] }: AppliesTo): Promise<readonly string[]> {
    const lasting = actionTypes.filter((type) => (ports.reversibilityOf(type) ?? 'irreversible') === 'irreversible');
    const unknown: string[] = [];
    for (const id of playbookIds) if ((await journal.view('playbook', id)) === null) unknown.push(id);
    return [
      ...lasting.map(
        (type) => `/appliesTo/actionTypes: people are asked for ${type} all the same: it cannot be undone`,
      ),
      ...unknown.map((id) => `/appliesTo/playbookIds: there is no playbook ${id}`),
    ];
  }

  async function requireConfirmable(ctx: CallContext, id: string, exemption: Exemption, hash: string): Promise<void> {
    const { terms, proposed } = exemption;
    const status = statusOf(exemption, ctx.now);
    if (status !== 'PROPOSED') throw new FirebreakError('conflict', `There is nothing to confirm: it is ${status}`);
    if (hash !== exemption.hash)
      throw new FirebreakError('conflict', `This is not what ${id} proposes: look at it again`);
    await requireAnother(journal, [proposed], ctx.principal);
    await requireUnconcerned(ctx, terms.appliesTo);
    const proposer = await loadUserInForce(journal, proposed.by);
    if (proposer === null || proposer.disabled || !mayStillPropose(proposer))
      throw new FirebreakError('conflict', 'Who proposed it may not propose it any more: somebody else has to');
    const gate = (await gatesOf(terms.policyId))?.gates.find(({ gateName }) => gateName === terms.gateName);
    if (gate?.gateHash !== terms.gateHash)
      throw new FirebreakError('conflict', 'The gate does not read any more as it did: propose it anew');
    if ((await load()).length >= MAX_IN_FORCE)
      throw new FirebreakError('conflict', `${MAX_IN_FORCE} exemptions are in force already: revoke one`);
  }

  async function load(): Promise<readonly ExemptionInForce[]> {
    const { items } = await journal.listViews({ kind: 'exemption', status: 'IN_FORCE', limit: MAX_LISTED, skip: 0 });
    const now = clock.now();
    const inForce = items
      .map((view) => inForceOf(view.id, storedOf(view)))
      .filter(({ expiresAt }) => now < expiresAt)
      .sort((left, right) => (left.id < right.id ? -1 : 1));
    const isSame = inForce.length === latest.length && inForce.every(({ id }, index) => id === latest[index]?.id);
    if (!isSame) latest = inForce;
    return latest;
  }

  const kept = keptRead(journal, load);
  return {
    async list({ now }, { limit, skip, status }) {
      const shown = ({ id, ...view }: StoredView) => shownExemption(id, storedOf({ id, ...view }), now);
      if (status === undefined) {
        const { items, total } = await journal.longReads.listViews({ kind: 'exemption', limit, skip });
        return { items: items.map(shown), total };
      }
      // What is EXPIRED follows from the time; rows say what people did.
      const { items } = await journal.longReads.listViews({ kind: 'exemption', limit: MAX_LISTED, skip: 0 });
      const wanted = items.filter((view) => statusOf(storedOf(view), now) === status);
      return { items: wanted.slice(skip, skip + limit).map(shown), total: wanted.length };
    },
    async get({ now }, { id }) {
      return answer(id, storedOf(await existing(id)), now);
    },
    async propose(ctx, { definition }) {
      const read = readProposal(definition, ctx.now);
      if ('faults' in read) throw new FirebreakError('invalid_exemption', 'The exemption is not valid', read.faults);
      await requireUnconcerned(ctx, read.value.appliesTo);
      const terms = await termsOf(ctx, read.value);
      const id = ctx.idempotencyKey === null ? ids.next('exm') : derivedId('exm', ctx.idempotencyKey);
      const exemption = await untilApplied(async () => {
        if ((await journal.view('exemption', id)) !== null)
          throw new FirebreakError('conflict', `There is an exemption ${id} already`);
        const { userId: by } = ctx.principal;
        const data = { exemption: terms, hash: proposalHash(id, terms, by), ...wordOf(ctx.principal) };
        return submit(ctx, id, null, { type: 'exemption.proposed', at: ctx.now, data });
      });
      return { ...(await answer(id, exemption, ctx.now)), warnings: await warningsOf(terms.appliesTo) };
    },
    async confirm(ctx, { id, hash }) {
      const exemption = await untilApplied(async () => {
        const before = await existing(id);
        const stored = storedOf(before);
        await requireConfirmable(ctx, id, stored, hash);
        const data = { hash, ...wordOf(ctx.principal) };
        return submit(ctx, id, before, { type: 'exemption.confirmed', at: timeAfter(ctx, stored), data });
      });
      return answer(id, exemption, ctx.now);
    },
    async revoke(ctx, { id, reason }) {
      const exemption = await untilApplied(async () => {
        const before = await existing(id);
        const stored = storedOf(before);
        const status = statusOf(stored, ctx.now);
        if (status === 'EXPIRED' || status === 'REVOKED')
          throw new FirebreakError('conflict', `There is nothing to revoke: it is ${status}`);
        const data = { by: ctx.principal.userId, reason };
        return submit(ctx, id, before, { type: 'exemption.revoked', at: timeAfter(ctx, stored), data });
      });
      return answer(id, exemption, ctx.now);
    },
    inForce: () => kept.read(),
    async revokedOf(bound, at) {
      const standing = new Set((await kept.read()).map(({ id }) => id));
      return bound.filter(({ id, expiresAt }) => at < expiresAt && !standing.has(id)).map(({ id }) => id);
    },
    refresh: () => kept.forget(),
  };
}

function mayStillPropose({ roles, kind, grants }: UserInForce): boolean {
  return rolesMay(roles, kind, 'exemption.write', grants);
}

function wordOf(principal: Principal): { by: string; issuedBy: string; accounts: readonly string[] } {
  return { by: principal.userId, issuedBy: principal.keyIssuedBy, accounts: [...identitiesOf(principal)].sort() };
}

function invalid(pointer: string, detail: string): FirebreakError {
  return new FirebreakError('invalid_exemption', 'The exemption is not valid', [{ pointer, detail }]);
}

function storedOf(view: StoredView): Exemption {
  // Only this file writes these bodies.
  return view.body as unknown as Exemption;
}
