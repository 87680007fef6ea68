import { contentHash } from '../../platform/hash.ts';
import type { ActionTarget, JsonObject } from '../actions/contract.ts';
import type { PlanGate } from '../playbooks/plan.ts';
import type { ActionType } from '../vocabulary.ts';

/** Exactly what a vote is about. Anything that changes here voids the votes given before. */
export interface Intent {
  readonly executionId: string;
  readonly playbookId: string;
  readonly playbookVersion: number;
  readonly actions: readonly IntentAction[];
  readonly gates: readonly PlanGate[];
  /** The text of a question, or null for a gate. */
  readonly question: string | null;
  /** Business time after which the approval is void, ms since 1970. */
  readonly expiresAt: number;
}

export interface IntentAction {
  readonly actionId: string;
  readonly actionType: ActionType;
  readonly connector: string;
  /** Resolved; of a fan-out, every subject. The order does not matter. */
  readonly targets: readonly ActionTarget[];
  /** Parameters as they are sent; of a fan-out, the templates that each subject fills. */
  readonly parameters: JsonObject;
}

/**
 * SHA-256 (hexadecimal) of the canonical JSON of the intent. Order of actions, targets and gates does not matter;
 * a gate counts by source, version and name, so that an edited policy is another intent.
 *
 * @throws NotCanonicalError when parameters hold what a record may not hold (floats, lone surrogates).
 */
export function intentHash(intent: Intent): string {
  return contentHash({
    intentVersion: 1,
    executionId: intent.executionId,
    playbookId: intent.playbookId,
    playbookVersion: intent.playbookVersion,
    actions: sorted(intent.actions.map(actionOf)),
    gates: sorted(intent.gates.map(gateOf)),
    question: intent.question,
    expiresAt: intent.expiresAt,
  });
}

/** What it needs beside votes is part of it where it needs something. */
function gateOf({ source, version, gateName, requirePasskey }: PlanGate): JsonObject {
  return { source, version, gateName, ...(requirePasskey === true ? { requirePasskey } : {}) };
}

function actionOf(action: IntentAction): JsonObject {
  return {
    actionId: action.actionId,
    actionType: action.actionType,
    connector: action.connector,
    targets: sorted(action.targets.map(({ type, id }) => ({ type, id }))),
    parameters: action.parameters,
  };
}

/** By content hash: any total order that does not depend on the input's order serves. */
function sorted(values: readonly JsonObject[]): readonly JsonObject[] {
  return values
    .map((value) => ({ value, hash: contentHash(value) }))
    .sort((left, right) => (left.hash < right.hash ? -1 : left.hash > right.hash ? 1 : 0))
    .map(({ value }) => value);
}
