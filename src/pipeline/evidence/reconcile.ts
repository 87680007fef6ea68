import type { JournalReader } from '../../journal/journal.ts';
import type { EvidenceStore } from './evidence.store.ts';
import type { Disposing } from './dispose.ts';
import type { Preserving } from './preserve.ts';
import type { Vault } from './vault.ts';

/** Rows that are read at a time. */
const PAGE = 200;

export interface ReconcilePorts {
  readonly journal: Pick<JournalReader, 'listViews'>;
  readonly store: Pick<EvidenceStore, 'load'>;
  readonly preserving: Pick<Preserving, 'settle'>;
  readonly disposing: Pick<Disposing, 'finish'>;
  readonly vault: Vault;
  onError(thrown: unknown, evidenceId: string): void;
}

export interface Reconciled {
  /** Rests in the store of which no record knows: a journal that was set back knows less than the disk. They stay. */
  readonly unknown: readonly string[];
}

/**
 * Brings journal and store together after a crash or an outage: what was being taken by a process that is gone is finished as it is
 * found. One that cannot be finished now keeps nothing else from it, and is looked at again the next time.
 */
export async function reconcile({
  journal,
  store,
  preserving,
  disposing,
  vault,
  onError,
}: ReconcilePorts): Promise<Reconciled> {
  const settled = async (id: string, work = (): Promise<void> => preserving.settle(id)): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      onError(thrown, id);
    }
  };
  const unknown: string[] = [];
  for (const ref of await vault.unfinished()) {
    if ((await store.load(ref)) === null) unknown.push(ref);
    else await settled(ref);
  }
  // What is settled leaves the page; what cannot be settled stays in it, and is passed over.
  for (let skip = 0; ;) {
    const { items } = await journal.listViews({ kind: 'evidence', status: 'COLLECTING', limit: PAGE, skip });
    for (const { id } of items) {
      await settled(id);
      const isLeft = (await store.load(id))?.acquisition.endedAt === null;
      if (isLeft) skip += 1;
    }
    if (items.length < PAGE) break;
  }
  // What follows from the newest records may be missing; older ones are looked at when they are verified.
  for (const status of ['PRESERVED', 'PARTIAL'] as const) {
    const { items } = await journal.listViews({ kind: 'evidence', status, limit: PAGE, skip: 0 });
    for (const { id } of items) await settled(id);
  }
  const going = { kind: 'evidence', status: 'DISPOSING', limit: PAGE, skip: 0 } as const;
  for (const { id } of (await journal.listViews(going)).items) await settled(id, () => disposing.finish(id));
  return { unknown };
}
