import { canonicalJson } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { PlanGate, Requirement, StandIn } from '../playbooks/plan.ts';
import type { RoleName } from '../vocabulary.ts';

/** What one approval must fulfil so that every gate that asked for it is fulfilled. */
export interface CombinedGate {
  /** Disjoint places: see `Approval.requirements`. */
  readonly requirements: readonly Requirement[];
  readonly requiredApprovers: number;
  readonly timeoutMs: number;
  readonly fallbackBehavior: PlanGate['fallbackBehavior'];
  readonly escalationPath: PlanGate['escalationPath'];
  readonly requirePasskey: boolean;
}

/** From the most to the least careful. */
const CAREFUL_FIRST = ['DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'] as const;

/**
 * The strictest of each: the union of the requirements, the highest number of people, the shortest time, the most
 * careful fallback, all steps of the escalation paths, a passkey where one of them needs it. Whoever fulfils the result fulfils each gate on its own. The
 * order of the gates does not matter.
 *
 * Places of two gates are one place only where whoever may fill the one may fill the other (the narrower stays): asked once
 * for "an admin" and once for "an admin or a commander", one admin answers both. Otherwise they are different
 * people, so `requiredApprovers` is at least the number of places. Who stands in after an escalation stands in for a place of
 * both gates only where both let them, and as late as the later one does.
 *
 * @throws Error when `gates` is empty: then nothing is asked, and there is nothing to combine.
 */
export function combineGates(gates: readonly PlanGate[]): CombinedGate {
  const [first, ...others] = [...gates].sort(byIdentity);
  invariant(first !== undefined, 'there is no gate to combine');
  const all = [first, ...others];
  const places = all.map(placesOf).reduce(mergePlaces);
  return {
    requirements: asRequirements(places),
    requiredApprovers: Math.max(places.length, ...all.map((gate) => gate.requiredApprovers)),
    timeoutMs: Math.min(...all.map((gate) => gate.timeoutMs)),
    fallbackBehavior: CAREFUL_FIRST.find((each) => all.some((gate) => gate.fallbackBehavior === each)) ?? 'DENY_ACTION',
    escalationPath: escalationOf(all),
    requirePasskey: all.some((gate) => gate.requirePasskey === true),
  };
}

/** One person who is needed. Roles, names and stand-ins are sorted. */
type Place = Omit<Requirement, 'k'>;

function placesOf(gate: PlanGate): readonly Place[] {
  return gate.requirements.flatMap(({ k, roles, ...place }) =>
    Array.from({ length: k }, () => ({ ...place, roles: [...new Set(roles)].sort() })),
  );
}

/**
 * Pairs as many places of two gates as can be served by one person (who may fill one may fill the other), the narrower of
 * each pair staying. Since every place of either gate is a pair of its own or stands alone, whoever fills the result
 * with different people fills both gates with different people.
 */
function mergePlaces(left: readonly Place[], right: readonly Place[]): readonly Place[] {
  const partner = new Map<number, number>();
  for (const index of right.keys()) pair(left, right, index, partner, new Set());
  const taken = new Set(partner.values());
  const merged = left.map((place, index) => {
    const other = right[partner.get(index) ?? -1];
    return other === undefined ? place : narrower(place, other);
  });
  return [...merged, ...right.filter((_, index) => !taken.has(index))].sort((a, b) => compareTexts(keyOf(a), keyOf(b)));
}

/** Augmenting path: gives `right[index]` a partner in `left`, moving others where needed. */
function pair(
  left: readonly Place[],
  right: readonly Place[],
  index: number,
  partner: Map<number, number>,
  tried: Set<number>,
): boolean {
  const wanted = right[index];
  if (wanted === undefined) return false;
  // Equal places first, so that a narrow place is not spent on a wide one without need.
  const candidates = [...left.keys()].sort(
    (a, b) => Number(equalAt(left, b, wanted)) - Number(equalAt(left, a, wanted)),
  );
  for (const candidate of candidates) {
    const place = left[candidate];
    if (place === undefined || tried.has(candidate) || !comparable(place, wanted)) continue;
    tried.add(candidate);
    const present = partner.get(candidate);
    if (present === undefined || pair(left, right, present, partner, tried)) {
      partner.set(candidate, index);
      return true;
    }
  }
  return false;
}

function equalAt(places: readonly Place[], index: number, wanted: Place): boolean {
  const place = places[index];
  return place !== undefined && keyOf(place) === keyOf(wanted);
}

function comparable(left: Place, right: Place): boolean {
  return contains(left, right) || contains(right, left);
}

/** Whether everybody who may fill `narrow` without an escalation may fill `wide`. */
function contains(wide: Place, narrow: Place): boolean {
  return narrow.roles.every((role) => wide.roles.includes(role) && containsPeople(wide, narrow, role));
}

function containsPeople(wide: Place, narrow: Place, role: RoleName): boolean {
  const allowed = wide.users?.[role];
  if (allowed === undefined) return true;
  return narrow.users?.[role]?.every((user) => allowed.includes(user)) ?? false;
}

function narrower(left: Place, right: Place): Place {
  const { roles, users } = contains(left, right) ? right : left;
  const standIns = sharedStandIns(left, right);
  const human = left.human || right.human;
  const services = human ? [] : (left.services ?? []).filter((service) => right.services?.includes(service));
  return {
    roles,
    human,
    ...(services.length === 0 ? {} : { services }),
    ...(users === undefined ? {} : { users }),
    ...(standIns.length === 0 ? {} : { standIns }),
  };
}

/** Who may stand in for both, each from the later of the two times. */
function sharedStandIns(left: Place, right: Place): readonly StandIn[] {
  const later = new Map<string, StandIn>();
  for (const each of [...(left.standIns ?? []), ...(right.standIns ?? [])]) {
    const afterMs = Math.max(entersAfter(left, each), entersAfter(right, each));
    if (Number.isFinite(afterMs)) later.set(`${each.who} ${each.id}`, { who: each.who, id: each.id, afterMs });
  }
  return [...later.values()].sort(byWho);
}

/** When somebody may fill the place: 0 for whoever needs no escalation, infinite for whoever never may. */
function entersAfter({ roles, users, standIns = [] }: Place, { who, id }: StandIn): number {
  if (who === 'role' && roles.some((role) => role === id && users?.[role] === undefined)) return 0;
  return standIns.find((each) => each.who === who && each.id === id)?.afterMs ?? Infinity;
}

function byWho(left: StandIn, right: StandIn): number {
  return left.afterMs - right.afterMs || compareTexts(left.who, right.who) || compareTexts(left.id, right.id);
}

function asRequirements(places: readonly Place[]): readonly Requirement[] {
  const requirements = new Map<string, Requirement>();
  for (const place of places) {
    const key = keyOf(place);
    requirements.set(key, { ...place, k: (requirements.get(key)?.k ?? 0) + 1 });
  }
  return [...requirements.values()];
}

function escalationOf(gates: readonly PlanGate[]): PlanGate['escalationPath'] {
  const steps = new Map(
    gates
      .flatMap((gate) => gate.escalationPath)
      .map((step) => [`${step.delayMs} ${step.level} ${step.escalateTo}`, step]),
  );
  return [...steps.values()].sort(
    (a, b) => a.delayMs - b.delayMs || a.level - b.level || compareTexts(a.escalateTo, b.escalateTo),
  );
}

function byIdentity(left: PlanGate, right: PlanGate): number {
  return (
    compareTexts(left.source, right.source) ||
    left.version - right.version ||
    compareTexts(left.gateName, right.gateName) ||
    compareTexts(JSON.stringify(placesOf(left)), JSON.stringify(placesOf(right)))
  );
}

function keyOf({ roles, human, services = [], users, standIns }: Place): string {
  const plain = [roles.join('|'), human ? 'human' : 'any', ...services].join(' ');
  return users === undefined && standIns === undefined ? plain : `${plain} ${canonicalJson({ users, standIns })}`;
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
