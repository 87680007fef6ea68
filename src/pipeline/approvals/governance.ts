import type { ExemptionInForce } from '../exemptions/exemption.ts';
import type { PerHour } from '../guards/blast-radius.ts';
import { NO_SCHEDULES, type OnCallBook } from '../oncall/book.ts';
import { decideBy, type Decide, type MatrixInForce } from '../incidents/decide.ts';
import { NO_INVENTORY, type InventoryIndex } from '../inventory/inventory-index.ts';
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
  /** The schedules by which people are on call, with the people who could be. Absent: there are none. */
  readonly onCall?: OnCallBook;
  /** Absent or null: nothing waits. */
  readonly quietHours?: QuietHours | null;
  /** What the matrix and the inventory in force say to an incident. Absent: the default matrix, and no inventory. */
  readonly decide?: Decide;
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
    decisionMatrix(): Promise<MatrixInForce>;
  },
  exemptions: { inForce(): Promise<readonly ExemptionInForce[]> },
  schedules: { book(): Promise<OnCallBook> } = { book: async () => NO_SCHEDULES },
  inventory: { inForce(): Promise<InventoryIndex> } = { inForce: async () => NO_INVENTORY },
): GovernanceReader {
  const decisions = keptDecisions();
  let latest: Governance = { policies: [], protectedIdentities: [], perHour: {}, exemptions: [], onCall: NO_SCHEDULES };
  return {
    async inForce() {
      const [inForce, protectedIdentities, perHour, exempt, onCall, quietHours, matrix, assets] = await Promise.all([
        policies.inForce(),
        guards.protectedIdentities(),
        guards.perHour(),
        exemptions.inForce(),
        schedules.book(),
        guards.quietHours(),
        guards.decisionMatrix(),
        inventory.inForce(),
      ]);
      const decide = decisions(matrix, assets);
      const isSame =
        latest.policies === inForce &&
        latest.protectedIdentities === protectedIdentities &&
        latest.perHour === perHour &&
        latest.exemptions === exempt &&
        latest.onCall === onCall &&
        latest.quietHours === quietHours &&
        latest.decide === decide;
      if (!isSame)
        latest = { policies: inForce, protectedIdentities, perHour, exemptions: exempt, onCall, quietHours, decide };
      return latest;
    },
  };
}

/** The same function for the same two: who compares what is in force sees that nothing has changed. */
function keptDecisions(): (matrix: MatrixInForce, inventory: InventoryIndex) => Decide {
  let kept: { readonly matrix: MatrixInForce; readonly inventory: InventoryIndex; readonly decide: Decide } | null =
    null;
  return (matrix, inventory) => {
    if (kept?.matrix !== matrix || kept.inventory !== inventory)
      kept = { matrix, inventory, decide: decideBy(matrix, inventory) };
    return kept.decide;
  };
}
