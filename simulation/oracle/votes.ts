import type { Approval } from '../../src/pipeline/approvals/approval.ts';
import type { Requirement } from '../../src/pipeline/playbooks/plan.ts';
import type { VoteInput } from '../../src/pipeline/executions/core/inputs.ts';

/** The oracle's own count of one approval: from the votes as they were handed in, not from what was made of them. */
export interface Tally {
  readonly approval: Approval;
  readonly people: Person[];
  verdict: 'pending' | 'approved' | 'denied';
}

interface Person {
  readonly names: ReadonlySet<string>;
  readonly roles: readonly string[];
}

/** Counts a vote in, if it may count; answers whether it did. */
export function countVote(tally: Tally, vote: VoteInput): boolean {
  const { approval, people } = tally;
  if (tally.verdict !== 'pending' || !admissible(approval, vote)) return false;
  const names = namesOf(vote);
  if (people.some((person) => meets(person.names, names))) return false;
  if (vote.decision === 'DENY') {
    tally.verdict = 'denied';
    return true;
  }
  people.push({ names, roles: vote.voter.roles });
  if (isQuorum(approval, people)) tally.verdict = 'approved';
  return true;
}

function admissible(approval: Approval, { voter, intentHash, at }: VoteInput): boolean {
  if (voter.kind !== 'person' || voter.disabled) return false;
  if (intentHash !== approval.intentHash || at >= approval.expiresAt) return false;
  const excluded = new Set([approval.requester, ...approval.subjectIds, ...approval.authorIds]);
  if ([voter.userId, ...voter.linkedAccounts].some((name) => excluded.has(name))) return false;
  return approval.requirements.some(({ roles }) => roles.some((role) => voter.roles.includes(role)));
}

function namesOf({ voter }: VoteInput): ReadonlySet<string> {
  return new Set([voter.userId, ...voter.linkedAccounts]);
}

function meets(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return [...right].some((name) => left.has(name));
}

/** Enough people for the request as a whole and for each gate that asked, taken by itself. */
function isQuorum(approval: Approval, people: readonly Person[]): boolean {
  const asked = [approval, ...approval.gates];
  return asked.every(
    ({ requiredApprovers, requirements }) =>
      people.length >= requiredApprovers && canSeat(placesOf(requirements), people),
  );
}

function placesOf(requirements: readonly Requirement[]): readonly (readonly string[])[] {
  return requirements.flatMap(({ roles, k }) => Array.from({ length: k }, () => roles));
}

/** Tries every seating: there are never more than a handful of people. */
function canSeat(places: readonly (readonly string[])[], people: readonly Person[]): boolean {
  const [place, ...others] = places;
  if (place === undefined) return true;
  return people.some(
    (person, index) => place.some((role) => person.roles.includes(role)) && canSeat(others, people.toSpliced(index, 1)),
  );
}
