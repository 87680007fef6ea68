import { quietUntil } from '../../guards/quiet-until.ts';
import type { PlanAction } from '../../playbooks/plan.ts';
import { SEVERITIES, severityRank, type Severity } from '../../vocabulary.ts';
import type { ExecutionState } from './state.ts';
import type { Transition } from './transition.ts';

/**
 * Until when the action waits, because it is quiet and nobody is harmed by the wait; null: it does not. It waits before its gates, so
 * that nobody is asked at night about what waits, and once only. What a person started or tries again does not wait, nor does what
 * the rest of its playbook hangs on.
 */
export function quietUntilOf(t: Transition, plan: PlanAction): number | null {
  const { quietHours } = t.plan;
  if (quietHours === undefined || !quietHours.actionTypes.includes(plan.declaration.type)) return null;
  if (t.action(plan.actionId).hasWaited === true || isUrgent(t) || isHeldUpBy(plan)) return null;
  if (t.state.requester.type === 'person' || t.input.type === 'retry') return null;
  return quietUntil(quietHours, t.input.at);
}

/** Whether the incident is too severe for anything of it to wait, by the risk at its start or by what is known of it now. */
export function isUrgent({ plan: { quietHours }, state }: Pick<Transition, 'plan' | 'state'>): boolean {
  return quietHours === undefined || severityRank(severestOf(state)) >= severityRank(quietHours.below);
}

function severestOf({ riskLevel, snapshot }: ExecutionState): Severity {
  const { severity } = snapshot.incident;
  const present = SEVERITIES.find((each) => each === severity) ?? riskLevel;
  return severityRank(present) > severityRank(riskLevel) ? present : riskLevel;
}

function isHeldUpBy({ onFailure, onDenied, gates, question, declaration }: PlanAction): boolean {
  const mayStop = onFailure !== 'CONTINUE' || (onDenied === 'HALT' && gates.length > 0);
  return mayStop || question !== null || declaration.waits;
}
