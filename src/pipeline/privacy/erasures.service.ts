import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import { requireAnother, wordOf } from '../access/another-person.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { canonicalIdentity } from '../events/text.ts';
import { shownTime, untilApplied, type Answer, type Listing, type Resource } from '../service.ts';
import {
  erasureStream,
  erasureView,
  evolveErasure,
  statusOf,
  type Erasure,
  type ErasureRecord,
  type ErasureStatus,
} from './erasure.ts';
import type { Need } from './needs.ts';

/** Erasures of one account that are under way at the same time. */
const MAX_UNDER_WAY = 1_000;

export interface ErasurePorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly ids: Ids;
  readonly needsOf: (account: string) => Promise<readonly Need[]>;
  readonly stillNeeding: (person: string) => Promise<readonly Need[]>;
  /** Whether records hold personal texts under keys: in the clear nothing can be erased. */
  readonly encrypts: boolean;
  /** Called when one was agreed to: it may begin. */
  readonly onConfirmed: () => void;
}

export interface ErasureQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: ErasureStatus | undefined;
}

export interface ErasureService {
  list(ctx: CallContext, query: ErasureQuery): Promise<Listing>;
  /** One, with what it waits for. @throws FirebreakError `not_found`. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /**
   * Asks for the erasure of an account. Nothing happens before another person agrees.
   * @throws FirebreakError `invalid_request` for no account, `conflict` while one of the same account is under way.
   */
  request(
    ctx: CallContext,
    input: { readonly account: string; readonly reason: string; readonly reference: string | null },
  ): Promise<Answer>;
  /** Agrees to it; never who asked. It begins when nothing needs the person any more. @throws FirebreakError `conflict`, `not_found`. */
  confirm(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Takes it back, as long as it has not begun. @throws FirebreakError `conflict`, `not_found`. */
  withdraw(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
}

export function createErasureService({
  journal,
  committer,
  ids,
  needsOf,
  stillNeeding,
  encrypts,
  onConfirmed,
}: ErasurePorts): ErasureService {
  async function existing(id: string): Promise<Erasure> {
    const view = await journal.view('erasure', id);
    if (view === null) throw new FirebreakError('not_found', `There is no erasure ${id}`);
    return erasureIn(view);
  }

  async function append(ctx: CallContext, id: string, before: Erasure | null, record: ErasureRecord) {
    const { change, erasure } = erasureChange(id, before, record, recordedTrace(ctx));
    return { result: await committer.submit(change), answer: erasure };
  }

  async function needsNow(erasure: Erasure): Promise<readonly Need[]> {
    const status = statusOf(erasure);
    if (status === 'REQUESTED' || status === 'WAITING') return needsOf(erasure.account);
    const person = erasure.begun?.person ?? null;
    return status === 'ERASING' && person !== null ? stillNeeding(person) : [];
  }

  async function requireNone(account: string): Promise<void> {
    for (const status of ['REQUESTED', 'WAITING', 'ERASING'] as const) {
      const { items } = await journal.listViews({ kind: 'erasure', status, limit: MAX_UNDER_WAY, skip: 0 });
      const same = items.find((item) => erasureIn(item).account === account);
      if (same !== undefined) throw new FirebreakError('conflict', `Erasure ${same.id} of this account is under way`);
    }
  }

  return {
    async list(_ctx, { limit, skip, status }) {
      const filter = status === undefined ? {} : { status };
      const { items, total } = await journal.longReads.listViews({ kind: 'erasure', limit, skip, ...filter });
      return { items: items.map((item) => shown(item.id, erasureIn(item))), total };
    },
    async get(_ctx, { id }) {
      const erasure = await existing(id);
      const waitsFor = (await needsNow(erasure)) as unknown as Json; // plain JSON by its type
      return { data: { ...shown(id, erasure), waitsFor }, version: erasure.version };
    },
    async request(ctx, { account: given, reason, reference }) {
      const account = canonicalIdentity(given);
      if (account === null) {
        const fault = { pointer: '/account', detail: 'Name the account as events do.' };
        throw new FirebreakError('invalid_request', 'There is no account', [fault]);
      }
      if (!encrypts)
        throw new FirebreakError('conflict', 'Records are written in the clear (PERSONAL_DATA): nothing can be erased');
      await requireNone(account);
      const id = ids.next('era');
      const data = { account, reason, reference, ...wordOf(ctx.principal) };
      const erasure = await untilApplied(() => append(ctx, id, null, { type: 'erasure.requested', at: ctx.now, data }));
      return { data: shown(id, erasure), version: 1 };
    },
    async confirm(ctx, { id }) {
      const erasure = await untilApplied(async () => {
        const before = await existing(id);
        if (statusOf(before) !== 'REQUESTED')
          throw new FirebreakError('conflict', `There is nothing to confirm: it is ${statusOf(before)}`);
        await requireAnother(journal, [before.requested], ctx.principal);
        const at = Math.max(ctx.now, before.changedAt);
        return append(ctx, id, before, { type: 'erasure.confirmed', at, data: wordOf(ctx.principal) });
      });
      onConfirmed();
      return { data: shown(id, erasure), version: erasure.version };
    },
    async withdraw(ctx, { id, reason }) {
      const erasure = await untilApplied(async () => {
        const before = await existing(id);
        if (!['REQUESTED', 'WAITING'].includes(statusOf(before)))
          throw new FirebreakError('conflict', `It cannot be taken back: it is ${statusOf(before)}`);
        const data = { by: ctx.principal.userId, reason };
        return append(ctx, id, before, { type: 'erasure.withdrawn', at: Math.max(ctx.now, before.changedAt), data });
      });
      return { data: shown(id, erasure), version: erasure.version };
    },
  };
}

/** The next record with its row. */
export function erasureChange(
  id: string,
  before: Erasure | null,
  record: ErasureRecord,
  trace?: ReturnType<typeof recordedTrace>,
) {
  const erasure = evolveErasure(before, record);
  const { type, at, data } = record;
  const draft = { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: { ...data } };
  const appends = [{ stream: erasureStream(id), expectedSeq: erasure.version - 1, records: [draft] }];
  return { erasure, change: { appends, views: [erasureView(id, erasure)] } };
}

export function erasureIn({ body }: Pick<StoredView, 'body'>): Erasure {
  // Only `erasureView` makes these bodies.
  return body as unknown as Erasure;
}

function shown(id: string, erasure: Erasure): Resource {
  const { account, reason, reference, requested, confirmed, withdrawn, begun, eventsAfter, done } = erasure;
  return {
    id,
    account,
    reason,
    reference,
    status: statusOf(erasure),
    requestedBy: requested.by,
    requestedAt: shownTime(requested.at),
    confirmedBy: confirmed?.by ?? null,
    confirmedAt: confirmed === null ? null : shownTime(confirmed.at),
    withdrawn: withdrawn === null ? null : { by: withdrawn.by, reason: withdrawn.reason, at: shownTime(withdrawn.at) },
    begunAt: begun === null ? null : shownTime(begun.at),
    person: begun?.person ?? null,
    streams: begun?.streams ?? null,
    eventsAfter: eventsAfter === null ? null : shownTime(eventsAfter),
    doneAt: done === null ? null : shownTime(done.at),
  };
}
