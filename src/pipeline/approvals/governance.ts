import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { PerHour } from '../guards/blast-radius.ts';
import type { QuietHours } from '../guards/quiet-until.ts';
import type { PolicyInForce } from './policy.ts';

/** What people have set over all playbooks, as it is in force. */
export interface Governance {
  readonly policies: readonly PolicyInForce[];
  /** Canonical ids, sorted. */
  readonly protectedIdentities: readonly string[];
  /** By id. One that has ended may be among them: it is judged when it is asked. */
  readonly exemptions: readonly ExemptionInForce[];
  readonly perHour: PerHour;
  /** Absent or null: nothing waits. */
  readonly quietHours?: QuietHours | null;
}

export interface GovernanceReader {
  /** The same object as long as nothing has changed: plans that were bound to it are kept by it. */
  inForce(): Promise<Governance>;
}

/** All parts as one. */
export function governanceOf(
  policies: { inForce(): Promise<readonly PolicyInForce[]> },
  guards: {
    protectedIdentities(): Promise<readonly string[]>;
    perHour(): Promise<PerHour>;
    quietHours(): Promise<QuietHours | null>;
  },
  exemptions: { inForce(): Promise<readonly ExemptionInForce[]> },
): GovernanceReader {
  let latest: Governance = { policies: [], protectedIdentities: [], perHour: {}, exemptions: [] };
  return {
    async inForce() {
      const [inForce, protectedIdentities, perHour, exempt, quietHours] = await Promise.all([
        policies.inForce(),
        guards.protectedIdentities(),
        guards.perHour(),
        exemptions.inForce(),
        guards.quietHours(),
      ]);
      const isSame =
        latest.policies === inForce &&
        latest.protectedIdentities === protectedIdentities &&
        latest.perHour === perHour &&
        latest.quietHours === quietHours &&
        latest.exemptions === exempt;
      if (!isSame) latest = { policies: inForce, protectedIdentities, perHour, exemptions: exempt, quietHours };
      return latest;
    },
  };
}
