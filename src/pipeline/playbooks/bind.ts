import type { PerHour } from '../guards/blast-radius.ts';
import type { QuietHours } from '../guards/quiet-until.ts';
import { canonicalJson, type JsonObject } from '../../platform/canonical-json.ts';
import { severityRank, type ActionType, type PlaybookType, type Severity } from '../vocabulary.ts';
import type { CompiledAction, CompiledPlaybook } from './compile.ts';
import { underFloors } from './floors.ts';
import type { ActionDeclaration } from '../actions/contract.ts';
import type { Plan, PlanAction, PlanGate, PlanProvisional, PlanQuestion, PlanStage } from './plan.ts';
import type { PlaybookAction } from './playbook.ts';
import { requirementsOf } from './requirements.ts';
import { defaultTarget } from './targets.ts';

/** How long a waiting action waits when nothing says it, in ms: the seeds' 15 minutes of a challenge. */
const WAIT_MS = 15 * 60_000;

/** What a policy is asked about. */
export interface GateQuery {
  readonly actionType: ActionType;
  readonly riskLevel: Severity;
  readonly playbookId: string;
  readonly playbookType: PlaybookType;
}

export interface Binding {
  readonly playbookId: string;
  readonly playbookVersion: number;
  /** Severity of the incident, or what a person gave with a manual trigger. */
  readonly riskLevel: Severity;
  /** The gates of the policies in force that match: `approvals/policy.ts` makes this function. */
  readonly policyGates: (query: GateQuery) => readonly PlanGate[];
  /** Canonical ids, sorted. */
  readonly protectedIdentities?: readonly string[];
  /** Limits of action types, those of other playbooks among them. */
  readonly perHour?: PerHour;
  /** Absent or null: nothing waits. */
  readonly quietHours?: QuietHours | null;
  /** What the decision about the incident adds: `approvals/matrix-gate.ts`. Absent: nothing. */
  readonly underMatrix?: (gates: readonly PlanGate[], declaration: ActionDeclaration) => GatesOfAction;
}

/** Everything that an action waits for, or the rule that lets it run before anybody is asked. */
export interface GatesOfAction {
  readonly gates: readonly PlanGate[];
  readonly provisional: PlanProvisional | null;
}

/**
 * The plan of one playbook version under the policies in force: targets filled in, every gate that applies, stages
 * in order. Pure; the same arguments give the same plan, so that its content hash names it.
 */
export function bindPlan(compiled: CompiledPlaybook, binding: Binding): Plan {
  const { playbook } = compiled;
  const bound = compiled.actions.map((entry) => ({ entry, ...gatesOf(entry, compiled, binding) }));
  const gated = new Set(bound.filter(({ gates }) => gates.length > 0).map(({ entry }) => entry.action.actionId));
  const kept = bound.filter(
    ({ entry: { action } }) => action.onlyWhileGated === undefined || gated.has(action.onlyWhileGated),
  );
  const numbers = [...new Set(kept.map(({ entry }) => entry.action.stage))].sort((left, right) => left - right);
  const stages = numbers.map((stage): PlanStage => {
    const actions = kept.filter(({ entry }) => entry.action.stage === stage);
    return { stage, actions: actions.map(({ entry, ...gated }) => planAction(entry, gated)) };
  });
  const { protectedIdentities = [] } = binding;
  return {
    planVersion: 1,
    playbookId: binding.playbookId,
    playbookVersion: binding.playbookVersion,
    name: playbook.name,
    playbookType: playbook.playbookType,
    executionTimeoutMs: playbook.executionTimeoutMs,
    ...(protectedIdentities.length === 0 ? {} : { protectedIdentities }),
    ...limitsOf(stages, binding.perHour ?? {}),
    ...quietOf(stages, binding),
    stages,
  };
}

/** Of the types that the plan has actions of. */
function limitsOf(stages: readonly PlanStage[], perHour: PerHour): { readonly perHour?: PerHour } {
  const types = new Set(stages.flatMap(({ actions }) => actions.map(({ declaration }) => declaration.type)));
  const limits = [...types].sort().flatMap((type) => {
    const limit = perHour[type];
    return limit === undefined ? [] : [[type, limit] as const];
  });
  return limits.length === 0 ? {} : { perHour: Object.fromEntries(limits) };
}

/** Of the types that the plan has actions of; an incident that is too severe from the start waits for nothing. */
function quietOf(stages: readonly PlanStage[], { quietHours, riskLevel }: Binding): Pick<Plan, 'quietHours'> {
  if (quietHours === undefined || quietHours === null) return {};
  if (severityRank(riskLevel) >= severityRank(quietHours.below)) return {};
  const types = new Set(stages.flatMap(({ actions }) => actions.map(({ declaration }) => declaration.type)));
  const actionTypes = quietHours.actionTypes.filter((type) => types.has(type));
  return actionTypes.length === 0 ? {} : { quietHours: { ...quietHours, actionTypes } };
}

function planAction({ action, declaration }: CompiledAction, { gates, provisional }: GatesOfAction): PlanAction {
  const forEach = action.forEach ?? null;
  const hasTarget = declaration.targetType !== 'none';
  return {
    actionId: action.actionId,
    declaration,
    target: hasTarget ? (action.target ?? defaultTarget(declaration.targetType, forEach)) : '',
    // In the order in which records are written, once for all executions.
    parameters: inOrder(action.parameters),
    condition: action.condition ?? null,
    forEach,
    onFailure: action.onFailure,
    onDenied: action.onDenied,
    retry: action.retry,
    timeoutMs: action.timeoutMs,
    waitMs: waitOf(action),
    ttlMs: provisional === null ? (action.ttlMs ?? null) : Math.min(action.ttlMs ?? Infinity, provisional.ttlMs),
    gates,
    question: questionOf(action),
    ...(provisional === null ? {} : { provisional }),
  };
}

function inOrder(parameters: JsonObject): JsonObject {
  return JSON.parse(canonicalJson(parameters)) as JsonObject; // what was just written from one
}

/** Own words first; then the time the question or the challenge itself has (`expirationMinutes`, as in the seeds). */
function waitOf(action: PlaybookAction): number {
  if (action.waitMs !== undefined) return action.waitMs;
  if (action.question !== undefined) return action.question.timeoutMs;
  const { expirationMinutes } = action.parameters;
  return typeof expirationMinutes === 'number' && expirationMinutes > 0 ? expirationMinutes * 60_000 : WAIT_MS;
}

function questionOf({ question }: PlaybookAction): PlanQuestion | null {
  if (question === undefined) return null;
  const { text, requiredApprovers, timeoutMs } = question;
  return { text, requirements: requirementsOf(question.roles, requiredApprovers), requiredApprovers, timeoutMs };
}

function gatesOf({ action, declaration }: CompiledAction, compiled: CompiledPlaybook, binding: Binding): GatesOfAction {
  const { riskLevel, playbookId, playbookVersion } = binding;
  const { playbookType } = compiled.playbook;
  const set = [
    ...playbookGates(action, playbookVersion),
    ...binding.policyGates({ actionType: action.actionType, riskLevel, playbookId, playbookType }),
  ];
  const { actionType } = action;
  const { gates, provisional } = binding.underMatrix?.(set, declaration) ?? { gates: set, provisional: null };
  const floored = { actionType, reversibility: declaration.reversibility, playbookVersion };
  return { gates: underFloors(gates, floored), provisional };
}

function playbookGates({ actionId, approval }: PlaybookAction, version: number): readonly PlanGate[] {
  if (approval === undefined) return [];
  return [
    {
      source: 'playbook',
      version,
      gateName: actionId,
      requirements: requirementsOf(approval.roles, approval.requiredApprovers),
      requiredApprovers: approval.requiredApprovers,
      timeoutMs: approval.timeoutMs,
      fallbackBehavior: approval.fallbackBehavior,
      escalationPath: [],
      riskLevels: [],
      ...(approval.requirePasskey === true ? { requirePasskey: true } : {}),
    },
  ];
}
