import type { ArchivedStream } from './archived.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { LeafRow, UnsequencedRecord } from './sequencer.ts';
import { CheckpointScan, type CheckpointResult, type LogKey } from './verify-checkpoints.ts';
import { firstOf, type Finding } from './verify-finding.ts';
import { LogIndex, type Unreadable } from './verify-index.ts';
import type { StoredRecord } from './verify-record.ts';
import { RecordScan } from './verify-records.ts';

/** A log to be verified. Nothing in it is believed but what a trusted key has signed. */
export interface LogToVerify {
  /** By stream (UTF-16 code unit order), then by seq. Read once, not kept. */
  readonly records: AsyncIterable<StoredRecord> | Iterable<StoredRecord>;
  /** By position. Read once, before the records. */
  readonly leaves: AsyncIterable<LeafRow | Unreadable> | Iterable<LeafRow | Unreadable>;
  /** The records without a leaf. */
  readonly unsequenced: AsyncIterable<UnsequencedRecord | Unreadable> | Iterable<UnsequencedRecord | Unreadable>;
  /** Signed notes, oldest first. */
  readonly checkpoints: AsyncIterable<string> | Iterable<string>;
}

export interface VerifyOptions {
  /**
   * Keys of this log that the verifier trusts, obtained from elsewhere: who can change the log can also change the
   * keys that lie beside it.
   */
  readonly keys: readonly LogKey[];
  /** Checkpoints that were published or kept elsewhere. They show what the log's own cannot: that none was dropped. */
  readonly anchors?: readonly string[];
  /**
   * Checkpoints of this log under which the caller found the cosignature of a witness that the verifier trusts. They
   * count whatever key of the log signed them: a stolen or exchanged log key does not help against a witness.
   */
  readonly witnessed?: readonly Checkpoint[];
  /** The streams of an archive that is verified by itself: their records are all here, and those of others need not be. */
  readonly held?: readonly ArchivedStream[];
  /** Business time to which the age of unsequenced records is told, ms since 1970. */
  readonly now: number;
}

/**
 * `intact`: every record is there (or named by a signed record as archived), in its place, unchanged, and a valid checkpoint covers the log.
 * `changed`: a record or row is missing, added, altered or moved. `truncated`: the end is missing.
 * `signature_invalid`, `key_unknown`: the records fit together, but a checkpoint proves nothing.
 * `not_anchored`: the records fit together, but there is no checkpoint, so everything could have been rewritten.
 */
export type Verdict = 'intact' | 'changed' | 'truncated' | 'signature_invalid' | 'key_unknown' | 'not_anchored';

export interface Verification {
  readonly verdict: Verdict;
  /**
   * The first record that does not fit, in order of the log. For a wrong checkpoint the first record that it would
   * have vouched for and no earlier one does. Members are null where nothing tells them: of a record that was cut off
   * with its leaf, only the place is known.
   */
  readonly firstBad: {
    readonly stream: string | null;
    readonly seq: number | null;
    readonly position: number | null;
  } | null;
  /** A sentence for people; null when intact. */
  readonly problem: string | null;
  readonly counts: {
    readonly streams: number;
    readonly records: number;
    readonly leaves: number;
    readonly unsequenced: number;
    readonly checkpoints: number;
  };
  /** Streams whose records are not here because a signed record says that they lie in an archive. */
  readonly archivedStreams: number;
  /** Leaves that a valid checkpoint covers. What lies behind is chained, but could have been written by anybody. */
  readonly coveredSize: number;
  /** Leaves that a valid checkpoint from elsewhere covers; 0 without anchors. */
  readonly anchoredSize: number;
  /** How long the oldest unsequenced record has waited, in ms; null when there is none. */
  readonly oldestUnsequencedAgeMs: number | null;
}

/**
 * Verifies a whole log offline: each record by itself, the chain of each stream, the leaf of each record, and each
 * checkpoint's size, root and signature. Never throws on what the log holds; errors of the given iterables pass.
 */
export async function verifyLog(log: LogToVerify, options: VerifyOptions): Promise<Verification> {
  const index = new LogIndex();
  const signed = new CheckpointScan(index, options.keys, options.anchors ?? [], options.witnessed ?? []);
  const leaves = iteratorOf(log.leaves);
  for await (const note of log.checkpoints) {
    const checkpoint = signed.open(note);
    if (checkpoint === null) continue;
    await readRows(
      leaves,
      (row) => index.addLeaf(row),
      () => index.leaves < checkpoint.size,
    );
    signed.hold(checkpoint);
  }
  await readRows(leaves, (row) => index.addLeaf(row));
  await readRows(iteratorOf(log.unsequenced), (row) => index.addUnsequenced(row));
  const scan = new RecordScan(index);
  await readRows(iteratorOf(log.records), (record) => scan.add(record));

  const ofRecords = scan.finish(signed.coveredSize, options.held ?? null);
  const known = index.finding === null ? ofRecords : firstOf(ofRecords, index.finding);
  const proven = signed.finish(known);
  const first = proven.finding === null ? known : firstOf(known, proven.finding);
  const oldest = scan.oldestUnsequencedAt;
  return {
    ...conclude(first, proven, index, scan),
    counts: {
      streams: scan.streams,
      records: scan.records,
      leaves: index.leaves,
      unsequenced: index.unsequenced,
      checkpoints: signed.read,
    },
    archivedStreams: scan.archivedStreams,
    coveredSize: proven.coveredSize,
    anchoredSize: proven.anchoredSize,
    oldestUnsequencedAgeMs: oldest === null ? null : Math.max(0, options.now - oldest),
  };
}

type Rows<Row> = Iterator<Row, unknown> | AsyncIterator<Row, unknown>;

function iteratorOf<Row>(rows: AsyncIterable<Row> | Iterable<Row>): Rows<Row> {
  return Symbol.asyncIterator in rows ? rows[Symbol.asyncIterator]() : rows[Symbol.iterator]();
}

/** Takes rows while `more` says so. Waits only for what is asynchronous: waiting for each row would cost a fifth. */
async function readRows<Row>(
  rows: Rows<Row>,
  take: (row: Row) => void,
  more: () => boolean = () => true,
): Promise<void> {
  while (more()) {
    const step = rows.next();
    const result = 'then' in step ? await step : step;
    if (result.done === true) return;
    take(result.value);
  }
}

function conclude(
  first: Finding | null,
  { trouble, coveredSize }: CheckpointResult,
  index: LogIndex,
  scan: RecordScan,
): Pick<Verification, 'verdict' | 'firstBad' | 'problem'> {
  if (first !== null) {
    const stray = scan.stray;
    // A lone record without a leaf beside a lone missing leaf is that leaf's record.
    const lone = scan.strays === 1 ? stray?.name : null;
    const name = first.name ?? lone ?? (first.position === null ? null : index.nameAt(first.position));
    const problem = stray === null || first.placed === 'stray' ? first.problem : `${first.problem} ${stray.problem}`;
    const entry = name === null ? null : index.find(name);
    const position = first.position ?? (entry === null ? null : index.position(entry));
    const nowhere = name === null && position === null;
    const firstBad = nowhere ? null : { stream: name?.stream ?? null, seq: name?.seq ?? null, position };
    return { verdict: first.verdict, firstBad, problem };
  }
  if (trouble !== null) {
    const name = index.nameAt(trouble.position);
    const firstBad = name === null ? null : { ...name, position: trouble.position };
    return { verdict: trouble.verdict, firstBad, problem: trouble.problem };
  }
  if (coveredSize === 0) {
    const problem = 'No checkpoint covers the log, so nothing shows that it was not rewritten as a whole.';
    return { verdict: 'not_anchored', firstBad: null, problem };
  }
  return { verdict: 'intact', firstBad: null, problem: null };
}
