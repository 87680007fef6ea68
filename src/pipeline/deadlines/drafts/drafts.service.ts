import type { Json } from '../../../platform/canonical-json.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import { derivedId } from '../../../platform/hash.ts';
import type { Ids } from '../../../platform/ids.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import type { JournalReader, StoredView, View } from '../../../journal/journal.ts';
import { requireAnother, wordOf } from '../../access/another-person.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import type { RecordTrace } from '../../audit/record.ts';
import { incidentOf } from '../../incidents/incident-change.ts';
import {
  recordable,
  requireVersion,
  untilApplied,
  type Answer,
  type Definition,
  type IfMatch,
  type Listing,
} from '../../service.ts';
import type { ContactService } from '../contacts/contacts.service.ts';
import {
  draftStatusOf,
  draftStream,
  draftView,
  evolveDraft,
  readDraft,
  type Draft,
  type DraftRecord,
  type DraftStatus,
  type Submission,
} from './draft.ts';
import { factsOf, type EvidenceOfIncident } from './facts.ts';
import { fillTemplate, missingIn } from './fill.ts';
import { hashOf } from './render.ts';
import { shownDraft } from './show.ts';
import { templateFor } from './templates.ts';

/** Executions and pieces of evidence of an incident that are looked at for a draft. */
const MAX_LOOKED_AT = 200;

/** A submission as it is told to the clock that it meets. */
export interface RecordedSubmission {
  readonly deadlineId: string;
  readonly stage: string | null;
  readonly draftId: string;
  readonly submission: Submission;
}

export interface DraftPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'longReads'>;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly contacts: Pick<ContactService, 'all'>;
  /** Evidence of an incident. Absent: nothing is kept here. */
  evidenceOf?(incidentId: string): Promise<readonly EvidenceOfIncident[]>;
  /** Whether there is this piece of evidence. Absent: nobody can tell, and the id is taken as it is. */
  hasEvidence?(id: string): Promise<boolean>;
  /** Meets the deadline: the same submission again is taken once. Absent: there are no clocks. */
  submissionRecorded?(ctx: CallContext, recorded: RecordedSubmission): Promise<unknown>;
}

/** What a draft is to be made of. */
export interface NewDraft {
  readonly incidentId: string;
  readonly regime: string;
  readonly stage: string | null;
  readonly deadlineId: string | null;
}

export interface DraftQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: DraftStatus | undefined;
  readonly incidentId?: string | undefined;
}

export interface DraftService {
  list(ctx: CallContext, query: DraftQuery): Promise<Listing>;
  /** With its text, the same as Markdown, and what is missing in it. */
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Makes one of the template of the regime and of what is known. @throws FirebreakError `not_found` */
  create(ctx: CallContext, input: NewDraft): Promise<Answer>;
  /** Replaces the text; an approval of the earlier one counts no more. @throws FirebreakError `invalid_draft`, `stale_version`, `precondition_required`, `conflict`. */
  edit(
    ctx: CallContext,
    input: { readonly id: string; readonly definition: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /** Approves exactly the text with this hash, never by one who wrote on it. @throws FirebreakError `conflict` */
  approve(ctx: CallContext, input: { readonly id: string; readonly hash: string }): Promise<Answer>;
  /** Records what a person handed in, which must be the approved text, and meets the deadline. @throws FirebreakError `conflict`, `invalid_draft`. */
  submitted(
    ctx: CallContext,
    input: { readonly id: string } & Pick<Submission, 'hash' | 'reference' | 'evidenceId' | 'submittedAt' | 'note'> & {
        readonly person: string | null;
      },
  ): Promise<Answer>;
  withdraw(ctx: CallContext, input: { readonly id: string; readonly reason: string }): Promise<Answer>;
  /** Makes one for a rule that speaks, once for each key. @returns its id. */
  make(draft: NewDraft & { readonly key: string; readonly at: number; readonly trace?: RecordTrace }): Promise<string>;
}

/** Builds the service. Every step is a record of the draft's own stream; nothing here sends anything to anybody. */
export function createDraftService(ports: DraftPorts): DraftService {
  const { journal, committer, ids, contacts } = ports;

  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('draft', id);
    if (view === null) throw new FirebreakError('not_found', `There is no draft ${id}`);
    return view;
  }

  async function submit(trace: RecordTrace | undefined, id: string, before: StoredView | null, record: DraftRecord) {
    const draft = evolveDraft(before === null ? null : draftOf(before), record);
    const { type, at, data } = record;
    const plain = recordable(data, 'invalid_draft') as { readonly [key: string]: Json }; // an object stays one
    const drafted = { type, v: 1, at, ...(trace === undefined ? {} : { trace }), data: plain };
    const view: View = { ...draftView(id, draft), expectedVersion: before?.version ?? 0 };
    const result = await committer.submit({
      appends: [{ stream: draftStream(id), expectedSeq: draft.version - 1, records: [drafted] }],
      views: [view],
    });
    return { result, answer: draft };
  }

  /** One change by a person, of a draft that is not withdrawn. */
  async function change(
    ctx: CallContext,
    id: string,
    recordOf: (draft: Draft, at: number) => Promise<DraftRecord | null>,
  ): Promise<Draft> {
    return untilApplied(async () => {
      const before = await existing(id);
      const draft = draftOf(before);
      if (draft.withdrawn !== null) throw new FirebreakError('conflict', 'It is withdrawn: make another draft');
      const record = await recordOf(draft, Math.max(ctx.now, draft.changedAt));
      if (record === null) return { result: UNCHANGED, answer: draft };
      return submit(recordedTrace(ctx), id, before, record);
    });
  }

  async function filled({ incidentId, regime, stage, deadlineId }: NewDraft, now: number) {
    const view = await journal.view('incident', incidentId);
    if (view === null) throw new FirebreakError('not_found', `There is no incident ${incidentId}`);
    const limits = { limit: MAX_LOOKED_AT, skip: 0 };
    const { items } = await journal.listViews({ kind: 'execution', parent: incidentId, ...limits });
    const facts = factsOf({
      incident: incidentOf(view).incident,
      executions: items.map(executionOf),
      evidence: (await ports.evidenceOf?.(incidentId)) ?? [],
      contacts: await contacts.all(),
      now,
    });
    const template = templateFor(regime, stage);
    const about = { incidentId, deadlineId, stage, regime, templateId: template.id };
    return { about, document: fillTemplate(template, facts) };
  }

  async function make(id: string, wanted: NewDraft, by: string, at: number, trace: RecordTrace | undefined) {
    const { about, document } = await filled(wanted, at);
    return untilApplied(async () => {
      const before = await journal.view('draft', id);
      if (before !== null) return { result: UNCHANGED, answer: draftOf(before) };
      const data = { about, document, hash: hashOf(document), by };
      return submit(trace, id, null, { type: 'draft.made', at, data });
    });
  }

  async function requireEvidence(evidenceId: string | null): Promise<void> {
    if (evidenceId === null || ports.hasEvidence === undefined || (await ports.hasEvidence(evidenceId))) return;
    const detail = `There is no evidence ${evidenceId}: keep the receipt as evidence first, and name it here.`;
    throw new FirebreakError('invalid_draft', 'The proof is not valid', [{ pointer: '/evidenceId', detail }]);
  }

  return {
    async list(_ctx, { limit, skip, status, incidentId }) {
      const filters = {
        ...(status === undefined ? {} : { status }),
        ...(incidentId === undefined ? {} : { parent: incidentId }),
      };
      const { items, total } = await journal.longReads.listViews({ kind: 'draft', limit, skip, ...filters });
      return { items: items.map((view) => shownDraft(view.id, draftOf(view), 'summary')), total };
    },
    async get(_ctx, { id }) {
      return answerOf(id, draftOf(await existing(id)));
    },
    async create(ctx, wanted) {
      const id = ctx.idempotencyKey === null ? ids.next('drf') : derivedId('drf', ctx.idempotencyKey);
      return answerOf(id, await make(id, wanted, ctx.principal.userId, ctx.now, recordedTrace(ctx)));
    },
    async edit(ctx, { id, definition, ifMatch }) {
      if (ifMatch === null)
        throw new FirebreakError('precondition_required', 'Send the version that you edited as If-Match');
      const read = readDraft(definition);
      if ('faults' in read) throw new FirebreakError('invalid_draft', 'The draft is not valid', read.faults);
      const document = read.value;
      const draft = await change(ctx, id, async ({ version }, at) => {
        requireVersion(ifMatch, version);
        return { type: 'draft.edited', at, data: { document, hash: hashOf(document), ...wordOf(ctx.principal) } };
      });
      return answerOf(id, draft);
    },
    async approve(ctx, { id, hash }) {
      const draft = await change(ctx, id, async (before, at) => {
        if (before.hash !== hash)
          throw new FirebreakError('conflict', 'This is not the hash of the present text: read it again');
        if (before.approved !== null) throw new FirebreakError('conflict', 'This text is approved already');
        await requireAnother(journal, before.authors, ctx.principal);
        return { type: 'draft.approved', at, data: { hash, ...wordOf(ctx.principal) } };
      });
      return answerOf(id, draft);
    },
    async submitted(ctx, { id, hash, person, ...given }) {
      await requireEvidence(given.evidenceId);
      const draft = await change(ctx, id, async (before, at) => {
        // The same again: what is left of it is the clock.
        if (before.submissions.some((each) => each.hash === hash && each.reference === given.reference)) return null;
        if (before.approved === null || before.approved.hash !== hash)
          throw new FirebreakError('conflict', 'Only the text that another person has approved counts as handed in');
        requireTime(given.submittedAt, before.approved.at, ctx.now);
        const data = { ...given, hash, person: person ?? ctx.principal.userId, by: ctx.principal.userId };
        return { type: 'draft.submitted', at, data };
      });
      const submission = draft.submissions.find((each) => each.hash === hash && each.reference === given.reference);
      const warnings = submission === undefined ? [] : await meet(ctx, id, draft, submission);
      const answer = answerOf(id, draft);
      return { ...answer, warnings: [...warnings, ...(answer.warnings ?? [])] };
    },
    async withdraw(ctx, { id, reason }) {
      const draft = await change(ctx, id, async (_before, at) => ({
        type: 'draft.withdrawn',
        at,
        data: { by: ctx.principal.userId, reason },
      }));
      return answerOf(id, draft);
    },
    async make({ key, at, trace, ...wanted }) {
      const id = draftIdOf(key);
      await make(id, wanted, 'engine', at, trace);
      return id;
    },
  };

  /** Records first: a clock that refuses what is on record is said, and can be set right by hand. */
  async function meet(
    ctx: CallContext,
    draftId: string,
    { about: { deadlineId, stage } }: Draft,
    submission: Submission,
  ): Promise<readonly string[]> {
    if (deadlineId === null || ports.submissionRecorded === undefined) return [];
    try {
      await ports.submissionRecorded(ctx, { deadlineId, stage, draftId, submission });
      return [];
    } catch (thrown) {
      if (!(thrown instanceof FirebreakError) || thrown.status >= 500) throw thrown;
      return [`The proof is on record, but the deadline ${deadlineId} did not take it: ${thrown.message}.`];
    }
  }
}

/** Of what `make` makes under a key. */
export function draftIdOf(key: string): string {
  return derivedId('drf', key);
}

const UNCHANGED = { status: 'applied', hashes: [] } as const;

function requireTime(submittedAt: number, approvedAt: number, now: number): void {
  const pointer = '/submittedAt';
  const detail =
    submittedAt > now
      ? 'This time is still to come: record what was handed in, not what will be.'
      : 'It lies before the approval: nothing is handed in before another person has approved it.';
  // A minute is as exact as people write it down.
  const earliest = Math.floor(approvedAt / MINUTE_MS) * MINUTE_MS;
  if (submittedAt > now || submittedAt < earliest)
    throw new FirebreakError('invalid_draft', 'The proof is not valid', [{ pointer, detail }]);
}
const MINUTE_MS = 60_000;

function answerOf(id: string, draft: Draft): Answer {
  const missing = draftStatusOf(draft) === 'WITHDRAWN' ? [] : missingIn(draft.document);
  const warnings = missing.length === 0 ? [] : [`${missing.length} things are missing in it: see missing.`];
  return { data: shownDraft(id, draft, 'whole'), version: draft.version, warnings };
}

function executionOf({ id, body }: StoredView) {
  // Written by `executionView`.
  const { playbookName, status, containedAt } = body as unknown as {
    readonly playbookName: string;
    readonly status: string;
    readonly containedAt: number | null;
  };
  return { id, playbookName, status, containedAt };
}

function draftOf(view: StoredView): Draft {
  // Only this room writes these bodies.
  return view.body as unknown as Draft;
}
