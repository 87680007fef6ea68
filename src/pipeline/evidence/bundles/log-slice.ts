import type { JournalReader } from '../../../journal/journal.ts';
import { openCheckpoint, type Checkpoint } from '../../audit/checkpoint.ts';
import { rootsOver, type RootOf } from '../../audit/merkle.ts';
import { FirebreakError, invariant } from '../../../platform/errors.ts';
import type { Machine } from '../../../platform/machine.ts';
import type { EarlierCheckpoint, PlacedRecord } from './bundle-proofs.ts';

/** Leaves read at once. */
const LEAVES_PER_READ = 5_000;
/** How often it is looked whether the log has come along, in ms of machine time; checkpoints come every 5 s. */
const POLL_MS = 250;
/** How long a bundle waits for the log, in ms; whoever fetches it asks again. */
const LONGEST_WAIT_MS = 1_000;
/** Earlier checkpoints that go into a bundle, newest first: more than any receiver has kept of the last days. */
const MAX_EARLIER = 64;

/** The part of the log that a bundle needs, with everything from which its proofs follow. */
export interface LogSlice {
  /** By stream (UTF-16 order), then by seq. */
  readonly records: readonly PlacedRecord[];
  readonly checkpoint: Checkpoint;
  /** As it was signed. */
  readonly note: string;
  readonly earlier: readonly EarlierCheckpoint[];
  readonly rootOf: RootOf;
}

export interface SlicePorts {
  readonly journal: Pick<JournalReader, 'log' | 'longReads'>;
  readonly machine: Pick<Machine, 'sleep'>;
}

/**
 * Whole streams with their places, under one checkpoint that covers all of them. Reads the leaves of the whole log once: 32 bytes of
 * memory for each of its records.
 *
 * @param streams in UTF-16 order.
 * @param stamped checkpoints that have a time stamp.
 * @throws FirebreakError `overloaded` when the log does not come along, so that nobody can prove anything yet.
 */
export async function sliceOf(
  { journal, machine }: SlicePorts,
  streams: readonly string[],
  stamped: readonly EarlierCheckpoint[],
): Promise<LogSlice> {
  const wanted = new Map<string, readonly { readonly seq: number; readonly bytes: string }[]>();
  for (const stream of streams) wanted.set(stream, await journal.log.recordRows(stream));
  const places = new Map<string, number>();
  let read = 0;
  for (let waited = 0; ; waited += POLL_MS) {
    read = await addPlaces(journal, wanted, places, read);
    const note = (await journal.log.checkpoints(1)).at(-1)?.note;
    const opened = note === undefined ? null : openCheckpoint(note, []);
    const last = Math.max(-1, ...places.values());
    const isWhole = [...wanted].every(([stream, rows]) => rows.every(({ seq }) => places.has(keyOf(stream, seq))));
    if (
      isWhole &&
      note !== undefined &&
      opened !== null &&
      opened.status !== 'malformed' &&
      opened.checkpoint.size > last
    ) {
      return sliced(journal, wanted, places, { note, checkpoint: opened.checkpoint }, stamped);
    }
    if (waited >= LONGEST_WAIT_MS) break;
    await machine.sleep(POLL_MS);
  }
  throw new FirebreakError('overloaded', 'The log has not signed these records yet; try again in a few seconds');
}

function keyOf(stream: string, seq: number): string {
  return `${stream} ${seq}`;
}

/** Notes the places of wanted records behind `from`; answers how many leaves were read. */
async function addPlaces(
  journal: Pick<JournalReader, 'log'>,
  wanted: ReadonlyMap<string, unknown>,
  places: Map<string, number>,
  from: number,
): Promise<number> {
  for (let next = from; ;) {
    const rows = await journal.log.leaves(next, LEAVES_PER_READ);
    for (const { stream, seq, position } of rows) if (wanted.has(stream)) places.set(keyOf(stream, seq), position);
    next += rows.length;
    if (rows.length < LEAVES_PER_READ) return next;
  }
}

async function sliced(
  journal: SlicePorts['journal'],
  wanted: ReadonlyMap<string, readonly { readonly seq: number; readonly bytes: string }[]>,
  places: ReadonlyMap<string, number>,
  { note, checkpoint }: Pick<LogSlice, 'note' | 'checkpoint'>,
  stamped: readonly EarlierCheckpoint[],
): Promise<LogSlice> {
  const hashes = Buffer.alloc(checkpoint.size * 32);
  for (let from = 0; from < checkpoint.size; from += LEAVES_PER_READ) {
    const some = await journal.longReads.leafHashes(from, Math.min(checkpoint.size, from + LEAVES_PER_READ));
    for (const [index, hash] of some.entries()) hashes.write(hash, (from + index) * 32, 32, 'hex');
  }
  const rootOf = rootsOver((position) => hashes.toString('hex', position * 32, position * 32 + 32));
  const root = rootOf({ start: 0, end: checkpoint.size });
  invariant(root === checkpoint.root, 'the checkpoint is of this log');
  const records = [...wanted].flatMap(([stream, rows]) =>
    rows.map(({ seq, bytes }) => ({ stream, seq, bytes, position: places.get(keyOf(stream, seq)) ?? 0 })),
  );
  const earlier = new Map<number, EarlierCheckpoint>();
  for (const { size, note: old } of (await journal.log.checkpoints(MAX_EARLIER)).slice(-MAX_EARLIER)) {
    earlier.set(size, { size, note: old, token: null });
  }
  for (const each of stamped) earlier.set(each.size, each);
  const smaller = [...earlier.values()].filter(({ size }) => size > 0 && size <= checkpoint.size);
  return { records, note, checkpoint, rootOf, earlier: smaller.toSorted((a, b) => a.size - b.size) };
}
