import type { Requirement } from '../playbooks/plan.ts';
import type { Role } from '../vocabulary.ts';

/** One person (or, should services ever vote, one service) who approved. */
export interface Candidate {
  readonly roles: ReadonlySet<Role>;
  readonly human: boolean;
}

/**
 * Whether each place of each requirement can be given to a different candidate who holds one of its roles: a
 * maximum bipartite matching by augmenting paths (Kuhn). Counting roles one by one would let one person with two
 * roles stand for two people. Requirements without places are covered by nobody being there.
 */
export function coversRequirements(requirements: readonly Requirement[], candidates: readonly Candidate[]): boolean {
  const places = requirements.flatMap((requirement) =>
    Array.from({ length: Math.max(0, requirement.k) }, () => requirement),
  );
  if (places.length > candidates.length) return false;
  const placeOf = new Map<number, number>();
  return places.every((_, place) => findCandidate(places, candidates, place, placeOf, new Set()));
}

/** Gives `place` a candidate, moving others to another place where needed. Depth is at most the number of places. */
function findCandidate(
  places: readonly Requirement[],
  candidates: readonly Candidate[],
  place: number,
  placeOf: Map<number, number>,
  tried: Set<number>,
): boolean {
  const requirement = places[place];
  if (requirement === undefined) return false;
  for (const [index, candidate] of candidates.entries()) {
    if (tried.has(index) || !fits(requirement, candidate)) continue;
    tried.add(index);
    const present = placeOf.get(index);
    if (present === undefined || findCandidate(places, candidates, present, placeOf, tried)) {
      placeOf.set(index, place);
      return true;
    }
  }
  return false;
}

function fits(requirement: Requirement, candidate: Candidate): boolean {
  if (requirement.human && !candidate.human) return false;
  return requirement.roles.some((role) => candidate.roles.has(role));
}
