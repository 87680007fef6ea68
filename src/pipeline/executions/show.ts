import type { Json } from '../../platform/canonical-json.ts';
import type { JournalRecord, SealedRecord } from '../audit/record.ts';
import type { Plan, PlanAction } from '../playbooks/plan.ts';
import { shownTime, type Resource } from '../service.ts';
import { containedAtOf } from './core/containment.ts';
import { containedUntilOf } from './core/demands.ts';
import { type Loaded } from './execution-store.ts';
import { stepOf } from './core/fold.ts';
import type { Fact } from './core/facts.ts';
import { statusOf, type ActionState, type ExecutionState } from './core/state.ts';
import { isUnmapped, NO_MAPPING } from './unmapped.ts';

/** How the API shows executions and their actions. Pure: everything is folded from the records and the plan. */

/** The whole execution: stages with their actions, approvals, and a timeline of every decision. */
export function shownExecution({ plan, state, seq }: Loaded, records: readonly TimelineRecord[]): Resource {
  const { incident, accounts } = state.snapshot;
  return {
    id: state.id,
    executionId: state.id,
    playbookId: plan.playbookId,
    playbookName: plan.name,
    playbookType: plan.playbookType,
    playbookVersion: plan.playbookVersion,
    planHash: state.planHash,
    planSha256: state.snapshot.planSha256 ?? null,
    incidentId: incident.id,
    parentExecutionId: state.parent?.executionId ?? null,
    userId: incident.subject.id,
    accounts,
    riskLevel: state.riskLevel,
    status: statusOf(state),
    reason: isUnmapped(plan) ? NO_MAPPING : null,
    requestedBy: `${state.requester.type}:${state.requester.id}`,
    startedAt: shownTime(state.startedAt),
    endedAt: shownTime(state.ended?.at),
    containedAt: shownTime(containedAtOf(plan, state)),
    records: seq,
    stages: plan.stages.map(({ stage, actions }) => ({
      stage,
      actions: actions.map((action) => shownAction(plan, state, action)),
    })),
    approvals: Object.keys(state.approvals),
    failedActions: Object.values(state.actions)
      .filter(({ status }) => status === 'FAILED' || status === 'UNKNOWN' || status === 'TIMED_OUT')
      .map(({ actionId }) => actionId),
    timeline: records.flatMap(timelineOf),
  };
}

/** What a timeline shows of a record. */
export interface TimelineRecord extends Pick<JournalRecord, 'seq' | 'at' | 'data' | 'type' | 'v'> {
  readonly hash: string;
}

function timelineOf({ hash, ...record }: TimelineRecord): Json[] {
  const { input, facts } = stepOf(record);
  return facts.map((fact) => ({
    at: shownTime(record.at),
    seq: record.seq,
    hash,
    input: input.type,
    fact: fact.type,
    ...pick(fact),
  }));
}

/** Members of a fact that a timeline shows; everything else is in the record itself. */
const TIMELINE_MEMBERS = [
  'actionId',
  'approvalId',
  'service',
  'attempt',
  'status',
  'reason',
  'outcome',
  'code',
  'purpose',
  'fallback',
  'level',
  'escalateTo',
  'index',
  'why',
  'resumeAt',
  'until',
] as const;

function pick(fact: Fact): Record<string, Json> {
  const members = new Map<string, unknown>(Object.entries(fact));
  const picked: Record<string, Json> = {};
  for (const member of TIMELINE_MEMBERS) {
    const value = members.get(member);
    if (typeof value === 'string' || typeof value === 'number') picked[member] = value;
  }
  return picked;
}

function shownAction(plan: Plan, state: ExecutionState, action: PlanAction): Resource {
  const { declaration } = action;
  const present = state.actions[action.actionId];
  return {
    id: auditId(state.id, action.actionId),
    actionId: action.actionId,
    actionType: declaration.type,
    connector: declaration.connector,
    reversibility: declaration.reversibility,
    condition: action.condition,
    status: present?.status ?? (present === undefined ? 'PENDING' : 'RUNNING'),
    phase: present?.phase ?? 'idle',
    target: present?.target?.id ?? null,
    verification: present?.verification ?? null,
    outcome: present?.outcome ?? null,
    reason: present?.reason ?? null,
    attempts: present?.attempt ?? 0,
    approvalId: present?.approvalId ?? null,
    settledAt: shownTime(present?.settledAt),
    waitsUntil: present?.phase === 'quiet' ? shownTime(present.resumeAt) : null,
    containedUntil: shownTime(present === undefined ? null : containedUntilOf(action, present)),
    children: Object.entries(present?.children ?? {}).map(([id, child]) => ({
      id,
      account: child.account,
      status: child.status,
    })),
    playbookId: plan.playbookId,
  };
}

/** Id of one action instance in the audit list. */
export function auditId(executionId: string, actionId: string): string {
  return `${executionId}:${actionId}`;
}

/** One item of the audit list: what was to be done, tried, answered, approved and undone, for one action instance. */
export function auditItem({ plan, state }: Loaded, action: PlanAction, records: readonly SealedRecord[]): Resource {
  const present = state.actions[action.actionId];
  const approval =
    present?.approvalId === null || present === undefined ? undefined : state.approvals[present.approvalId];
  return {
    ...shownAction(plan, state, action),
    executionId: state.id,
    incidentId: state.snapshot.incident.id,
    userId: state.snapshot.incident.subject.id,
    riskLevel: state.riskLevel,
    parameters: present?.parameters ?? null,
    priorState: present?.prior ?? null,
    reply: present?.reply ?? null,
    idempotencyKey: present?.key ?? null,
    generation: present?.generation ?? 1,
    error: present?.error === null || present === undefined ? null : json(present.error),
    gates: json(action.gates),
    approval:
      approval === undefined
        ? null
        : json({
            id: approval.id,
            status: approval.status,
            automatic: approval.automatic ?? [],
            escalations: approval.escalations ?? [],
            votes: approval.votes,
            ...(approval.services === undefined ? {} : { services: approval.services }),
            ...(approval.withdrawn === undefined ? {} : { withdrawn: approval.withdrawn }),
            ...(approval.onCall === undefined ? {} : { onCall: approval.onCall }),
            intentHash: approval.intentHash,
          }),
    compensation: present === undefined ? null : compensationOf(present),
    trail: records.flatMap(({ record }) => {
      const { input, facts } = stepOf(record);
      const own = facts.filter((fact) => 'actionId' in fact && fact.actionId === action.actionId);
      const error =
        'result' in input && 'error' in input.result && 'actionId' in input && input.actionId === action.actionId
          ? input.result.error
          : null;
      return own.map((fact) => ({
        at: shownTime(record.at),
        seq: record.seq,
        fact: fact.type,
        ...pick(fact),
        ...(error === null ? {} : { error: json(error) }),
      }));
    }),
  };
}

function compensationOf(action: ActionState): Json {
  if (action.undoAttempt === 0) return null;
  return { status: action.status, attempts: action.undoAttempt, reason: action.reason };
}

/** The seeds' view of a runbook's run: lower-case words, one line for each step that was reached. */
export function runbookView({ plan, state }: Loaded): Resource {
  const steps = plan.stages
    .flatMap(({ actions }) => actions)
    .flatMap(({ actionId, declaration }) => {
      const action = state.actions[actionId];
      if (action === undefined || action.phase === 'idle') return [];
      const status = action.status === 'SUCCESS' ? 'executed' : (action.status ?? action.phase).toLowerCase();
      const asked = action.approvalId === null ? undefined : state.approvals[action.approvalId]?.requestedAt;
      // Before the first attempt it waits for people, since they were asked.
      const at = action.settledAt ?? (action.attempt === 0 ? asked : action.attemptAt);
      return [{ step: declaration.type.toLowerCase(), timestamp: shownTime(at), status }];
    });
  const { event, incident } = state.snapshot;
  const eventId = typeof event['id'] === 'string' ? event['id'] : incident.id;
  const view = { event_id: eventId, steps, status: statusOf(state).toLowerCase() };
  return isUnmapped(plan) ? { ...view, reason: NO_MAPPING } : view;
}

function json(value: unknown): Json {
  // Members of state and plan are plain JSON by their types.
  return value as Json;
}
