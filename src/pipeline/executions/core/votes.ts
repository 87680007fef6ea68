import { canVote, countVotes } from '../../approvals/approval.ts';
import { combineGates } from '../../approvals/gates.ts';
import { begin } from './begin.ts';
import type { VoteInput } from './inputs.ts';
import { settle } from './settle.ts';
import type { ApprovalState } from './state.ts';
import { planActionOf, type Transition } from './transition.ts';

/** Counts a vote, or refuses it with the reason; either way it is recorded. */
export function takeVote(t: Transition, input: VoteInput): void {
  const approval = Object.hasOwn(t.state.approvals, input.approvalId) ? t.state.approvals[input.approvalId] : undefined;
  if (approval === undefined) return t.add({ type: 'input.ignored', why: 'no such approval' });
  const { intentHash, at, decision, assertion } = input;
  const check = canVote(approval, input.voter, { intentHash, at, decision, assertion });
  if (!check.ok) {
    return t.add({ type: 'vote.refused', approvalId: approval.id, code: check.code, reason: check.reason });
  }
  t.add({ type: 'vote.cast', approvalId: approval.id });
  const verdict = countVotes(t.state.approvals[approval.id] ?? approval);
  if (verdict === 'pending') return;
  conclude(t, approval, verdict === 'approved' ? 'APPROVED' : 'DENIED', null);
}

/** The time to answer is over: the gate's fallback decides, and never in favour of what cannot be undone. */
export function expireApproval(t: Transition, approval: ApprovalState): void {
  const plan = planActionOf(t.plan, approval.actionId);
  const fallback = approval.purpose === 'gate' ? combineGates(approval.gates).fallbackBehavior : 'DENY_ACTION';
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
