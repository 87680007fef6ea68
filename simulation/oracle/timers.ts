import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { isForAccounts, type ActionModel, type Broken, type ExecutionModel } from './model.ts';

const WEEK_MS = 7 * 24 * 3_600_000;

/** A timer may be applied once it is due, and once only. */
export function checkTimer(execution: ExecutionModel, input: Input, facts: readonly Fact[], broken: Broken): void {
  if (input.type !== 'timer' || facts.some(({ type }) => type === 'input.ignored')) return;
  const [kind = '', id = ''] = input.name.split(/:(.*)/s);
  const due = timerDue(execution, kind, id);
  if (due === null) return broken('timers', `${execution.id} applies ${input.name}, which it does not hold`);
  if (due > input.at) broken('timers', `${execution.id} applies ${input.name} ${due - input.at} ms too early`);
  const action = execution.actions.get(id);
  if (kind === 'resume' && action !== undefined) {
    if (action.generation !== input.generation) broken('timers', `${execution.id} applies an old ${input.name}`);
    action.due = null;
  }
}

function timerDue(execution: ExecutionModel, kind: string, id: string): number | null {
  if (kind === 'execution') return execution.earliestAt + execution.plan.executionTimeoutMs;
  if (kind === 'approval') {
    const tally = execution.approvals.get(id);
    return tally === undefined || tally.decided !== null ? null : tally.approval.expiresAt;
  }
  if (kind === 'escalation') {
    const tally = execution.approvals.get(id);
    const step = tally?.approval.escalationPath?.[tally.steps];
    return tally === undefined || step === undefined || tally.decided !== null
      ? null
      : tally.requestedAt + step.delayMs;
  }
  if (kind === 'reminder') {
    const tally = execution.approvals.get(id);
    if (tally === undefined || tally.decided !== null || tally.isReminded) return null;
    return tally.requestedAt + Math.floor(((tally.approval.expiresAt - tally.requestedAt) * 3) / 4);
  }
  const action = execution.actions.get(id);
  if (action === undefined) return null;
  if (kind === 'resume') return action.due;
  const { ttlMs } = action.plan;
  if (ttlMs === null || action.phase !== 'settled' || !hasOwnTime(execution, action)) return null;
  const wanted = Math.max(action.keptUntil ?? 0, action.settledAt + ttlMs);
  // Its target was told at the call how long it may stand: that long, or a week where that is longer.
  return Math.min(wanted, action.calledAt + Math.max(ttlMs, WEEK_MS));
}

/**
 * Whether what the action did, or may have done, ends at its own time. Who shares another one's hold lets go at the end of its own time,
 * too; of an action for each account every child has its own.
 */
export function hasOwnTime(execution: ExecutionModel, action: ActionModel): boolean {
  if (isForAccounts(execution, action)) return false;
  const { status, reason } = action;
  return status === 'SUCCESS' || status === 'UNKNOWN' || (status === 'SKIPPED' && reason === 'already_held');
}
