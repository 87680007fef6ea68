import { canonicalJson } from '../../platform/canonical-json.ts';
import type { Requirement } from '../playbooks/plan.ts';
import type { RoleName } from '../vocabulary.ts';
import { placesOf } from './places.ts';
import type { Policy, PolicyGate } from './policy.ts';

/** A version of a policy, with the organisation's roles that it means. */
export interface PolicyVersion {
  readonly policy: Policy;
  readonly customRoles?: readonly RoleName[];
}

/** A gate as it works: the policy's part in it, and its places, filled in. */
interface Gate {
  readonly gate: PolicyGate;
  readonly fallback: Policy['fallbackBehavior'];
  /** One entry for each person who is needed, in canonical text. */
  readonly places: readonly string[];
}

/** From the most to the least careful. */
const CAREFUL_FIRST: readonly Policy['fallbackBehavior'][] = ['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'];

/**
 * What a change takes away, a sentence each; none: every gate that asked before has one after it that asks wherever it did, for the
 * same people or these and more, no longer and no less carefully, and that answers by itself in no other case. Whatever cannot be
 * proven to be no weaker counts as weaker: other roles, other people in them, other stand-ins, another text of a condition.
 *
 * Each gate is judged on its own, as `combineGates` promises to fulfil each on its own. A gate that is new asks in addition, so
 * it takes nothing away; only one that lets silence allow could end the wait of others sooner.
 *
 * @param before null: there was no policy.
 */
export function weakenings(before: PolicyVersion | null, after: PolicyVersion): readonly string[] {
  const [were, are] = [before === null ? [] : gatesOf(before), gatesOf(after)];
  const lost = were.flatMap((gate) => lossesOf(gate, are));
  const allowing = are.filter((gate) => gate.fallback === 'ALLOW_ACTION' && !were.some((old) => keeps(old, gate)));
  return [...lost, ...allowing.map(({ gate }) => `the gate "${gate.gateName}" allows when nobody answers`)];
}

/** The gates that ask for anything. */
function gatesOf({ policy, customRoles = [] }: PolicyVersion): readonly Gate[] {
  if (!policy.enabled) return [];
  return policy.policyGates
    .filter((gate) => gate.requiresApproval)
    .map((gate) => ({
      gate,
      fallback: gate.fallbackBehavior ?? policy.fallbackBehavior,
      places: placesOf(gate, customRoles).flatMap(peopleOf),
    }));
}

function peopleOf({ k, ...place }: Requirement): readonly string[] {
  return Array.from({ length: k }, () => canonicalJson(place));
}

function keeps(before: Gate, after: Gate): boolean {
  return differences(before, after).length === 0;
}

/** Why none of the gates asks for at least as much: of the one with the same name, which is what its author will look at. */
function lossesOf(before: Gate, gates: readonly Gate[]): readonly string[] {
  if (gates.some((gate) => keeps(before, gate))) return [];
  const { gateName } = before.gate;
  const namesake = gates.find(({ gate }) => gate.gateName === gateName);
  if (namesake === undefined) return [`the gate "${gateName}" does not ask any more`];
  return differences(before, namesake).map((what) => `the gate "${gateName}" ${what}`);
}

/** In which ways `after` may be weaker than `before`. */
function differences(before: Gate, after: Gate): readonly string[] {
  const [old, now] = [before.gate, after.gate];
  const judged: readonly (readonly [boolean, string])[] = [
    [isAsWide(old, now), 'asks in fewer cases, or in others'],
    [now.requiredApprovers >= old.requiredApprovers, 'asks fewer people'],
    [includes(after.places, before.places), 'asks other people, or lets others stand in'],
    [isAsSoon(before, after), 'waits longer, or allows sooner'],
    [careOf(after) <= careOf(before), `does ${after.fallback} when nobody answers, not ${before.fallback}`],
    [isSubset(now.autoApproveConditions ?? [], old.autoApproveConditions ?? []), 'answers by itself in more cases'],
    [isSubset(old.autoDenyConditions ?? [], now.autoDenyConditions ?? []), 'denies by itself in fewer cases'],
    [old.requirePasskey !== true || now.requirePasskey === true, 'needs no passkey any more'],
    [isHeardAsWell(old, now), 'does not ask the same service, or its silence does less'],
    [sameText(old.channels ?? [], now.channels ?? []), 'asks over other channels'],
  ];
  return judged.flatMap(([holds, what]) => (holds ? [] : [what]));
}

/** Whether `now` applies wherever `old` does. */
function isAsWide({ triggers: old }: PolicyGate, { triggers: now }: PolicyGate): boolean {
  return (
    isAsOpen(old.riskLevels, now.riskLevels) &&
    isAsOpen(old.actionTypes, now.actionTypes) &&
    isAsOpen(old.playbookIds, now.playbookIds) &&
    (now.condition === undefined || now.condition === old.condition)
  );
}

/** An absent or empty list leaves the choice open. */
function isAsOpen(old: readonly string[] = [], now: readonly string[] = []): boolean {
  return now.length === 0 || (old.length > 0 && isSubset(old, now));
}

/** Silence that ends sooner is stricter, unless it allows. */
function isAsSoon({ gate: old }: Gate, { gate: now, fallback }: Gate): boolean {
  if (now.approvalTimeoutMs === old.approvalTimeoutMs) return true;
  return now.approvalTimeoutMs < old.approvalTimeoutMs && fallback !== 'ALLOW_ACTION';
}

function careOf({ fallback }: Pick<Gate, 'fallback'>): number {
  return CAREFUL_FIRST.indexOf(fallback);
}

/** Whether the service that was asked is asked still, and its silence ends no less carefully. One more can only object. */
function isHeardAsWell({ externalApproval: old }: PolicyGate, { externalApproval: now }: PolicyGate): boolean {
  if (old === undefined) return true;
  if (now?.service !== old.service) return false;
  return careOf({ fallback: now.fallbackBehavior }) <= careOf({ fallback: old.fallbackBehavior });
}

/** Whether all of `few`, each as often as it stands there, are among `many`. */
function includes(many: readonly string[], few: readonly string[]): boolean {
  const left = [...many];
  return few.every((each) => {
    const index = left.indexOf(each);
    if (index < 0) return false;
    left.splice(index, 1);
    return true;
  });
}

function isSubset(few: readonly string[], many: readonly string[]): boolean {
  return few.every((each) => many.includes(each));
}

function sameText(left: readonly string[], right: readonly string[]): boolean {
  return [...left].sort().join() === [...right].sort().join();
}
