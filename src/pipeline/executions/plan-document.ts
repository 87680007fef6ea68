import { contentHash } from '../../platform/hash.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Snapshot } from './core/inputs.ts';
import { previewOf, type PreviewedRun } from './preview.ts';
import type { NewExecution } from './runner.ts';

/** Stands for the incident in a plan: it has its id only when the plan is executed, and derives it from the plan's hash. */
export const PLANNED_INCIDENT = 'planned';

/** What a plan is made from; the same again, under the same playbooks, policies and guards, gives the same plan. */
export interface PlanInput {
  readonly playbookId: string;
  /** The user that it is for, in canonical form. */
  readonly userId: string;
  readonly triggerEvent: JsonObject;
  readonly context: JsonObject;
  /** What tells two plans of the same apart, a ticket for example, because a plan is executed once; null: nothing. */
  readonly reference: string | null;
}

/** What would be done, and its SHA-256: what people look at, keep, and execute exactly. */
export interface PlanDocument {
  readonly document: JsonObject;
  /** SHA-256 of the document's canonical JSON, hexadecimal. */
  readonly sha256: string;
}

/**
 * The plan of an execution that would start now. It holds no time, no random id and nothing of who is on call, so it is the
 * same, byte for byte, until something that it depends on changes: then its hash is another one, and executing it is refused.
 */
export function planDocument(
  journalId: string,
  input: PlanInput,
  execution: NewExecution,
  run: PreviewedRun,
): PlanDocument {
  const { plan, start } = execution;
  const document = {
    planFormat: 1,
    journalId,
    input: { ...input },
    name: plan.name,
    riskLevel: start.riskLevel,
    ...previewOf(plan, contentHash(plan), start.snapshot, run),
  };
  return { document, sha256: contentHash(document) };
}

/** The snapshot of an execution that runs a plan: everybody who is asked can see which. */
export function withPlan(snapshot: Snapshot, planSha256: string): Snapshot {
  return { ...snapshot, planSha256 };
}
