import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import type { CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import { canonicalIdentity } from '../events/text.ts';
import { given, severityOf, shownTime, type Answer, type Listing, type ListQuery, type Resource } from '../service.ts';

/** A vote on its way to the execution it concerns; who casts it is what the credential says, not the caller. */
export interface CastVote {
  readonly executionId: string;
  readonly approvalId: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly intentHash: string;
  readonly comment: string | null;
}

export type VoteResult =
  { readonly admitted: true } | { readonly admitted: false; readonly code: string; readonly reason: string };

export interface ApprovalPorts {
  readonly journal: Pick<JournalReader, 'view' | 'longReads'>;
  /** Applies the vote in the execution and answers when that is on disk. */
  cast(ctx: CallContext, vote: CastVote): Promise<VoteResult>;
}

export interface VoteInput {
  readonly id: string;
  readonly comment: string | null;
  /** What the voter was shown; null: what the approval asks now. */
  readonly intentHash: string | null;
}

export interface ApprovalService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  approve(ctx: CallContext, input: VoteInput): Promise<Answer>;
  deny(ctx: CallContext, input: VoteInput): Promise<Answer>;
}

/** What a vote needs of an approval's view. */
const VOTABLE = z.looseObject({ executionId: z.string(), intentHash: z.string() });

export function createApprovalService({ journal, cast }: ApprovalPorts): ApprovalService {
  async function existing(id: string): Promise<StoredView> {
    const view = await journal.view('approval', id);
    if (view === null) throw new FirebreakError('not_found', `There is no approval ${id}`);
    return view;
  }

  async function vote(
    ctx: CallContext,
    { id, comment, intentHash }: VoteInput,
    decision: 'APPROVE' | 'DENY',
  ): Promise<Answer> {
    const { executionId, intentHash: asked } = VOTABLE.parse((await existing(id)).body);
    const ballot = { executionId, approvalId: id, decision, comment, intentHash: intentHash ?? asked };
    const result = await cast(ctx, ballot);
    if (!result.admitted) throw refusal(result.code, result.reason);
    return { data: shownApproval(await existing(id)) };
  }

  return {
    async list(_ctx, query) {
      const { limit, skip, status, actionType, userId, executionId, playbookId } = query;
      const subject = userId === undefined ? undefined : (canonicalIdentity(userId) ?? userId);
      const filters = { status, severity: severityOf(query), type: actionType, parent: executionId, ref: playbookId };
      const wanted = given({ ...filters, subject });
      // The seeds' GET /approvals is the list of what waits.
      const { items, total } = await journal.longReads.listViews({
        kind: 'approval',
        status: 'PENDING',
        ...wanted,
        limit,
        skip,
      });
      return { items: items.map(shownApproval), total };
    },
    async get(_ctx, { id }) {
      return { data: shownApproval(await existing(id)) };
    },
    approve: (ctx, input) => vote(ctx, input, 'APPROVE'),
    deny: (ctx, input) => vote(ctx, input, 'DENY'),
  };
}

const CODES = {
  already_decided: 'already_decided',
  expired: 'already_decided',
  intent_changed: 'conflict',
  already_voted: 'conflict',
} as const;

function refusal(code: string, reason: string): FirebreakError {
  const known = Object.entries(CODES).find(([name]) => name === code);
  return new FirebreakError(known === undefined ? 'cannot_vote' : known[1], reason);
}

function shownApproval(view: StoredView): Resource {
  const body = view.body as JsonObject; // written by the execution's change
  const time = (name: string): string | null => {
    const at = body[name];
    return typeof at === 'number' ? shownTime(at) : null;
  };
  return {
    ...body,
    id: view.id,
    requestedAt: time('requestedAt'),
    expiresAt: time('expiresAt'),
    decidedAt: time('decidedAt'),
    votes: timed(body['votes']),
    ...(body['brokenGlass'] === undefined ? {} : { brokenGlass: timed([body['brokenGlass']])[0] ?? null }),
    // Rows of earlier versions have none.
    escalations: timed(body['escalations'] ?? []),
    escalationPath: body['escalationPath'] ?? [],
    automatic: body['automatic'] ?? [],
  };
}

/** Members with the time at which they were recorded, as the API shows times. */
function timed(list: Json | undefined): readonly Resource[] {
  const items = list as readonly (JsonObject & { readonly at: number })[]; // written by the execution's change
  return items.map((each) => ({ ...each, at: shownTime(each.at) }));
}
