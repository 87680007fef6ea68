import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Change, ChangeResult, JournalReader, StoredView } from '../../journal/journal.ts';
import { presentActor } from '../access/actor.ts';
import { loadUserInForce } from '../access/access-in-force.ts';
import { requireAnother } from '../access/another-person.ts';
import { identitiesOf } from '../access/identities.ts';
import { rolesMay, type Operation } from '../access/operations.ts';
import { recordedTrace, type CallContext, type Principal } from '../access/principal.ts';
import { shownTime, untilApplied, type Answer, type Listing, type Resource } from '../service.ts';
import {
  changeHash,
  evolveChange,
  statusOf,
  storedStatusOf,
  type ChangeRecord,
  type ChangeStatus,
  type ChangeTerms,
  type ProposedChange,
  type Signed,
} from './proposed-change.ts';

/** How long a proposal waits for the second person, in ms: 72 hours, a weekend and a day. */
export const CHANGE_LAPSES_MS = 72 * 3_600_000;
/** Proposals that are looked through for those of a status, the newest first. */
const MAX_LISTED = 1_000;

/** What whoever may write a thing may do. */
const WRITING: Readonly<Record<ChangeTerms['kind'], Operation>> = { policy: 'policy.write', guard: 'guard.write' };

/** What is written when a proposal comes into force, beside its own records, and what must be forgotten then. */
export interface InForceChange {
  readonly change: Change;
  readonly done: () => void;
}

/**
 * Checks a proposed document again and says what has to be written, in the name of who proposed it (`by`).
 * @throws FirebreakError `conflict` when it was changed meanwhile, or what the document is refused for.
 */
export type Enforce = (ctx: CallContext, terms: ChangeTerms, by: string) => Promise<InForceChange>;

/** Keeps a weakening change until another person has confirmed it. */
export interface Proposing {
  propose(ctx: CallContext, terms: Omit<ChangeTerms, 'lapsesAt'>): Promise<Answer>;
}

export interface ProposedChangeService extends Proposing {
  /** The newest first. */
  list(
    ctx: CallContext,
    query: { readonly limit: number; readonly skip: number; readonly status?: ChangeStatus | undefined },
  ): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /**
   * Puts it in force, together with its record. `hash` is that of the proposal as it was shown.
   * @throws FirebreakError `conflict` when this person cannot be the second one, or there is nothing to confirm any more.
   */
  confirm(ctx: CallContext, input: { readonly id: string; readonly hash: string }): Promise<Answer>;
  /** Ends it; its proposer withdraws it so. @throws FirebreakError `conflict`. */
  reject(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
}

export interface ProposedChangePorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly enforce: Readonly<Record<ChangeTerms['kind'], Enforce>>;
}

export function createProposedChangeService(ports: ProposedChangePorts): ProposedChangeService {
  const { journal, committer, ids, enforce } = ports;

  async function existing(id: string): Promise<{ readonly view: StoredView; readonly stored: ProposedChange }> {
    const view = await journal.view('change', id);
    if (view === null) throw new FirebreakError('not_found', `There is no proposed change ${id}`);
    return { view, stored: storedOf(view) };
  }

  async function submit(
    ctx: CallContext,
    id: string,
    before: StoredView | null,
    record: ChangeRecord,
    together?: Change,
  ): Promise<{ result: ChangeResult; answer: Answer }> {
    const earlier = before === null ? null : storedOf(before);
    const change = evolveChange(earlier, record);
    const data = record.data as unknown as { readonly [key: string]: Json }; // plain JSON by its type
    const own = { type: record.type, v: 1, at: record.at, trace: recordedTrace(ctx), data };
    const result = await committer.submit({
      ...together,
      appends: [
        { stream: `change/${id}`, expectedSeq: earlier?.version ?? 0, records: [own] },
        ...(together?.appends ?? []),
      ],
      views: [
        {
          kind: 'change',
          id,
          expectedVersion: before?.version ?? 0,
          status: storedStatusOf(change),
          type: change.terms.kind,
          ref: change.terms.target,
          at: change.proposed.at,
          body: change as unknown as Json, // plain JSON by its type
        },
        ...(together?.views ?? []),
      ],
    });
    return { result, answer: { data: shownChange(id, change, ctx.now) } };
  }

  /** @throws FirebreakError `conflict` when nothing is to be decided any more. */
  function requireOpen(change: ProposedChange, now: number): void {
    const status = statusOf(change, now);
    if (status !== 'PROPOSED') throw new FirebreakError('conflict', `There is nothing to decide: it is ${status}`);
  }

  async function requireProposer({ terms, proposed }: ProposedChange): Promise<void> {
    const user = await loadUserInForce(journal, proposed.by);
    const may = user !== null && !user.disabled && rolesMay(user.roles, user.kind, WRITING[terms.kind], user.grants);
    if (!may) throw new FirebreakError('conflict', 'Who proposed it may not write it any more: somebody else has to');
  }

  return {
    propose: (ctx, given) =>
      untilApplied(async () => {
        const terms: ChangeTerms = { ...given, lapsesAt: ctx.now + CHANGE_LAPSES_MS };
        const id = ids.next('chg');
        const data = { change: terms, hash: changeHash(id, terms, ctx.principal.userId), ...wordOf(ctx.principal) };
        const { result, answer } = await submit(ctx, id, null, { type: 'change.proposed', at: ctx.now, data });
        return { result, answer: { ...answer, pending: true, warnings: [WAITS] } };
      }),

    async list({ now }, { limit, skip, status }) {
      const shown = (view: StoredView) => shownChange(view.id, storedOf(view), now);
      if (status === undefined) {
        const { items, total } = await journal.listViews({ kind: 'change', limit, skip });
        return { items: items.map(shown), total };
      }
      // What has LAPSED follows from the time; rows say what people did.
      const { items } = await journal.listViews({ kind: 'change', limit: MAX_LISTED, skip: 0 });
      const wanted = items.filter((view) => statusOf(storedOf(view), now) === status);
      return { items: wanted.slice(skip, skip + limit).map(shown), total: wanted.length };
    },

    async get({ now }, { id }) {
      const { stored } = await existing(id);
      return { data: shownChange(id, stored, now) };
    },

    async confirm(ctx, { id, hash }) {
      let done = (): void => undefined;
      const answer = await untilApplied(async () => {
        const { view, stored } = await existing(id);
        requireOpen(stored, ctx.now);
        if (hash !== stored.hash)
          throw new FirebreakError('conflict', `This is not what ${id} proposes: look at it again`);
        const actor = await presentActor(journal, ctx.principal, WRITING[stored.terms.kind]);
        await requireAnother(journal, [stored.proposed], actor);
        await requireProposer(stored);
        const inForce = await enforce[stored.terms.kind](ctx, stored.terms, stored.proposed.by);
        ({ done } = inForce);
        const at = Math.max(ctx.now, stored.proposed.at);
        const record: ChangeRecord = { type: 'change.confirmed', at, data: { hash, ...wordOf(ctx.principal) } };
        return submit(ctx, id, view, record, inForce.change);
      });
      done();
      return answer;
    },

    reject: (ctx, { id, reason }) =>
      untilApplied(async () => {
        const { view, stored } = await existing(id);
        requireOpen(stored, ctx.now);
        await presentActor(journal, ctx.principal, WRITING[stored.terms.kind]);
        const at = Math.max(ctx.now, stored.proposed.at);
        const data = { by: ctx.principal.userId, reason };
        return submit(ctx, id, view, { type: 'change.rejected', at, data });
      }),
  };
}

const WAITS =
  'This takes a safeguard away, so it is not in force: another person has to confirm it, and until then nothing has changed';

function wordOf(principal: Principal): Signed {
  return { by: principal.userId, issuedBy: principal.keyIssuedBy, accounts: [...identitiesOf(principal)].sort() };
}

/** How the API shows it. `hash` is what a second person confirms. */
function shownChange(id: string, change: ProposedChange, now: number): Resource {
  const { terms, hash, proposed, confirmed, rejected } = change;
  const { lapsesAt, weakens, ...rest } = terms;
  return {
    id,
    ...rest,
    weakens: [...weakens],
    status: statusOf(change, now),
    confirmBefore: storedStatusOf(change) === 'PROPOSED' ? shownTime(lapsesAt) : null,
    hash,
    proposedBy: proposed.by,
    proposedAt: shownTime(proposed.at),
    confirmedBy: confirmed?.by ?? null,
    confirmedAt: shownTime(confirmed?.at),
    rejectedBy: rejected?.by ?? null,
    rejectedAt: shownTime(rejected?.at),
    rejectedReason: rejected?.reason ?? null,
  };
}

function storedOf(view: StoredView): ProposedChange {
  // Only this file writes these bodies.
  return view.body as unknown as ProposedChange;
}
