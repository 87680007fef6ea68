import { invariant } from '../../platform/errors.ts';
import { appendLeaves, isTreeHash, type Frontier, type TreeHash } from './merkle.ts';

/** Where a record stands among the journal's streams. */
export interface RecordName {
  readonly stream: string;
  /** 1, 2, 3 ... within the stream. */
  readonly seq: number;
}

/** A committed record that has no place in the Merkle log yet. */
export interface UnsequencedRecord extends RecordName {
  /** `leafHash` of the record's bytes. */
  readonly leafHash: TreeHash;
}

/** A record's place in the Merkle log. */
export interface LeafRow extends UnsequencedRecord {
  /** 0, 1, 2 ... in the log. */
  readonly position: number;
}

export interface SequencingPlan {
  readonly leaves: readonly LeafRow[];
  readonly frontier: Frontier;
}

/** By stream in UTF-16 code unit order, then by seq: the order of exports and of places within one batch. */
export function compareNames(a: RecordName, b: RecordName): number {
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.seq - b.seq;
}

/**
 * Gives each record the next free place. Places say that a record was committed before a checkpoint, not which of
 * two was first: within one batch the order is by stream and seq, whatever order the records came in.
 *
 * The caller inserts the rows in one transaction that is refused when the log's size is not `frontier.size`, and
 * plans again then. @throws (a bug) when a record is given twice, or a seq or hash has not its form.
 */
export function planPositions(frontier: Frontier, unsequenced: readonly UnsequencedRecord[]): SequencingPlan {
  const ordered = [...unsequenced].sort(compareNames);
  const leaves: LeafRow[] = [];
  for (const [index, { stream, seq, leafHash }] of ordered.entries()) {
    const before = ordered[index - 1];
    invariant(
      before === undefined || before.stream !== stream || before.seq !== seq,
      `${stream} ${seq} is placed once`,
    );
    invariant(Number.isSafeInteger(seq) && seq >= 1 && isTreeHash(leafHash), `${stream} ${seq} can be placed`);
    leaves.push({ position: frontier.size + index, stream, seq, leafHash });
  }
  return {
    leaves,
    frontier: appendLeaves(
      frontier,
      leaves.map((leaf) => leaf.leafHash),
    ),
  };
}

/** A checkpoint at the latest this long after the one before, in ms: the window that nothing signed covers. */
export const CHECKPOINT_INTERVAL_MS = 5_000;

/** A checkpoint at the latest after so many new leaves, so that a burst does not widen that window. */
export const CHECKPOINT_LEAVES = 100;

/** What decides whether the log should be signed again. */
export interface CheckpointSituation {
  /** Leaves now. */
  readonly size: number;
  /** Leaves at the last checkpoint; 0 when there is none. */
  readonly signedSize: number;
  /** When the last checkpoint was made, in ms of the same clock as `now`; null when there is none. */
  readonly signedAt: number | null;
  /** Machine time in ms: how long records lie unsigned does not depend on accelerated business time. */
  readonly now: number;
}

/** Whether to sign: something was added, and the time or the number of leaves is reached, whichever is first. */
export function checkpointDue({ size, signedSize, signedAt, now }: CheckpointSituation): boolean {
  if (size <= signedSize) return false;
  if (size - signedSize >= CHECKPOINT_LEAVES) return true;
  return signedAt === null || now - signedAt >= CHECKPOINT_INTERVAL_MS;
}
