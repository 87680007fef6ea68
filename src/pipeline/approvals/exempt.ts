import { contentHash } from '../../platform/hash.ts';
import { canonicalAccount } from '../access/identities.ts';
import type { ActionTarget } from '../actions/contract.ts';
import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { GateQuery } from '../playbooks/bind.ts';
import { evaluateCondition } from '../playbooks/conditions.ts';
import type { GateExemption, PlanGate } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import type { PolicyGate, PolicyInForce } from './policy.ts';

/** What an exemption is judged by when its gate would ask. */
export interface Circumstances {
  /** Business time, ms since 1970. */
  readonly at: number;
  readonly targets: readonly ActionTarget[];
  /** Who asked for it: a user id, or `engine`. */
  readonly requester: string;
  /** Who made the key with which it was asked for. Absent: nobody else than the requester. */
  readonly keyMaker?: string;
  /** Accounts that the incident is about. */
  readonly subjectIds: readonly string[];
  /** Ids of exemptions that somebody has revoked since the plan was made. */
  readonly revoked: readonly string[];
}

/**
 * The first exemption, in the order of ids, that stands in for the people of the gate, or null: then they are asked. One
 * that has ended or was revoked does not count, nor one whose condition is false or cannot be decided, nor one for certain
 * users where something else is among the targets.
 *
 * What two people agreed on in advance is worth what their votes would be: it does not count for what one of them asked
 * for, nor where it is about an account of one of them.
 *
 * @param values null where conditions cannot be decided.
 */
export function exemptionFrom(
  { exemptions = [] }: PlanGate,
  values: ExpressionValues | null,
  circumstances: Circumstances,
): GateExemption | null {
  return exemptions.find((exemption) => counts(exemption, values, circumstances)) ?? null;
}

function counts(exemption: GateExemption, values: ExpressionValues | null, circumstances: Circumstances): boolean {
  const { at, targets, requester, keyMaker = requester, subjectIds, revoked } = circumstances;
  const { id, accounts, expiresAt, userIds, condition } = exemption;
  if (at >= expiresAt || revoked.includes(id)) return false;
  const concerned = [requester, keyMaker, ...subjectIds, ...targets.map((target) => target.id)].map(canonicalAccount);
  if (concerned.some((account) => accounts.includes(account))) return false;
  if (userIds !== undefined && !isForAll(userIds, targets)) return false;
  if (condition === undefined) return true;
  const result = values === null ? null : evaluateCondition(condition, { ...values, results: {} });
  return result !== null && 'value' in result && result.value;
}

function isForAll(userIds: readonly string[], targets: readonly ActionTarget[]): boolean {
  if (targets.length === 0) return false;
  return targets.every(({ type, id }) => type === 'user' && userIds.includes(canonicalAccount(id)));
}

/**
 * The exemptions from a gate that may count for such an action, as the plan keeps them: by id. None from a gate that reads
 * otherwise than it did when two people agreed.
 */
export function exemptionsFor(
  exemptions: readonly ExemptionInForce[],
  { policyId }: PolicyInForce,
  gate: PolicyGate,
  { actionType, playbookId }: Pick<GateQuery, 'actionType' | 'playbookId'>,
): readonly GateExemption[] {
  return exemptions
    .filter((each) => each.policyId === policyId && each.gateName === gate.gateName)
    .filter((each) => each.playbookIds?.includes(playbookId) ?? true)
    .filter((each) => each.actionTypes?.includes(actionType) ?? true)
    .filter((each) => each.gateHash === gateHash(gate))
    .sort((left, right) => (left.id < right.id ? -1 : 1))
    .map(
      ({
        policyId: _policy,
        gateName: _gate,
        gateHash: _hash,
        playbookIds: _playbooks,
        actionTypes: _types,
        ...kept
      }) => kept,
    );
}

/** Policies in force stay the same objects until one is saved. */
const HASHES = new WeakMap<PolicyGate, string>();

/** Content hash of the gate as it reads: whoever agrees to an exemption has seen this gate and no other. */
export function gateHash(gate: PolicyGate): string {
  const hash = HASHES.get(gate) ?? contentHash(gate);
  HASHES.set(gate, hash);
  return hash;
}

/** The gates of a policy in force, as exemptions name them; null when no policy in force has the id. */
export function namedGates(
  policies: readonly PolicyInForce[],
  policyId: string,
): {
  readonly version: number;
  readonly gates: readonly {
    readonly gateId: string | null;
    readonly gateName: string;
    readonly gateHash: string;
    readonly requirePasskey?: boolean;
  }[];
} | null {
  const found = policies.find((each) => each.policyId === policyId);
  if (found === undefined) return null;
  const { version, policy } = found;
  return {
    version,
    gates: policy.policyGates.map((gate) => ({
      gateId: gate.gateId ?? null,
      gateName: gate.gateName,
      gateHash: gateHash(gate),
      ...(gate.requirePasskey === true ? { requirePasskey: true } : {}),
    })),
  };
}
