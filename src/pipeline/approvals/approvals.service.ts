import { z } from 'zod';
import type { Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import type { Assertion, SignedAnswer } from '../access/assertion.ts';
import type { PasskeyProofs, SigningOptions } from '../access/passkeys.service.ts';
import { requireOperation, type CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import { canonicalIdentity } from '../events/text.ts';
import { given, severityOf, shownTime, type Answer, type Listing, type ListQuery, type Resource } from '../service.ts';
import { voteChallenge, type VoteClaim } from './vote-assertion.ts';

/** A vote on its way to the execution it concerns; who casts it is what the credential says, not the caller. */
export interface CastVote {
  readonly executionId: string;
  readonly approvalId: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly intentHash: string;
  readonly comment: string | null;
  /** What the voter's passkey signed, checked. Absent: nothing. */
  readonly assertion?: Assertion;
  /** A delegation, or a user, for whom is spoken; absent: in one's own right, else for whom one can. */
  readonly onBehalfOf?: string;
}

export type VoteResult =
  { readonly admitted: true } | { readonly admitted: false; readonly code: string; readonly reason: string };

export interface ApprovalPorts {
  readonly journal: Pick<JournalReader, 'view' | 'longReads'>;
  /** Applies the vote in the execution and answers when that is on disk. */
  cast(ctx: CallContext, vote: CastVote): Promise<VoteResult>;
  /** Absent: nobody has passkeys here. */
  readonly passkeys?: PasskeyProofs;
}

export interface VoteInput {
  readonly id: string;
  readonly comment: string | null;
  /** What the voter was shown; null: what the approval asks now. */
  readonly intentHash: string | null;
  /** What the voter's passkey signed. Absent: nothing. */
  readonly signed?: SignedAnswer | undefined;
  /** A delegation, or a user, for whom is spoken. Absent: in one's own right, else for whom one can. */
  readonly onBehalfOf?: string | undefined;
}

/** A vote that somebody is about to cast, of which their passkey shall sign exactly this. */
export interface PasskeyQuestion {
  readonly id: string;
  readonly decision: 'APPROVE' | 'DENY';
  /** What the voter is shown. */
  readonly intentHash: string;
}

export interface ApprovalService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  approve(ctx: CallContext, input: VoteInput): Promise<Answer>;
  deny(ctx: CallContext, input: VoteInput): Promise<Answer>;
  /**
   * What a browser needs so that the caller's passkey signs a vote: a challenge made of it, and a nonce to send along. Nothing is
   * stored. @throws FirebreakError `passkey_needed` without a session or a passkey, `conflict` when something else is asked now.
   */
  passkeyOptions(ctx: CallContext, input: PasskeyQuestion): Promise<SigningOptions>;
}

/** What a vote needs of an approval's view. */
const VOTABLE = z.looseObject({ executionId: z.string(), intentHash: z.string() });

export function createApprovalService(ports: ApprovalPorts): ApprovalService {
  const { journal, cast } = ports;
  const passkeys = (): PasskeyProofs => {
    if (ports.passkeys === undefined) throw new FirebreakError('passkey_needed', 'Nobody has passkeys here');
    return ports.passkeys;
  };

  const existing = (id: string): Promise<StoredView> => existingApproval(journal, id);

  async function vote(
    ctx: CallContext,
    { id, comment, intentHash, signed, onBehalfOf }: VoteInput,
    decision: 'APPROVE' | 'DENY',
  ): Promise<Answer> {
    const { executionId, intentHash: asked } = VOTABLE.parse((await existing(id)).body);
    const shown = { approvalId: id, decision, intentHash: intentHash ?? asked };
    const assertion = signed === undefined ? {} : { assertion: await proven(ctx, shown, signed) };
    const result = await cast(ctx, { executionId, comment, ...shown, ...assertion, ...given({ onBehalfOf }) });
    if (!result.admitted) throw refusal(result.code, result.reason);
    return { data: shownApproval(await existing(id)) };
  }

  /** What a passkey signed, checked; that it is used once is decided where the vote is recorded. */
  async function proven(
    ctx: CallContext,
    shown: Pick<VoteClaim, 'approvalId' | 'decision' | 'intentHash'>,
    signed: SignedAnswer,
  ): Promise<Assertion> {
    const { userId } = ctx.principal;
    const challenge = voteChallenge({ ...shown, userId, nonce: signed.nonce });
    return passkeys().prove(ctx, signed, { purpose: purposeOf(shown.approvalId), challenge });
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
    async passkeyOptions(ctx, { id, decision, intentHash }) {
      const { userId } = ctx.principal;
      requireOperation(ctx.principal, 'approval.vote');
      const { intentHash: asked } = VOTABLE.parse((await existing(id)).body);
      if (asked !== intentHash)
        throw new FirebreakError('conflict', 'What is to be approved changed since it was shown; look at it again.');
      const challengeOf = (nonce: string) => voteChallenge({ approvalId: id, intentHash, decision, userId, nonce });
      return passkeys().ask(ctx, { purpose: purposeOf(id), challengeOf });
    },
  };
}

/** What a nonce is given for. */
function purposeOf(approvalId: string): readonly string[] {
  return ['vote', approvalId];
}

/** @throws FirebreakError `not_found`. */
export async function existingApproval(journal: Pick<JournalReader, 'view'>, id: string): Promise<StoredView> {
  const view = await journal.view('approval', id);
  if (view === null) throw new FirebreakError('not_found', `There is no approval ${id}`);
  return view;
}

const CODES = {
  already_decided: 'already_decided',
  expired: 'already_decided',
  intent_changed: 'conflict',
  already_voted: 'conflict',
  passkey_needed: 'passkey_needed',
  passkey_refused: 'passkey_refused',
  not_voted: 'conflict',
} as const;

/** What somebody is told whose vote, or whose withdrawal, was refused and recorded. */
export function refusal(code: string, reason: string): FirebreakError {
  const known = Object.entries(CODES).find(([name]) => name === code);
  return new FirebreakError(known === undefined ? 'cannot_vote' : known[1], reason);
}

/** An approval as the API shows it. */
export function shownApproval(view: StoredView): Resource {
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
    withdrawn: timed(body['withdrawn'] ?? []),
  };
}

/** Members with the time at which they were recorded, as the API shows times. */
function timed(list: Json | undefined): readonly Resource[] {
  // Written by the execution's change.
  const items = list as readonly (JsonObject & { readonly at: number; readonly withdrawnAt?: number })[];
  return items.map(({ withdrawnAt, ...each }) => ({
    ...each,
    at: shownTime(each.at),
    ...(withdrawnAt === undefined ? {} : { withdrawnAt: shownTime(withdrawnAt) }),
  }));
}
