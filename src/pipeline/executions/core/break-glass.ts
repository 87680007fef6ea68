import type { ActionTarget } from '../../actions/contract.ts';
import { mayApproveAutomatically } from '../../approvals/automatic.ts';
import { canBreakGlass, type GlassCheck } from '../../approvals/break-glass.ts';
import type { Plan } from '../../playbooks/plan.ts';
import type { BreakGlassInput } from './inputs.ts';
import type { ApprovalState, ExecutionState } from './state.ts';
import { planActionOf, type Transition } from './transition.ts';
import { conclude } from './votes.ts';

/** One person decides alone, as two others declared, or is refused with the reason; either way it is recorded. */
export function takeBreakGlass(t: Transition, input: BreakGlassInput): void {
  const approval = Object.hasOwn(t.state.approvals, input.approvalId) ? t.state.approvals[input.approvalId] : undefined;
  if (approval === undefined) return t.add({ type: 'input.ignored', why: 'no such approval' });
  const check = checkGlass(t.plan, t.state, approval, input);
  if (!check.ok)
    return t.add({ type: 'approval.glass_refused', approvalId: approval.id, code: check.code, reason: check.reason });
  t.add({ type: 'approval.broken_glass', approvalId: approval.id });
  conclude(t, approval, 'APPROVED', 'broken_glass');
}

/** The rule, about the approval as it stands. */
function checkGlass(plan: Plan, state: ExecutionState, approval: ApprovalState, input: BreakGlassInput): GlassCheck {
  const { declaration } = planActionOf(plan, approval.actionId);
  const { riskLevel, actions } = state;
  const action = actions[approval.actionId];
  const accounts = action?.accounts ?? [];
  const single = action?.target === null || action?.target === undefined ? [] : [action.target];
  const targets = accounts.length > 0 ? accounts.map((id): ActionTarget => ({ type: 'user', id })) : single;
  const undoable = { contains: declaration.contains, reversibility: 'undo' } as const;
  const subject = {
    isGate: approval.purpose === 'gate',
    actionType: declaration.type,
    riskLevel,
    reversibility: declaration.reversibility,
    // What cannot be undone has a rule of its own.
    isAboveFloor: !mayApproveAutomatically(plan, undoable, targets),
  };
  return canBreakGlass(approval, subject, input);
}
