import { canVote, countVotes } from '../../approvals/approval.ts';
import { isDeniedBySilence } from '../../approvals/external-approver.ts';
import { canWithdraw } from '../../approvals/withdraw.ts';
import { combineGates } from '../../approvals/gates.ts';
import { begin } from './begin.ts';
import type { VoteInput, WithdrawInput } from './inputs.ts';
import { settle } from './settle.ts';
import type { ApprovalState } from './state.ts';
import { planActionOf, type Transition } from './transition.ts';

/** Counts a vote, or refuses it with the reason; either way it is recorded. */
export function takeVote(t: Transition, input: VoteInput): void {
  const approval = Object.hasOwn(t.state.approvals, input.approvalId) ? t.state.approvals[input.approvalId] : undefined;
  if (approval === undefined) return t.add({ type: 'input.ignored', why: 'no such approval' });
  const { playbookId } = t.plan;
  const check = canVote(approval, input.voter, { ...ballotOf(input), playbookId });
  if (!check.ok) {
    return t.add({ type: 'vote.refused', approvalId: approval.id, code: check.code, reason: check.reason });
  }
  const seat = check.onBehalfOf;
  t.add({
    type: 'vote.cast',
    approvalId: approval.id,
    ...(seat === undefined ? {} : { delegationId: seat.delegationId }),
  });
  const verdict = countVotes(t.state.approvals[approval.id] ?? approval);
  if (verdict === 'pending') return;
  conclude(t, approval, verdict === 'approved' ? 'APPROVED' : 'DENIED', null);
}

function ballotOf({ intentHash, at, decision, assertion, onBehalfOf }: VoteInput) {
  return { intentHash, at, decision, assertion, ...(onBehalfOf === undefined ? {} : { onBehalfOf }) };
}

/** Takes votes back, or refuses to with the reason; either way it is recorded. Whoever did may vote again. */
export function takeWithdrawal(t: Transition, { approvalId, voter, at }: WithdrawInput): void {
  const approval = Object.hasOwn(t.state.approvals, approvalId) ? t.state.approvals[approvalId] : undefined;
  if (approval === undefined) return t.add({ type: 'input.ignored', why: 'no such approval' });
  const check = canWithdraw(approval, voter, at);
  if (!check.ok) return t.add({ type: 'withdrawal.refused', approvalId, code: check.code, reason: check.reason });
  for (const { userId } of check.votes) t.add({ type: 'vote.withdrawn', approvalId, userId });
}

/** The time to answer is over: the gate's fallback decides, and never in favour of what cannot be undone. */
export function expireApproval(t: Transition, approval: ApprovalState): void {
  const plan = planActionOf(t.plan, approval.actionId);
  const isDenied = approval.purpose !== 'gate' || isDeniedBySilence(approval);
  const fallback = isDenied ? 'DENY_ACTION' : combineGates(approval.gates).fallbackBehavior;
  const allowed = fallback === 'ALLOW_ACTION' && plan.declaration.reversibility !== 'irreversible';
  conclude(t, approval, 'EXPIRED', fallback === 'ALLOW_ACTION' && !allowed ? 'DENY_ACTION' : fallback);
}

/** Decides an approval, and what follows for its action. `fallback` is what decided where no vote did. */
export function conclude(
  t: Transition,
  approval: ApprovalState,
  status: 'APPROVED' | 'DENIED' | 'EXPIRED',
  fallback: string | null,
): void {
  const plan = planActionOf(t.plan, approval.actionId);
  t.add({ type: 'approval.decided', approvalId: approval.id, status, fallback });
  if (approval.purpose === 'question') {
    return settle(t, plan, 'SUCCESS', null, status.toLowerCase());
  }
  if (t.state.stopped !== null) return settle(t, plan, 'SKIPPED', t.state.stopped);
  if (status === 'APPROVED' || fallback === 'ALLOW_ACTION') return begin(t, plan);
  settle(
    t,
    plan,
    'DENIED',
    status === 'DENIED' ? (fallback ?? 'denied') : `expired_${(fallback ?? 'DENY_ACTION').toLowerCase()}`,
  );
}
