import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { allUsers } from '../access/access.store.ts';
import { requireAnother } from '../access/another-person.ts';
import { everyAccountOf } from '../access/every-account.ts';
import { identitiesOf, overlaps } from '../access/identities.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { Voters } from '../access/voters.ts';
import { glassInForce, usedGlass, usesOfDay } from '../guards/break-glass.ts';
import { glassChange, readGlass } from '../guards/break-glass-row.ts';
import { readPause } from '../guards/pause-row.ts';
import { recordable, untilApplied, type Answer, type Listing } from '../service.ts';
import type { Fact } from './core/facts.ts';
import { planActionOf } from './core/transition.ts';
import type { ExecutionStore } from './execution-store.ts';
import {
  glassStream,
  glassView,
  shownGlass,
  type GlassEntry,
  type GlassReview,
  type ReviewedEntry,
} from './glass-entry.ts';
import { StaleTogether, type Together } from './mailboxes.ts';
import type { Runner } from './runner.ts';

/** Shortest reason, in characters: a sentence that somebody else can check. */
export const MIN_GLASS_REASON = 20;

export interface BreakGlassPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads'>;
  readonly committer: GroupCommitter;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly runner: Pick<Runner, 'submit'>;
  readonly voters: Voters;
}

export interface GlassUseInput {
  readonly id: string;
  /** The whole of it, as it was shown: nobody decides alone about what they did not look at. */
  readonly intentHash: string;
  readonly reason: string;
}

/** Deciding alone, as two people declared, and what stays of it. */
export interface BreakGlassService {
  /**
   * Approves a request alone. The entry that stays is recorded with the decision, in one commit; a refusal is on record as well.
   * @throws FirebreakError `cannot_vote`, `already_decided`, `conflict`, `not_found`.
   */
  use(ctx: CallContext, input: GlassUseInput): Promise<Answer>;
  /** Every use there ever was, newest first. */
  list(
    ctx: CallContext,
    query: { readonly limit: number; readonly skip: number; readonly status?: string | undefined },
  ): Promise<Listing>;
  /** Says that somebody else has looked at a use. @throws FirebreakError `conflict` for whoever used it, under any login. */
  review(ctx: CallContext, input: { readonly id: string; readonly note: string }): Promise<Answer>;
}

const ASKED = z.looseObject({ executionId: z.string() });

export function createBreakGlassService(ports: BreakGlassPorts): BreakGlassService {
  const { journal, committer, store, runner, voters } = ports;

  /** Hands it to the execution, and with it the entry that stays and the count of the day: all of it is recorded, or nothing. */
  function handIn(ctx: CallContext, executionId: string, given: GlassUseInput): Promise<Recorded> {
    const { id: approvalId, intentHash, reason } = given;
    const useId = derivedId('bgu', approvalId, ctx.principal.userId);
    const { provenBy } = ctx.principal;
    return untilApplied(async () => {
      const before = await readGlass(journal);
      const declaration = glassInForce(before.document);
      const input = {
        type: 'break_glass',
        approvalId,
        useId,
        intentHash,
        reason,
        ...(provenBy === 'key' ? {} : { provenBy }),
        voter: await voters.present(ctx.principal, ctx.now),
        declaration,
        use: usesOfDay(before.document, ctx.now).length + 1,
        paused: (await readPause(journal)).document.paused !== null,
      } as const;
      const { plan, state } = await store.load(executionId);
      const approval = state.approvals[approvalId];
      const entry: GlassEntry | null =
        approval === undefined || declaration === null
          ? null
          : {
              id: useId,
              by: input.voter.userId,
              declarationId: declaration.id,
              declarationVersion: declaration.version,
              approvalId,
              executionId,
              actionType: planActionOf(plan, approval.actionId).declaration.type,
              riskLevel: state.riskLevel,
              intentHash,
              reason,
              at: ctx.now,
            };
      const together = entry === null ? undefined : togetherWith(entryChange(ctx, before, entry));
      try {
        const { facts } = await runner.submit(executionId, input, together);
        return { result: { status: 'applied', hashes: [] }, answer: { facts, useId } };
      } catch (thrown) {
        if (!(thrown instanceof StaleTogether)) throw thrown;
        return { result: { status: 'stale', what: 'break-glass' }, answer: { facts: [], useId } };
      }
    });
  }

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('break-glass', id);
    if (view === null) throw new FirebreakError('not_found', `There is no use ${id} of break-glass`);
    return view;
  }

  return {
    async use(ctx, input) {
      recordable({ reason: input.reason }, 'invalid_request');
      const view = await journal.view('approval', input.id);
      if (view === null) throw new FirebreakError('not_found', `There is no approval ${input.id}`);
      const { executionId } = ASKED.parse(view.body);
      const { facts, useId } = await handIn(ctx, executionId, input);
      const refused = facts.find((fact) => fact.type === 'approval.glass_refused');
      if (refused !== undefined) throw refusal(refused.code, refused.reason);
      const ignored = facts.find((fact) => fact.type === 'input.ignored');
      if (ignored !== undefined) throw new FirebreakError('already_decided', ignored.why);
      return { data: shownGlass(entryOf(await existing(useId))) };
    },
    async list(_ctx, { limit, skip, status }) {
      const wanted = status === undefined ? {} : { status };
      const { items, total } = await journal.longReads.listViews({ kind: 'break-glass', ...wanted, limit, skip });
      return { items: items.map((view) => shownGlass(entryOf(view))), total };
    },
    review: (ctx, { id, note }) =>
      untilApplied(async () => {
        recordable({ note }, 'invalid_request');
        const before = entryOf(await existing(id));
        await requireSomebodyElse(ctx, before);
        const word = { by: ctx.principal.userId, issuedBy: ctx.principal.keyIssuedBy, note };
        const at = Math.max(ctx.now, before.reviews.at(-1)?.at ?? before.entry.at);
        const review: GlassReview = { ...word, at };
        const record = { type: 'glass.reviewed', v: 1, at, trace: recordedTrace(ctx), data: word };
        const after: ReviewedEntry = { ...before, reviews: [...before.reviews, review] };
        const seq = 1 + before.reviews.length;
        const result = await committer.submit({
          appends: [{ stream: glassStream(id), expectedSeq: seq, records: [record] }],
          views: [glassView(after)],
        });
        return { result, answer: { data: shownGlass(after) } };
      }),
  };

  async function requireSomebodyElse({ principal }: CallContext, { entry, reviews }: ReviewedEntry): Promise<void> {
    const users = await allUsers(journal);
    if (overlaps(everyAccountOf(users, [entry.by]), everyAccountOf(users, [...identitiesOf(principal)])))
      throw new FirebreakError('conflict', 'It was your use: another person has to look at it');
    await requireAnother(journal, [{ by: entry.by, issuedBy: entry.by }], principal);
    if (reviews.some(({ by }) => by === principal.userId))
      throw new FirebreakError('conflict', 'You have reviewed it already');
  }
}

/** What came of it. */
interface Recorded {
  readonly facts: readonly Fact[];
  readonly useId: string;
}

function togetherWith(change: Together['change']): Together {
  return { fact: 'approval.broken_glass', change };
}

/** The entry and the count of the day, together: two at the same moment are counted one after the other. */
function entryChange(ctx: CallContext, before: Awaited<ReturnType<typeof readGlass>>, entry: GlassEntry) {
  const { userId: by, keyIssuedBy: issuedBy } = ctx.principal;
  const trace = recordedTrace(ctx);
  const document = usedGlass(before.document, { id: entry.id, at: entry.at });
  const { appends, views = [] } = glassChange(before, {
    type: 'guard.glass_used',
    document,
    by,
    issuedBy,
    at: entry.at,
    trace,
  });
  const data = { entry: { ...entry } };
  const record = { type: 'glass.used', v: 1, at: entry.at, trace, data };
  return {
    appends: [...appends, { stream: glassStream(entry.id), expectedSeq: 0, records: [record] }],
    views: [...views, glassView({ entry, reviews: [] })],
  };
}

function entryOf(view: StoredView): ReviewedEntry {
  return view.body as unknown as ReviewedEntry; // written by this file only
}

const CODES = { already_decided: 'already_decided', expired: 'already_decided', intent_changed: 'conflict' } as const;

function refusal(code: string, reason: string): FirebreakError {
  const known = Object.entries(CODES).find(([name]) => name === code);
  return new FirebreakError(known === undefined ? 'cannot_vote' : known[1], reason);
}
