import { countVotes } from '../../approvals/approval.ts';
import type { ServiceAnswerInput } from './inputs.ts';
import type { ApprovalState } from './state.ts';
import type { Transition } from './transition.ts';
import { conclude } from './votes.ts';

/** Why an approval was denied that a service had to answer. */
const UNREACHABLE = 'service_unreachable';

/**
 * Hears a service once, about what it was asked, and as long as that waits for an answer. Anything else is recorded and changes
 * nothing: an answer that came twice, after the decision, or for a service that nobody asked.
 */
export function takeServiceAnswer(t: Transition, input: ServiceAnswerInput): void {
  const approval = Object.hasOwn(t.state.approvals, input.approvalId) ? t.state.approvals[input.approvalId] : undefined;
  const refusal = refusalOf(approval, input);
  if (approval === undefined || refusal !== null)
    return t.add({ type: 'input.ignored', why: refusal ?? 'no such approval' });
  t.add({ type: 'service.answered', approvalId: approval.id, service: input.service });
  const heard = t.state.approvals[approval.id] ?? approval;
  const verdict = countVotes(heard);
  if (verdict === 'pending') return;
  const isSilent = input.reply.answer === 'none';
  if (verdict === 'denied') return conclude(t, heard, 'DENIED', isSilent ? UNREACHABLE : null);
  conclude(t, heard, 'APPROVED', null);
}

function refusalOf(approval: ApprovalState | undefined, input: ServiceAnswerInput): string | null {
  if (approval === undefined) return 'no such approval';
  if (approval.status !== 'PENDING') return `already decided: ${approval.status}`;
  if (input.at >= approval.expiresAt) return 'the time to answer is over';
  if (input.intentHash !== approval.intentHash) return 'it was asked about something else';
  const asked = approval.services?.find(({ name }) => name === input.service);
  if (asked === undefined) return 'this service is not asked';
  return asked.reply === undefined ? null : 'the service has answered before';
}
