import { z } from 'zod';
import { openCheckpoint } from '../pipeline/audit/checkpoint.ts';
import { EMPTY_FRONTIER, frontierRoot, isTreeHash, type Frontier } from '../pipeline/audit/merkle.ts';
import type { NoteKey } from '../pipeline/audit/signed-note.ts';
import type { Journal } from './journal.ts';

/** Leaves between two frontiers that are kept: what a start reads and hashes at most, some ten milliseconds. */
const LEAVES_BETWEEN = 20_000;

const KEPT = z.object({ size: z.int(), hashes: z.array(z.custom<string>(isTreeHash)).max(64), note: z.string() });
const ROW = { kind: 'log', id: 'frontier' } as const;

/**
 * The frontier of the tree at some earlier checkpoint, so that a start need not hash the whole log again. It lies with the
 * checkpoint that was signed for it and counts only when the own key signed that and the roots are the same: a row
 * that somebody changed is as good as none.
 */
export interface KeptFrontier {
  /** The newest one, of a log that has `size` leaves now; empty when there is none that counts. */
  read(size: number): Promise<Frontier>;
  /** Whether the last one lies far back. */
  isDue(frontier: Frontier): boolean;
  keep(frontier: Frontier, note: string, at: number): Promise<void>;
}

export function keptFrontier(journal: Pick<Journal, 'view' | 'commit'>, key: NoteKey): KeptFrontier {
  let keptSize = 0;
  return {
    async read(size) {
      const parsed = KEPT.safeParse((await journal.view(ROW.kind, ROW.id))?.body);
      if (!parsed.success || parsed.data.size > size) return EMPTY_FRONTIER;
      const { note, ...frontier } = parsed.data;
      const opened = openCheckpoint(note, [key]);
      if (opened.status !== 'valid' || opened.checkpoint.size !== frontier.size) return EMPTY_FRONTIER;
      if (!fits(frontier) || frontierRoot(frontier) !== opened.checkpoint.root) return EMPTY_FRONTIER;
      keptSize = frontier.size;
      return frontier;
    },
    isDue: ({ size }) => size - keptSize >= LEAVES_BETWEEN,
    async keep(frontier, note, at) {
      keptSize = frontier.size;
      const body = { size: frontier.size, hashes: [...frontier.hashes], note };
      await journal.commit([{ appends: [], views: [{ ...ROW, expectedVersion: null, at, body }] }]);
    },
  };
}

/** A tree of this size has one hash for each bit of it that is set. */
function fits({ size, hashes }: Frontier): boolean {
  const bits = size.toString(2).replaceAll('0', '').length;
  return hashes.length === bits;
}
