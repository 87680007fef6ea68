import type { Clock } from '../../platform/clock.ts';
import type { Machine } from '../../platform/machine.ts';
import type { LongReads } from '../../journal/journal.ts';
import { addressOf } from './evidence.ts';
import { evidenceIn } from './evidence.store.ts';
import type { Verifying } from './verifying.ts';

/** How often it is looked for what is due, in ms of machine time. */
export const LOOK_EVERY_MS = 3_600_000;
/** How fast it reads, in bytes a second: 1.6 TB a day, and a small part of what a disk gives. */
export const BYTES_PER_SECOND = 20 * 1024 * 1024;
/** Rows that are read at a time. */
const PAGE = 200;

export interface ReverifyPorts {
  readonly journal: { readonly longReads: Pick<LongReads, 'listViews'> };
  readonly verifying: Verifying;
  readonly vaultId: string;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly closing: AbortSignal;
  /** Business time between two looks at the same bytes, in ms. */
  readonly everyMs: number;
  onError(thrown: unknown, evidenceId: string | null): void;
}

/**
 * Reads everything that is kept again from time to time, slowly, until `closing`. When each artefact was last found intact stands in
 * its records, so that a restart goes on where it was. Never rejects.
 */
export async function keepReverifying(ports: ReverifyPorts): Promise<void> {
  const { machine, closing, onError } = ports;
  while (!closing.aborted) {
    await reverifyDue(ports).catch((thrown: unknown) => onError(thrown, null));
    await machine.sleep(LOOK_EVERY_MS, closing);
  }
}

/** Verifies what is due now, the longest unseen first. Answers how many that were. */
export async function reverifyDue(ports: ReverifyPorts): Promise<number> {
  const { verifying, machine, closing, onError } = ports;
  const due = await dueOnes(ports);
  let verified = 0;
  for (const { id } of due) {
    if (closing.aborted) break;
    try {
      await verifying.examine(id, REVERIFIER, undefined, (bytes) => {
        closing.throwIfAborted();
        return machine.sleep((bytes / BYTES_PER_SECOND) * 1_000, closing);
      });
      verified += 1;
    } catch (thrown) {
      if (!closing.aborted) onError(thrown, id);
    }
  }
  return verified;
}

/** How the server signs what it verified by itself. */
export const REVERIFIER = 'firebreak';

async function dueOnes({ journal, vaultId, clock, everyMs }: ReverifyPorts) {
  const before = clock.now() - everyMs;
  const due: { readonly id: string; readonly seenAt: number }[] = [];
  for (const status of ['PRESERVED', 'PARTIAL'] as const) {
    for (let skip = 0; ; skip += PAGE) {
      const { items } = await journal.longReads.listViews({ kind: 'evidence', status, limit: PAGE, skip });
      for (const view of items) {
        const evidence = evidenceIn(view);
        const seenAt = Math.max(evidence.integrity?.verifiedAt ?? 0, evidence.alarm?.at ?? 0);
        const isHere = addressOf(evidence) !== null && evidence.storage.vault === vaultId;
        if (isHere && seenAt <= before) due.push({ id: view.id, seenAt });
      }
      if (items.length < PAGE) break;
    }
  }
  return due.sort((left, right) => left.seenAt - right.seenAt);
}
