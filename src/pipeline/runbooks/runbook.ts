import type { z } from 'zod';
import type { JsonObject } from '../../platform/canonical-json.ts';
import { memberPointer } from '../../platform/json-pointer.ts';
import { actionTypeOf } from '../actions/registry.ts';
import {
  readPlaced,
  type PlacedDocument,
  type PlacedFault,
  type Place,
  type Places,
} from '../playbooks/placed-document.ts';
import { SEVERITIES, type ActionType, type CHANNELS, type Role, type Severity } from '../vocabulary.ts';
import { TELLING_ACTIONS } from './known-actions.ts';
import { rollbackFault } from './rollback.ts';
import { schemaFaults } from './schema-faults.ts';
import { runbookSchema, type ON_FAILURE, type stepSchema } from './runbook-schema.ts';

/** A runbook as it was written, in one spelling, with the place of each of its parts. */
export interface Runbook {
  readonly metadata: RunbookMetadata;
  /** One for each severity that is mapped, lowest first. */
  readonly playbooks: readonly RunbookPlaybook[];
  readonly places: Places;
}

export interface RunbookMetadata {
  readonly id?: string;
  readonly name?: string;
  readonly description?: string;
  readonly version?: string;
  readonly lastUpdated?: string;
  readonly owner?: string;
  /** As written. */
  readonly complianceTags: readonly string[];
  readonly inputs: readonly string[];
  /** Empty: any. */
  readonly sources: readonly string[];
}

export interface RunbookPlaybook {
  readonly severity: Severity;
  /** Where it stands, for example `/playbooks/critical`. */
  readonly pointer: string;
  readonly name: string;
  readonly description?: string;
  /** In order; the steps of one start together. */
  readonly stages: readonly (readonly RunbookStep[])[];
}

export type Channel = (typeof CHANNELS)[number];

export interface RunbookStep {
  /** Where it stands, for example `/playbooks/critical/steps/2/parallel/0`. */
  readonly pointer: string;
  readonly id?: string;
  readonly action: ActionType;
  /** The action as it was written, in lower case. */
  readonly word: string;
  readonly description?: string;
  readonly target?: string;
  readonly connector?: string;
  readonly parameters: JsonObject;
  readonly condition?: string;
  /** Null: not said. */
  readonly requiresApproval: boolean | null;
  readonly approvers?: readonly Role[];
  readonly requiredApprovers?: number;
  readonly approvalTimeoutMinutes?: number;
  readonly rollback?: string;
  readonly onFailure: (typeof ON_FAILURE)[number];
  readonly preserveArtifacts: readonly string[];
  readonly artifactHost?: string;
  readonly channels?: readonly Channel[];
  readonly deadlineHours?: number;
  readonly ttlMinutes?: number;
  readonly timeoutMinutes?: number;
}

export type RunbookFault = PlacedFault;

/** Places and document are known also where the text is no runbook. */
export type ReadRunbook = ({ readonly value: Runbook } | { readonly faults: readonly RunbookFault[] }) &
  Pick<PlacedDocument, 'places' | 'document'>;

type WrittenStep = z.output<typeof stepSchema>;

/**
 * Reads a runbook from YAML or JSON. Refused, all faults at once and each with rule, pointer, line and column:
 * everything that `readPlaced` refuses, unknown and missing members, wrong types, a severity that is mapped twice, a
 * `rollback` that does not name the inverse of its action, and members that contradict each other. Never throws.
 */
export function readRunbook(text: string, format: 'yaml' | 'json'): ReadRunbook {
  const { value, faults, places, document } = readPlaced(text, format);
  if (value === undefined) return { faults, places, document };
  const parsed = runbookSchema.safeParse(value);
  if (!parsed.success) return { faults: schemaFaults(parsed.error, value, places), places, document };
  const runbook = toRunbook(parsed.data, places);
  const wrong = contradictions(runbook);
  return wrong.length > 0 ? { faults: wrong, places, document } : { value: runbook, places, document };
}

function toRunbook(written: z.output<typeof runbookSchema>, places: Places): Runbook {
  const { metadata = {}, playbooks } = written;
  const { last_updated: lastUpdated, compliance_tags: complianceTags = [], ...rest } = metadata;
  const { inputs = [], sources = [], ...named } = rest;
  const mapped = Object.entries(playbooks).flatMap(([word, playbook]) => {
    const severity = SEVERITIES.find((each) => each === word.toUpperCase());
    if (playbook === undefined || severity === undefined) return [];
    const pointer = memberPointer('/playbooks', word);
    const stages = playbook.steps.map((step, index) => stageOf(step, `${pointer}/steps/${index}`));
    const { name, description } = playbook;
    return [{ severity, pointer, name, ...(description === undefined ? {} : { description }), stages }];
  });
  return {
    metadata: { ...named, ...(lastUpdated === undefined ? {} : { lastUpdated }), complianceTags, inputs, sources },
    playbooks: mapped.sort((left, right) => SEVERITIES.indexOf(left.severity) - SEVERITIES.indexOf(right.severity)),
    places,
  };
}

function stageOf(
  step: WrittenStep | { readonly parallel: readonly WrittenStep[] },
  pointer: string,
): readonly RunbookStep[] {
  if (!('parallel' in step)) return [stepOf(step, pointer)];
  return step.parallel.map((inner, index) => stepOf(inner, `${pointer}/parallel/${index}`));
}

function stepOf(written: WrittenStep, pointer: string): RunbookStep {
  const { action, approvers, channels, on_failure: onFailure = 'halt', parameters = {} } = written;
  return {
    pointer,
    ...given('id', written.id),
    action: typeOf(action),
    word: action.toLowerCase(),
    ...given('description', written.description),
    ...given('target', written.target),
    ...given('connector', written.connector),
    parameters: parameters as JsonObject, // read by `checkJson` before
    ...given('condition', written.condition),
    requiresApproval: written.requires_approval ?? null,
    ...(approvers === undefined ? {} : { approvers: upper<Role>(approvers) }),
    ...given('requiredApprovers', written.required_approvers),
    ...given('approvalTimeoutMinutes', written.approval_timeout_minutes),
    ...given('rollback', written.rollback),
    onFailure,
    preserveArtifacts: written.preserve_artifacts ?? [],
    ...given('artifactHost', written.artifact_host),
    ...(channels === undefined ? {} : { channels: upper<Channel>(channels) }),
    ...given('deadlineHours', written.deadline_hours),
    ...given('ttlMinutes', written.ttl_minutes),
    ...given('timeoutMinutes', written.timeout_minutes),
  };
}

/** A member that is there exactly when it has a value. */
function given<Name extends string, T>(name: Name, value: T | undefined): { readonly [key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in Name]: T }); // the name is the only member
}

/** Either spelling as the stored one; which words there are was checked by the schema. */
function upper<T extends string>(words: readonly string[]): readonly T[] {
  return [...new Set(words.map((word) => word.toUpperCase()))] as T[];
}

function typeOf(action: string): ActionType {
  const type = actionTypeOf(action);
  if (type === null) throw new Error(`invariant broken: ${action} is in the schema and in no vocabulary`);
  return type;
}

function contradictions(runbook: Runbook): readonly RunbookFault[] {
  return [
    ...mappedTwice(runbook),
    ...runbook.playbooks.flatMap((playbook) => playbookFaults(playbook, runbook.places)),
  ];
}

function mappedTwice({ playbooks, places }: Runbook): readonly RunbookFault[] {
  return playbooks.flatMap(({ severity, pointer }, index) => {
    if (playbooks.findIndex((other) => other.severity === severity) === index) return [];
    const detail = `${severity} is mapped twice, in two spellings; keep one of them.`;
    return [{ rule: 'duplicate-key', pointer, detail, ...(places.key(pointer) ?? places.value(pointer)) }];
  });
}

function playbookFaults({ stages }: RunbookPlaybook, places: Places): readonly RunbookFault[] {
  const steps = stages.flat();
  const faults: RunbookFault[] = [];
  const add = (rule: string, pointer: string, detail: string, place: Place | null = null): void => {
    faults.push({ rule, pointer, detail, ...(place ?? places.value(pointer)) });
  };
  for (const [index, step] of steps.entries()) {
    const { pointer, id } = step;
    if (id !== undefined && steps.findIndex((other) => other.id === id) < index) {
      add('duplicate-id', `${pointer}/id`, `${id} is already the id of another step; choose another.`);
    }
    const rollback = rollbackFault(step, steps);
    if (rollback !== null) add(rollback.rule, `${pointer}/rollback`, rollback.detail);
    for (const { rule, member, detail } of misplaced(step)) {
      add(rule, `${pointer}/${member}`, detail, places.key(`${pointer}/${member}`));
    }
  }
  return faults;
}

/** Members that say nothing about this action, or contradict another member of the step. */
function misplaced(
  step: RunbookStep,
): readonly { readonly rule: string; readonly member: string; readonly detail: string }[] {
  const rule = 'misplaced-member';
  const { word } = step;
  const tells = TELLING_ACTIONS.has(step.action);
  const found: { readonly rule: string; readonly member: string; readonly detail: string }[] = [];
  if (step.channels !== undefined && !tells) {
    found.push({ rule, member: 'channels', detail: `${word} tells nobody; remove channels.` });
  }
  if (step.deadlineHours !== undefined && step.action !== 'NOTIFY_REGULATORY_CONTACT') {
    const detail = `Only notify_regulatory_contact has a deadline_hours; ${word} has none. Remove it.`;
    found.push({ rule, member: 'deadline_hours', detail });
  }
  if (step.artifactHost !== undefined && step.preserveArtifacts.length === 0) {
    found.push({ rule, member: 'artifact_host', detail: 'Nothing is preserved here; remove artifact_host.' });
  }
  if (step.requiresApproval === false) {
    for (const [member, value] of [
      ['approvers', step.approvers],
      ['required_approvers', step.requiredApprovers],
      ['approval_timeout_minutes', step.approvalTimeoutMinutes],
    ] as const) {
      if (value === undefined) continue;
      const detail = `requires_approval is false; remove ${member} or set requires_approval to true.`;
      found.push({ rule: 'approval-contradiction', member, detail });
    }
  }
  for (const member of ['channels', 'deadlineHours', 'regimes']) {
    if (!tells || !Object.hasOwn(step.parameters, member)) continue;
    const detail = `${member} is made of the step's own members and of compliance_tags; remove it here.`;
    found.push({ rule, member: `parameters/${member}`, detail });
  }
  return found;
}
