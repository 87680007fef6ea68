import { leafHash } from '../pipeline/audit/merkle.ts';
import type { LeafRow, UnsequencedRecord } from '../pipeline/audit/sequencer.ts';
import type { CheckpointRow } from '../pipeline/audit/export.ts';
import type { StoredRecord } from '../pipeline/audit/verify-record.ts';
import type { Journal } from './journal.ts';

/** Rows read at once. */
const PAGE = 5_000;
/** Records without a place that are looked at; more means that the sequencer stands still. */
const MAX_UNSEQUENCED = 1_000_000;

/** The journal's log as the verifier and the export read it: nothing is computed that the rows could hide behind. */
export interface LogRows {
  records(): AsyncGenerator<StoredRecord & { readonly bytes: string }>;
  leaves(): AsyncGenerator<LeafRow>;
  unsequenced(): Promise<readonly UnsequencedRecord[]>;
  checkpoints(): Promise<readonly CheckpointRow[]>;
}

export function logRows(journal: Pick<Journal, 'streams' | 'log'>): LogRows {
  const { log } = journal;
  return {
    async *records() {
      for (const stream of [...(await journal.streams())].sort()) {
        for (const row of await log.recordRows(stream)) yield { ...row, stream };
      }
    },
    async *leaves() {
      for (let from = 0; ; from += PAGE) {
        const rows = await log.leaves(from, PAGE);
        const hashes = await log.leafHashes(from, from + rows.length);
        for (const [index, row] of rows.entries()) yield { ...row, leafHash: hashes[index] ?? '' };
        if (rows.length < PAGE) return;
      }
    },
    async unsequenced() {
      const rows = await log.unsequenced(MAX_UNSEQUENCED);
      return rows.map(({ stream, seq, bytes }) => ({ stream, seq, leafHash: leafHash(bytes) }));
    },
    checkpoints: () => log.checkpoints(),
  };
}
