import type { PerHour } from '../guards/blast-radius.ts';
import type { PolicyInForce } from './match-gates.ts';

/** What people have set over all playbooks, as it is in force. */
export interface Governance {
  readonly policies: readonly PolicyInForce[];
  /** Canonical ids, sorted. */
  readonly protectedIdentities: readonly string[];
  readonly perHour: PerHour;
}

export interface GovernanceReader {
  /** The same object as long as nothing has changed: plans that were bound to it are kept by it. */
  inForce(): Promise<Governance>;
}

/** Both parts as one. */
export function governanceOf(
  policies: { inForce(): Promise<readonly PolicyInForce[]> },
  guards: { protectedIdentities(): Promise<readonly string[]>; perHour(): Promise<PerHour> },
): GovernanceReader {
  let latest: Governance = { policies: [], protectedIdentities: [], perHour: {} };
  return {
    async inForce() {
      const [inForce, protectedIdentities, perHour] = await Promise.all([
        policies.inForce(),
        guards.protectedIdentities(),
        guards.perHour(),
      ]);
      const next = { policies: inForce, protectedIdentities, perHour };
      const isSame =
        latest.policies === inForce && latest.protectedIdentities === protectedIdentities && latest.perHour === perHour;
      if (!isSame) latest = next;
      return latest;
    },
  };
}
