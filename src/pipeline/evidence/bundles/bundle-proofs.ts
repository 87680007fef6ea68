import { z } from 'zod';
import { canonicalJson } from '../../../platform/canonical-json.ts';
import type { Checkpoint } from '../../audit/checkpoint.ts';
import { leafHash, type RootOf } from '../../audit/merkle.ts';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from '../../audit/merkle-proofs.ts';
import { FIRST_PREV } from '../../audit/record.ts';
import { compareNames, type RecordName } from '../../audit/sequencer.ts';
import { nameText } from '../../audit/verify-finding.ts';
import { examineRecord } from '../../audit/verify-record.ts';
import type { BundleManifest } from './bundle-format.ts';

/** Proofs that a bundle's records stand in the log, and the checks of them. Whatever is read is hostile; nothing throws. */

const HASH = z.string().regex(/^[0-9a-f]{64}$/);
/** As many hashes as any proof may have: the verifier refuses longer ones. */
const PROOF = z.array(HASH).max(128);
const PROOF_ROW = z.strictObject({ stream: z.string(), seq: z.int(), position: z.int(), proof: PROOF });
const CHECKPOINT_ROW = z.strictObject({
  note: z.string().max(65_536),
  consistency: PROOF,
  token: z.string().max(131_072).nullable(),
});

export interface PlacedRecord extends RecordName {
  readonly bytes: string;
  readonly position: number;
}

/** An earlier checkpoint, and the token where an authority has stamped it with the time. */
export interface EarlierCheckpoint {
  readonly note: string;
  readonly size: number;
  /** DER. */
  readonly token: Buffer | null;
}

export function formatRecordProofs(records: readonly PlacedRecord[], size: number, rootOf: RootOf): string {
  const rows = records.map(({ stream, seq, position }) => ({
    stream,
    seq,
    position,
    proof: inclusionProof(rootOf, position, size),
  }));
  return rows.map((row) => `${canonicalJson(row)}\n`).join('');
}

/** @param size of the checkpoint that they lead to; none of `earlier` is larger or empty. */
export function formatEarlierCheckpoints(earlier: readonly EarlierCheckpoint[], size: number, rootOf: RootOf): string {
  const rows = earlier.map(({ note, size: old, token }) => ({
    note,
    consistency: consistencyProof(rootOf, old, size),
    token: token?.toString('base64') ?? null,
  }));
  return rows.map((row) => `${canonicalJson(row)}\n`).join('');
}

/** One earlier checkpoint as a bundle holds it. */
export type CheckpointRow = Readonly<z.infer<typeof CHECKPOINT_ROW>>;

/** The rows, or the sentence about the first line that is none. */
export function parseCheckpointRows(text: string): readonly CheckpointRow[] | string {
  return rowsOf(text, CHECKPOINT_ROW);
}

/** Whether the earlier checkpoint is one of the same log, which then only grew to the other. */
export function leadsTo(
  row: CheckpointRow,
  old: Checkpoint,
  { origin, size, root }: Omit<Checkpoint, 'extensions'>,
): boolean {
  const claim = { oldSize: old.size, oldRoot: old.root, newSize: size, newRoot: root, proof: row.consistency };
  return sameJournal(old.origin, origin) && verifyConsistency(claim);
}

/** Origins of generations of one journal: `firebreak/<journal>/g<n>`. */
function sameJournal(a: string, b: string): boolean {
  return a.split('/')[1] === b.split('/')[1];
}

/**
 * The first record that does not fit, as a sentence; null when each is canonical, follows the one before it in its stream, and
 * stands in the log that the checkpoint was signed for, and each stream is here from its first record to the one that the
 * manifest names.
 */
export function firstWrongRecord(
  records: string,
  proofs: string,
  { checkpoint, streams }: Pick<BundleManifest, 'checkpoint' | 'streams'>,
): string | null {
  const lines = linesOf(records);
  const rows = rowsOf(proofs, PROOF_ROW);
  if (typeof rows === 'string') return `proofs.ndjson: ${rows}`;
  const ends = new Map<string, { seq: number; hash: string; at: number }>();
  let last: RecordName | null = null;
  for (const [index, bytes] of lines.entries()) {
    const { name, fault, hash, prev, at } = examineRecord({ bytes });
    const row = rows[index];
    const shown = name === null ? (row === undefined ? `line ${index + 1}` : nameText(row)) : nameText(name);
    if (name === null || fault !== null) return `Record ${shown} ${fault ?? 'has no name'}.`;
    if (row === undefined) return `Record ${shown} has no proof.`;
    if (row.stream !== name.stream || row.seq !== name.seq)
      return `Record ${shown} stands where ${nameText(row)} belongs.`;
    if (last !== null && compareNames(last, name) >= 0) return `Record ${shown} does not stand where it belongs.`;
    last = name;
    const proof = { leaf: leafHash(bytes), index: row.position, proof: row.proof };
    if (!verifyInclusion({ ...proof, size: checkpoint.size, root: checkpoint.root })) {
      return `Record ${shown} is not the one that the log has at position ${row.position}.`;
    }
    const end = ends.get(name.stream) ?? { seq: 0, hash: FIRST_PREV, at };
    if (name.seq !== end.seq + 1 || prev !== end.hash || at < end.at) {
      return `Record ${shown} does not follow the one before it.`;
    }
    ends.set(name.stream, { seq: name.seq, hash, at });
  }
  if (rows.length > lines.length)
    return `Record ${nameText(rows[lines.length] ?? { stream: '?', seq: 0 })} is missing.`;
  return firstWrongEnd(ends, streams);
}

function firstWrongEnd(
  ends: ReadonlyMap<string, { readonly seq: number; readonly hash: string }>,
  streams: BundleManifest['streams'],
): string | null {
  for (const { stream, records, hash } of streams) {
    const end = ends.get(stream);
    if (end?.seq !== records || end.hash !== hash)
      return `The stream ${stream} does not end with its record #${records}.`;
  }
  const unnamed = [...ends.keys()].find((stream) => !streams.some((named) => named.stream === stream));
  return unnamed === undefined ? null : `The stream ${unnamed} is not one that the manifest names.`;
}

/** Lines without their newline; a last one without it is not complete and stays out of the count only when it is empty. */
export function linesOf(text: string): readonly string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function rowsOf<Row>(text: string, form: z.ZodType<Row>): readonly Row[] | string {
  const rows: Row[] = [];
  for (const [index, line] of linesOf(text).entries()) {
    const parsed = form.safeParse(parsedJson(line));
    if (!parsed.success) return `Line ${index + 1} cannot be read.`;
    rows.push(parsed.data);
  }
  return rows;
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
