import type { PolicyInForce } from './match-gates.ts';

/** What people have set over all playbooks, as it is in force. */
export interface Governance {
  readonly policies: readonly PolicyInForce[];
  /** Canonical ids, sorted. */
  readonly protectedIdentities: readonly string[];
}

export interface GovernanceReader {
  /** The same object as long as nothing has changed: plans that were bound to it are kept by it. */
  inForce(): Promise<Governance>;
}

/** Both parts as one. */
export function governanceOf(
  policies: { inForce(): Promise<readonly PolicyInForce[]> },
  guards: { protectedIdentities(): Promise<readonly string[]> },
): GovernanceReader {
  let latest: Governance = { policies: [], protectedIdentities: [] };
  return {
    async inForce() {
      const [inForce, protectedIdentities] = await Promise.all([policies.inForce(), guards.protectedIdentities()]);
      if (latest.policies !== inForce || latest.protectedIdentities !== protectedIdentities)
        latest = { policies: inForce, protectedIdentities };
      return latest;
    },
  };
}
