import type { Requirement } from '../playbooks/plan.ts';
import { isServicePlace } from './external-approver.ts';
import { countsFor, type Login } from './seats.ts';

/** One person, or one service outside, who approved. */
export interface Candidate {
  /** The accounts with which this person approved. */
  readonly logins: readonly Login[];
  readonly human: boolean;
  /** The configured name of a service: it has no login, and fills only places that name it. Absent: a person. */
  readonly service?: string;
}

/**
 * Whether each place of each requirement can be given to a different candidate who counts for it: a
 * maximum bipartite matching by augmenting paths (Kuhn). Counting roles one by one would let one person with two
 * roles stand for two people. Requirements without places are covered by nobody being there.
 *
 * @param escalatedMs see `countsFor`.
 */
export function coversRequirements(
  requirements: readonly Requirement[],
  candidates: readonly Candidate[],
  escalatedMs: number,
): boolean {
  const fits = (requirement: Requirement, { logins, human, service }: Candidate): boolean => {
    if (service !== undefined) return isServicePlace(requirement, service);
    return (human || !requirement.human) && logins.some((login) => countsFor(requirement, login, escalatedMs));
  };
  const places = requirements.flatMap((requirement) =>
    Array.from({ length: Math.max(0, requirement.k) }, () => requirement),
  );
  if (places.length > candidates.length) return false;
  const placeOf = new Map<number, number>();
  return places.every((_, place) => findCandidate({ places, candidates, fits, placeOf }, place, new Set()));
}

interface Seating {
  readonly places: readonly Requirement[];
  readonly candidates: readonly Candidate[];
  readonly fits: (requirement: Requirement, candidate: Candidate) => boolean;
  /** The place of each candidate who has one. */
  readonly placeOf: Map<number, number>;
}

/** Gives `place` a candidate, moving others to another place where needed. Depth is at most the number of places. */
function findCandidate(seating: Seating, place: number, tried: Set<number>): boolean {
  const { places, candidates, fits, placeOf } = seating;
  const requirement = places[place];
  if (requirement === undefined) return false;
  for (const [index, candidate] of candidates.entries()) {
    if (tried.has(index) || !fits(requirement, candidate)) continue;
    tried.add(index);
    const present = placeOf.get(index);
    if (present === undefined || findCandidate(seating, present, tried)) {
      placeOf.set(index, place);
      return true;
    }
  }
  return false;
}
