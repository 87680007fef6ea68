import type { JsonObject } from '../../platform/canonical-json.ts';
import { MAX_ACTIONS_PER_EXECUTION } from '../../platform/limits.ts';
import type { PlaybookDocument } from '../playbooks/playbook.ts';
import { MAX_DURATION_MS } from '../playbooks/playbook-schema.ts';
import type { Severity } from '../vocabulary.ts';
import { KNOWN_ACTIONS, SLOW_ACTIONS } from './known-actions.ts';
import type { Runbook, RunbookFault, RunbookPlaybook, RunbookStep } from './runbook.ts';

const MINUTE_MS = 60_000;

/** One try of what takes hours, in ms: 24 hours, which a disk image of 2 TB takes at 25 MB/s. */
const SLOW_ATTEMPT_MS = 24 * 60 * MINUTE_MS;

/** One try of anything else, in ms: the default of playbooks. */
const ATTEMPT_MS = 30_000;

/** Tries of an action that has the default retries. */
const TRIES = 4;

/** What a run may take besides its tries, in ms: waits between them and read-backs. */
const MARGIN_MS = 10 * MINUTE_MS;

/** Most stages of a playbook. */
const MAX_STAGES = 99;

export interface CompiledRunbook {
  /** Of all its playbooks: each has this id, a point and its severity. */
  readonly id: string;
  readonly playbooks: readonly CompiledSeverity[];
  /** What cannot be a playbook, for its size; the playbook of that severity is left out. */
  readonly faults: readonly RunbookFault[];
}

export interface CompiledSeverity {
  readonly severity: Severity;
  /** Where it stands in the runbook. */
  readonly pointer: string;
  readonly document: PlaybookDocument & { readonly playbookId: string };
  /** Of each action of the document, in its order: the step it is made of. */
  readonly origins: readonly ActionOfStep[];
}

export interface ActionOfStep {
  readonly step: RunbookStep;
  /** True for the action that keeps the artefacts of its step. */
  readonly preserves: boolean;
}

/**
 * The playbook document of each severity that the runbook maps. Steps in sequence are a stage each, a parallel block is
 * one. What a step preserves is an action of its own in the next stage, so that collecting fails and is repeated by
 * itself; the next step does not wait for it. Pure: the same runbook and id give the same documents.
 *
 * @param id used where the metadata has none, for example the name of the file
 */
export function compileRunbook(runbook: Runbook, id = 'runbook'): CompiledRunbook {
  const runbookId = runbook.metadata.id ?? id;
  const playbooks: CompiledSeverity[] = [];
  const faults: RunbookFault[] = [];
  for (const playbook of runbook.playbooks) {
    const actions = actionsOf(playbook);
    const stages = Math.max(...actions.map(({ stage }) => stage));
    if (actions.length > MAX_ACTIONS_PER_EXECUTION || stages > MAX_STAGES) {
      const pointer = `${playbook.pointer}/steps`;
      const detail =
        `It has ${actions.length} actions in ${stages} stages, artefacts counted; ` +
        `at most ${MAX_ACTIONS_PER_EXECUTION} in ${MAX_STAGES} fit. Split it.`;
      faults.push({ rule: 'too-many-steps', pointer, detail, ...runbook.places.value(pointer) });
      continue;
    }
    playbooks.push({
      severity: playbook.severity,
      pointer: playbook.pointer,
      document: documentOf(playbook, actions, runbook, `${runbookId}.${playbook.severity.toLowerCase()}`),
      origins: actions.map(({ step, preserves }) => ({ step, preserves })),
    });
  }
  return { id: runbookId, playbooks, faults };
}

interface StagedAction extends ActionOfStep {
  readonly stage: number;
  readonly actionId: string;
}

function actionsOf({ stages }: RunbookPlaybook): readonly StagedAction[] {
  const ids = idsOf(stages.flat());
  const actions: StagedAction[] = [];
  for (const [index, steps] of stages.entries()) {
    const before = index === 0 ? [] : (stages[index - 1] ?? []);
    const kept = before.filter(({ preserveArtifacts }) => preserveArtifacts.length > 0);
    for (const step of steps) actions.push({ stage: index + 1, step, preserves: false, actionId: idOf(ids, step) });
    for (const step of kept) actions.push(keeping(step, index + 1, ids));
  }
  const last = (stages.at(-1) ?? []).filter(({ preserveArtifacts }) => preserveArtifacts.length > 0);
  for (const step of last) actions.push(keeping(step, stages.length + 1, ids));
  return actions;
}

function keeping(step: RunbookStep, stage: number, ids: ReadonlyMap<RunbookStep, string>): StagedAction {
  return { stage, step, preserves: true, actionId: `${idOf(ids, step)}_artifacts` };
}

/** The step's own id, else its action, numbered from the second one of the same on: other steps do not change it. */
function idsOf(steps: readonly RunbookStep[]): ReadonlyMap<RunbookStep, string> {
  const ids = new Map<RunbookStep, string>();
  const taken = new Set(steps.flatMap(({ id }) => (id === undefined ? [] : [id, `${id}_artifacts`])));
  for (const step of steps) {
    const { word } = step;
    let id = step.id ?? word;
    for (let count = 2; step.id === undefined && (taken.has(id) || taken.has(`${id}_artifacts`)); count += 1) {
      id = `${word}_${count}`;
    }
    taken.add(id).add(`${id}_artifacts`);
    ids.set(step, id);
  }
  return ids;
}

function idOf(ids: ReadonlyMap<RunbookStep, string>, step: RunbookStep): string {
  return ids.get(step) ?? step.word;
}

type ActionDocument = PlaybookDocument['actions'][number];

function documentOf(
  playbook: RunbookPlaybook,
  actions: readonly StagedAction[],
  { metadata }: Runbook,
  playbookId: string,
): CompiledSeverity['document'] {
  const description = playbook.description ?? metadata.description;
  const regimes = [...new Set(metadata.complianceTags.map((tag) => tag.toUpperCase()))];
  const documents = actions.map((action) => (action.preserves ? preserveAction(action) : stepAction(action, regimes)));
  return {
    playbookId,
    name: playbook.name,
    ...(description === undefined ? {} : { description }),
    playbookType: 'RUNBOOK',
    severity: playbook.severity,
    ...(metadata.inputs.length === 0 ? {} : { inputs: [...metadata.inputs] }),
    actions: documents,
    executionTimeoutMs: longestRun(documents),
  };
}

function stepAction({ step, stage, actionId }: StagedAction, regimes: readonly string[]): ActionDocument {
  const { description, target, connector, condition, ttlMinutes } = step;
  return {
    actionId,
    actionType: step.action,
    ...(connector === undefined ? {} : { connector }),
    ...(description === undefined ? {} : { description }),
    stage,
    ...(target === undefined ? {} : { target }),
    // `Json` is the same with read-only lists.
    parameters: { ...step.parameters, ...ownParameters(step, regimes) } as NonNullable<ActionDocument['parameters']>,
    ...(condition === undefined ? {} : { condition }),
    ...approvalOf(step),
    onFailure: ({ halt: 'HALT', continue: 'CONTINUE', rollback: 'COMPENSATE' } as const)[step.onFailure],
    onDenied: 'HALT',
    timeoutMs: attemptMs(step),
    ...(ttlMinutes === undefined ? {} : { ttlMs: ttlMinutes * MINUTE_MS }),
  };
}

function ownParameters({ action, channels, deadlineHours }: RunbookStep, regimes: readonly string[]): JsonObject {
  const regulatory = action === 'NOTIFY_REGULATORY_CONTACT' && regimes.length > 0;
  return {
    ...(channels === undefined ? {} : { channels }),
    ...(deadlineHours === undefined ? {} : { deadlineHours }),
    ...(regulatory ? { regimes } : {}),
  };
}

/** Naming who approves, how many or until when asks for approval, as in playbooks. */
function approvalOf(step: RunbookStep): Pick<ActionDocument, 'requiresApproval' | 'approval'> {
  const { approvers, requiredApprovers, approvalTimeoutMinutes } = step;
  const says = approvers !== undefined || requiredApprovers !== undefined || approvalTimeoutMinutes !== undefined;
  if (!(step.requiresApproval ?? says)) return { requiresApproval: false };
  return {
    requiresApproval: true,
    approval: {
      ...(approvers === undefined ? {} : { roles: [...approvers] }),
      ...(requiredApprovers === undefined ? {} : { requiredApprovers }),
      ...(approvalTimeoutMinutes === undefined ? {} : { timeoutMs: approvalTimeoutMinutes * MINUTE_MS }),
    },
  };
}

/** Collecting that fails stops nothing and takes nothing back: containment stands. */
function preserveAction({ step, stage, actionId }: StagedAction): ActionDocument {
  const ownHost = KNOWN_ACTIONS[step.action].targetType === 'host' ? step.target : undefined;
  const { connector } = step;
  return {
    actionId,
    actionType: 'PRESERVE_ARTIFACTS',
    ...(connector === undefined || ownHost === undefined ? {} : { connector }),
    stage,
    target: step.artifactHost ?? ownHost ?? '{{event.host_id}}',
    parameters: { paths: [...step.preserveArtifacts] },
    requiresApproval: false,
    onFailure: 'CONTINUE',
    onDenied: 'HALT',
    timeoutMs: SLOW_ATTEMPT_MS,
  };
}

function attemptMs({ action, timeoutMinutes }: RunbookStep): number {
  if (timeoutMinutes !== undefined) return timeoutMinutes * MINUTE_MS;
  return SLOW_ACTIONS.has(action) ? SLOW_ATTEMPT_MS : ATTEMPT_MS;
}

/** All stages with all their tries; at most the longest that a playbook may take. */
function longestRun(actions: readonly ActionDocument[]): number {
  const stages = new Map<number, number>();
  for (const { stage = 1, timeoutMs = ATTEMPT_MS } of actions) {
    stages.set(stage, Math.max(stages.get(stage) ?? 0, timeoutMs * TRIES));
  }
  const sum = [...stages.values()].reduce((total, ms) => total + ms, MARGIN_MS);
  return Math.min(sum, MAX_DURATION_MS);
}
