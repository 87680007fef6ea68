import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { PerHour } from '../guards/blast-radius.ts';
import { NO_SCHEDULES, type OnCallBook } from '../oncall/book.ts';
import type { PolicyInForce } from './policy.ts';

/** What people have set over all playbooks, as it is in force. */
export interface Governance {
  readonly policies: readonly PolicyInForce[];
  /** Canonical ids, sorted. */
  readonly protectedIdentities: readonly string[];
  /** By id. One that has ended may be among them: it is judged when it is asked. */
  readonly exemptions: readonly ExemptionInForce[];
  readonly perHour: PerHour;
  /** The schedules by which people are on call, with the people who could be. Absent: there are none. */
  readonly onCall?: OnCallBook;
}

export interface GovernanceReader {
  /** The same object as long as nothing has changed: plans that were bound to it are kept by it. */
  inForce(): Promise<Governance>;
}

/** All parts as one. */
export function governanceOf(
  policies: { inForce(): Promise<readonly PolicyInForce[]> },
  guards: { protectedIdentities(): Promise<readonly string[]>; perHour(): Promise<PerHour> },
  exemptions: { inForce(): Promise<readonly ExemptionInForce[]> },
  schedules: { book(): Promise<OnCallBook> } = { book: async () => NO_SCHEDULES },
): GovernanceReader {
  let latest: Governance = { policies: [], protectedIdentities: [], perHour: {}, exemptions: [], onCall: NO_SCHEDULES };
  return {
    async inForce() {
      const [inForce, protectedIdentities, perHour, exempt, onCall] = await Promise.all([
        policies.inForce(),
        guards.protectedIdentities(),
        guards.perHour(),
        exemptions.inForce(),
        schedules.book(),
      ]);
      const isSame =
        latest.policies === inForce &&
        latest.protectedIdentities === protectedIdentities &&
        latest.perHour === perHour &&
        latest.exemptions === exempt &&
        latest.onCall === onCall;
      if (!isSame) latest = { policies: inForce, protectedIdentities, perHour, exemptions: exempt, onCall };
      return latest;
    },
  };
}
