import { z } from 'zod';
import type { Services } from '../../api/services.ts';
import { mayDo, type CallContext } from '../../pipeline/access/principal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { approvalRequest, heading, type AnswerForm } from '../approval-page.ts';
import { approvalOf, GATE, hasVoteOf, type ApprovalShown, type GateShown } from '../approval-shown.ts';
import { page, type Viewer } from '../layout.ts';

export interface RequestPage {
  readonly services: Pick<Services, 'approvals' | 'incidents' | 'audits'>;
  readonly ctx: CallContext;
  readonly approvalId: string;
  /** Null: who looks has come by a link, and has no session to go on with. */
  readonly viewer: Viewer | null;
  /** Null: who looks cannot answer from here. */
  readonly form: AnswerForm | null;
  /** Where a vote is taken back. Absent: not from here. */
  readonly withdrawal?: AnswerForm | null;
  /** A sentence about an answer that was refused. */
  readonly refusal: string | null;
}

/** The page of one request, as it is now. Who has answered it has nothing left to answer. */
export async function requestPage(
  asked: RequestPage,
): Promise<{ readonly text: string; readonly uses: 'nothing' | 'passkeys' }> {
  const { services, ctx, approvalId, viewer, form, withdrawal = null, refusal } = asked;
  const approval = approvalOf((await services.approvals.get(ctx, { id: approvalId })).data);
  const [why, gates] = await Promise.all([whyOf(ctx, services, approval), gatesOf(ctx, services, approval)]);
  const hasAnswered = approval.votes.some(({ userId }) => userId === ctx.principal.userId);
  const forms = {
    form: hasAnswered ? null : form,
    withdrawal: hasVoteOf(approval, ctx.principal) ? withdrawal : null,
  };
  const view = { approval, why, gates, now: ctx.now, ...forms, refusal };
  const uses = approval.requirePasskey === true ? 'passkeys' : 'nothing';
  return { text: page(heading(approval), viewer, approvalRequest(view)), uses };
}

const INCIDENT = z.looseObject({ summary: z.string() });

async function whyOf(
  ctx: CallContext,
  { incidents }: Pick<Services, 'incidents'>,
  { incidentId }: ApprovalShown,
): Promise<string | null> {
  if (!mayDo(ctx.principal, 'incident.read')) return null;
  const found = await orAbsent(incidents.get(ctx, { id: incidentId }));
  return INCIDENT.safeParse(found?.data).data?.summary ?? null;
}

const AUDIT = z.looseObject({ gates: z.array(GATE) });

async function gatesOf(
  ctx: CallContext,
  { audits }: Pick<Services, 'audits'>,
  { executionId, actionId }: ApprovalShown,
): Promise<readonly GateShown[] | null> {
  if (!mayDo(ctx.principal, 'audit.read')) return null;
  const found = await orAbsent(audits.get(ctx, { id: `${executionId}:${actionId}` }));
  return AUDIT.safeParse(found?.data).data?.gates ?? null;
}

/** What lies in an archive, or is not there, is left out of the page. */
async function orAbsent<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (thrown) {
    if (thrown instanceof FirebreakError && (thrown.code === 'archived' || thrown.code === 'not_found')) return null;
    throw thrown;
  }
}
