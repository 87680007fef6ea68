import type { Approval } from '../../src/pipeline/approvals/approval.ts';
import type { PlanGate, Requirement } from '../../src/pipeline/playbooks/plan.ts';
import type { VoteInput, WithdrawInput } from '../../src/pipeline/executions/core/inputs.ts';

/** The oracle's own count of one approval: from the votes as they were handed in, not from what was made of them. */
export interface Tally {
  readonly approval: Approval;
  readonly people: Person[];
  /** Steps that were taken, and the delay of the last one; -1 before the first. */
  steps: number;
  escalatedMs: number;
  verdict: 'pending' | 'approved' | 'denied';
  /** Who was on call, by schedule, when a step reached the schedule for the first time that somebody was. */
  readonly onCall: Map<string, readonly string[]>;
  /** What services outside said, by name. */
  readonly heard: Map<string, 'approved' | 'denied' | 'none'>;
  /** Where nothing may stand in for a person. */
  readonly peopleOnly: boolean;
}

/** Somebody who has spoken: with the seat that they took, and everybody who stands behind it. */
interface Person {
  /** Whose seat it is. */
  readonly account: string;
  /** Who speaks is known by these; those of the owner of the seat are among `names`. */
  readonly ownNames: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly roles: readonly string[];
  readonly isNamed: boolean;
  readonly service?: string;
}

/** Counts a vote in, if it may count; answers for whose delegation it does, null where it does not. */
export function countVote(tally: Tally, vote: VoteInput, playbookId: string): string | null {
  if (tally.verdict !== 'pending' || !isAdmissible(tally, vote)) return null;
  const voice = voicesOf(vote, playbookId).find(({ person }) => mayCount(tally, vote, person));
  if (voice === undefined) return null;
  if (vote.decision === 'DENY') tally.verdict = 'denied';
  else {
    tally.people.push(voice.person);
    if (isQuorum(tally)) tally.verdict = 'approved';
  }
  return voice.delegationId;
}

const NOBODY: ReadonlySet<string> = new Set();

/** Own seat. */
export const OWN = 'own';

/** Their own voice first, unless they name another, then those of the seats that are lent to them now and for this. */
function voicesOf({ voter, at, onBehalfOf }: VoteInput, playbookId: string) {
  const own = new Set([voter.userId, ...voter.linkedAccounts]);
  const self: Person = { account: voter.userId, ownNames: own, names: own, roles: voter.roles, isNamed: true };
  const lent = (voter.lentSeats ?? [])
    .filter(({ from, until, mayVote }) => mayVote && from <= at && at < until)
    .filter(({ playbookIds }) => playbookIds === undefined || playbookIds.includes(playbookId))
    .filter(({ delegationId, userId }) => onBehalfOf === undefined || [delegationId, userId].includes(onBehalfOf))
    .map(({ delegationId, userId, linkedAccounts, roles, byRoleOnly }) => {
      const names = new Set([...own, userId, ...linkedAccounts]);
      const person: Person = { account: userId, ownNames: own, names, roles, isNamed: byRoleOnly !== true };
      return { delegationId, person };
    });
  return onBehalfOf === undefined ? [{ delegationId: OWN, person: self }, ...lent] : lent;
}

/** Nobody behind the voice is concerned or has spoken before; a denial of one's own stands beside what others said for one. */
function mayCount(tally: Tally, { decision }: VoteInput, person: Person): boolean {
  const { approval, people } = tally;
  const concerned = [approval.requester, ...approval.subjectIds, ...approval.authorIds];
  if (concerned.some((name) => person.names.has(name))) return false;
  const denies = decision === 'DENY' && person.names === person.ownNames;
  if (people.some((other) => meets(denies ? other.ownNames : other.names, person.names))) return false;
  return approval.requirements.some((place) => maySit(place, person, tally));
}

function isAdmissible({ approval }: Tally, { voter, intentHash, at }: VoteInput): boolean {
  return voter.kind === 'person' && !voter.disabled && intentHash === approval.intentHash && at < approval.expiresAt;
}

/** Takes out what these people, or others in their place, have said; answers how much that was. */
export function takeOut(tally: Tally, { voter, at }: WithdrawInput): number {
  if (tally.verdict !== 'pending' || at >= tally.approval.expiresAt) return 0;
  if (voter.disabled || voter.kind !== 'person') return 0;
  const own = new Set([voter.userId, ...voter.linkedAccounts]);
  const before = tally.people.length;
  const staying = tally.people.filter(({ names }) => !meets(names, own));
  tally.people.splice(0, before, ...staying);
  return before - staying.length;
}

function meets(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return [...right].some((name) => left.has(name));
}

/** Enough people for the request as a whole and for each gate that asked, taken by itself; and whoever has to be heard was. */
export function isQuorum(tally: Tally): boolean {
  const { approval, people } = tally;
  if (approval.gates.some((gate) => isAwaited(tally, gate))) return false;
  const asked = [approval, ...approval.gates];
  return asked.every(({ requiredApprovers, requirements }) => {
    const services = servicesFor(tally, requirements);
    const all = [...people, ...services];
    return all.length >= requiredApprovers && canSeat(placesOf(requirements), all, tally);
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
    .map(([name]) => ({ account: '', ownNames: NOBODY, names: NOBODY, roles: [], isNamed: false, service: name }));
}

function placesOf(requirements: readonly Requirement[]): readonly Requirement[] {
  return requirements.flatMap((place) => Array.from({ length: place.k }, () => place));
}

/** Who is named by a role counts by it, who is named nowhere by any role of the place, and a stand-in from its time on. */
function maySit(place: Requirement, person: Person, { escalatedMs, onCall }: Tally): boolean {
  if (person.service !== undefined) return takesService(place, person.service);
  const { roles, users, standIns } = place;
  for (const role of roles) {
    const named = users?.[role];
    if (person.roles.includes(role) && (named === undefined || named.includes(person.account))) return true;
  }
  const open = (standIns ?? []).filter(({ afterMs }) => afterMs <= escalatedMs);
  return open.some(({ who, id }) => {
    if (who === 'role') return person.roles.includes(id);
    const meant = who === 'user' ? [id] : (onCall.get(id) ?? []);
    return person.isNamed && meant.includes(person.account);
  });
}

/** Tries every seating: there are never more than a handful of people. */
function canSeat(places: readonly Requirement[], people: readonly Person[], tally: Tally): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return people.some(
    (person, index) => maySit(place, person, tally) && canSeat(others, people.toSpliced(index, 1), tally),
  );
}
