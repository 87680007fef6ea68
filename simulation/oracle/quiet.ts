import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { actionOf, type Broken, type ExecutionModel } from './model.ts';

const RANKS = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'];
const MINUTE_MS = 60_000;

/** Waits for the morning: only what may, once, until it is no longer quiet, and never in a severe incident. */
export function takeQuiet(execution: ExecutionModel, fact: Fact, input: Input, broken: Broken): void {
  if (fact.type !== 'quiet.awaited' && fact.type !== 'quiet.ended') return;
  const action = actionOf(execution, fact.actionId);
  const { actionId, declaration } = action.plan;
  const name = `${execution.id} ${actionId}`;
  if (fact.type === 'quiet.awaited') {
    if (action.hasWaited) broken('quiet', `${name} waits twice`);
    if (execution.plan.quietHours?.actionTypes.includes(declaration.type) !== true)
      broken('quiet', `${name} waits, and is not listed`);
    if (isSevere(execution)) broken('quiet', `${name} waits in a severe incident`);
    if (!isQuietAt(execution, input.at)) broken('quiet', `${name} waits although it is not quiet`);
    if (isQuietAt(execution, fact.resumeAt) || !isQuietAt(execution, fact.resumeAt - 1))
      broken('quiet', `${name} waits until another time than the end of the quiet hours`);
    Object.assign(action, { phase: 'quiet', due: fact.resumeAt, hasWaited: true });
    return;
  }
  if (action.phase !== 'quiet') broken('quiet', `${name} ends a wait that there is not`);
  if (fact.why === 'over' && input.type !== 'timer') broken('quiet', `${name} is woken by nothing`);
  if (fact.why === 'released' && input.type !== 'release') broken('quiet', `${name} is let go by nobody`);
  Object.assign(action, { phase: 'idle', due: null });
}

/** The severity that counts is what the incident has now, a finding of it may have been withdrawn, and never less than at the start. */
export function noteSeverity(execution: ExecutionModel, severity: unknown): void {
  execution.severity = Math.max(execution.leastSeverity, RANKS.indexOf(String(severity)));
}

export function noteRisk(execution: ExecutionModel, riskLevel: string): void {
  execution.leastSeverity = RANKS.indexOf(riskLevel);
}

export function checkNobodyWaits(execution: ExecutionModel, broken: Broken): void {
  if (execution.stopped !== null || !isSevere(execution)) return;
  for (const { phase, plan } of execution.actions.values())
    if (phase === 'quiet') broken('quiet', `${execution.id} ${plan.actionId} goes on waiting in a severe incident`);
}

function isSevere({ plan, severity }: ExecutionModel): boolean {
  return plan.quietHours === undefined || severity >= RANKS.indexOf(plan.quietHours.below);
}

/** By the minute of the day alone: the worlds' windows are of every day, in UTC. */
function isQuietAt({ plan }: ExecutionModel, at: number): boolean {
  const minute = Math.floor(at / MINUTE_MS) % 1_440;
  return (plan.quietHours?.windows ?? []).some(({ from, to }) =>
    from < to ? minute >= from && minute < to : minute >= from || minute < to,
  );
}
