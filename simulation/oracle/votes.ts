import type { Approval } from '../../src/pipeline/approvals/approval.ts';
import type { PlanGate, Requirement } from '../../src/pipeline/playbooks/plan.ts';
import type { VoteInput } from '../../src/pipeline/executions/core/inputs.ts';

/** The oracle's own count of one approval: from the votes as they were handed in, not from what was made of them. */
export interface Tally {
  readonly approval: Approval;
  readonly people: Person[];
  /** Steps that were taken, and the delay of the last one; -1 before the first. */
  steps: number;
  escalatedMs: number;
  verdict: 'pending' | 'approved' | 'denied';
  /** What services outside said, by name. */
  readonly heard: Map<string, 'approved' | 'denied' | 'none'>;
  /** Where nothing may stand in for a person. */
  readonly peopleOnly: boolean;
}

interface Person {
  readonly account: string;
  readonly names: ReadonlySet<string>;
  readonly roles: readonly string[];
  readonly service?: string;
}

/** Counts a vote in, if it may count; answers whether it did. */
export function countVote(tally: Tally, vote: VoteInput): boolean {
  const { people } = tally;
  if (tally.verdict !== 'pending' || !admissible(tally, vote)) return false;
  const names = namesOf(vote);
  if (people.some((person) => meets(person.names, names))) return false;
  if (vote.decision === 'DENY') {
    tally.verdict = 'denied';
    return true;
  }
  people.push({ account: vote.voter.userId, names, roles: vote.voter.roles });
  if (isQuorum(tally)) tally.verdict = 'approved';
  return true;
}

function admissible({ approval, escalatedMs }: Tally, vote: VoteInput): boolean {
  const { voter, intentHash, at } = vote;
  if (voter.kind !== 'person' || voter.disabled) return false;
  if (intentHash !== approval.intentHash || at >= approval.expiresAt) return false;
  const excluded = new Set([approval.requester, ...approval.subjectIds, ...approval.authorIds]);
  if ([voter.userId, ...voter.linkedAccounts].some((name) => excluded.has(name))) return false;
  const person = { account: voter.userId, names: namesOf(vote), roles: voter.roles };
  return approval.requirements.some((place) => maySit(place, person, escalatedMs));
}

function namesOf({ voter }: VoteInput): ReadonlySet<string> {
  return new Set([voter.userId, ...voter.linkedAccounts]);
}

function meets(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return [...right].some((name) => left.has(name));
}

/** Enough people for the request as a whole and for each gate that asked, taken by itself; and whoever has to be heard was. */
export function isQuorum(tally: Tally): boolean {
  const { approval, people, escalatedMs } = tally;
  if (approval.gates.some((gate) => isAwaited(tally, gate))) return false;
  const asked = [approval, ...approval.gates];
  return asked.every(({ requiredApprovers, requirements }) => {
    const services = servicesFor(tally, requirements);
    const all = [...people, ...services];
    return all.length >= requiredApprovers && canSeat(placesOf(requirements), all, escalatedMs);
  });
}

/** A service that may not sit in the place that its gate, or the request as a whole, has for it could still object. */
function isAwaited({ approval, heard, peopleOnly }: Tally, { external, requirements }: PlanGate): boolean {
  if (external === undefined || heard.has(external.service)) return false;
  const sits = (places: readonly Requirement[]) => places.some((place) => takesService(place, external.service));
  const everywhere = approval.gates.filter((gate) => gate.external?.service === external.service);
  const all = [approval.requirements, requirements, ...everywhere.map((gate) => gate.requirements)];
  return peopleOnly || !all.every(sits);
}

function takesService({ human, services }: Requirement, service: string): boolean {
  return !human && services?.includes(service) === true;
}

/** Those that approved, or whose silence may, and that have a place here. */
function servicesFor({ approval, heard, peopleOnly }: Tally, places: readonly Requirement[]): readonly Person[] {
  if (peopleOnly) return [];
  const good = [...heard].filter(([name, answer]) => {
    const gates = approval.gates.filter(({ external }) => external?.service === name);
    const allowed = gates.every(({ external }) => external?.fallbackBehavior === 'ALLOW_ACTION');
    return answer === 'approved' || (answer === 'none' && allowed);
  });
  return good
    .filter(([name]) => places.some((place) => takesService(place, name)))
    .map(([name]) => ({ account: '', names: new Set(), roles: [], service: name }));
}

function placesOf(requirements: readonly Requirement[]): readonly Requirement[] {
  return requirements.flatMap((place) => Array.from({ length: place.k }, () => place));
}

/** Who is named by a role counts by it, who is named nowhere by any role of the place, and a stand-in from its time on. */
function maySit(place: Requirement, person: Person, escalatedMs: number): boolean {
  if (person.service !== undefined) return takesService(place, person.service);
  const { roles, users, standIns } = place;
  for (const role of roles) {
    const named = users?.[role];
    if (person.roles.includes(role) && (named === undefined || named.includes(person.account))) return true;
  }
  const open = (standIns ?? []).filter(({ afterMs }) => afterMs <= escalatedMs);
  return open.some(({ who, id }) => (who === 'user' ? person.account === id : person.roles.includes(id)));
}

/** Tries every seating: there are never more than a handful of people. */
function canSeat(places: readonly Requirement[], people: readonly Person[], escalatedMs: number): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return people.some(
    (person, index) => maySit(place, person, escalatedMs) && canSeat(others, people.toSpliced(index, 1), escalatedMs),
  );
}
