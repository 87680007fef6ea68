import { createPublicKey } from 'node:crypto';
import { canonicalJson, type Json } from '../../platform/canonical-json.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import type { StoredObject } from '../../journal/journal.ts';
import { archivedStream, type ArchivedStream } from './archived.ts';
import type { LogIdentity } from './checkpoint.ts';
import { isTreeHash } from './merkle.ts';
import type { LeafRow, UnsequencedRecord } from './sequencer.ts';
import { formatVerifierKey, noteKey, parseVerifierKey } from './signed-note.ts';
import type { LogKey } from './verify-checkpoints.ts';
import type { Unreadable } from './verify-index.ts';

/**
 * The form of an export: a directory of plain files that can be checked without this product. This file turns rows
 * into lines and back; `export-files.ts` puts the lines into files.
 *
 * Whatever is read is hostile: a row that cannot be read becomes `Unreadable` and so a finding of the verifier.
 */
export const EXPORT_FORMAT = 'firebreak-export/1';

export const EXPORT_FILES = {
  /** The exact bytes of each record, one on a line, by stream (UTF-16 order), then by seq. */
  records: 'records.ndjson',
  /** `{leafHash, position, seq, stream}`, by position. */
  leaves: 'leaves.ndjson',
  /** `{leafHash, seq, stream}` of the records that had no place yet. */
  unsequenced: 'unsequenced.ndjson',
  /** `{at, note, size}`, oldest first; `at` is not signed. */
  checkpoints: 'checkpoints.ndjson',
  /** `{body, hash}` of each immutable object that the records name: what their decisions followed from. */
  objects: 'objects.ndjson',
  /** `{key, person, seq, stream}`: what opens personal texts of these records. Only where that was asked for. */
  openings: 'openings.ndjson',
  /** The newest signed note alone, ready for other tools. Absent when there is none. */
  newest: 'checkpoint',
  keys: 'keys.json',
  guide: 'VERIFY.md',
  /** Written last: an export without it was interrupted. */
  manifest: 'manifest.json',
} as const;

/** The files that an archive has besides. */
export const ARCHIVE_FILES = {
  /** `{hash, leaf, records, stream}` of each stream that it holds, by name. */
  streams: 'streams.ndjson',
  /** `{event, raw}` of each event that went with it, `raw` in base64. */
  events: 'events.ndjson',
} as const;

/** What the export says of itself. Not signed: only the checkpoints' origin is. */
export interface ExportManifest extends LogIdentity {
  readonly format: typeof EXPORT_FORMAT;
  /** Business time, ms since 1970. */
  readonly exportedAt: number;
  /** There in an archive: it holds only what retention took out of the journal. */
  readonly archive?: ArchiveContents;
}

/** What an archive says of itself. The SHA-256 of the manifest names the archive, so this vouches for its files. */
export interface ArchiveContents {
  /** What ended before this business time is in it, ms since 1970. */
  readonly before: number;
  readonly streams: number;
  /** Null: it holds no events. Times are those of the events. */
  readonly events: { readonly count: number; readonly from: number; readonly to: number } | null;
  /** SHA-256 of each file that retention relies on, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** A checkpoint as the journal keeps it. `at` is when it was made, ms since 1970. */
export interface CheckpointRow {
  readonly size: number;
  readonly at: number;
  readonly note: string;
}

export function formatManifest(manifest: ExportManifest): string {
  return `${canonicalJson(manifest)}\n`;
}

/** @throws FirebreakError `invalid_request` when it is not a manifest of this format. */
export function parseManifest(text: string): ExportManifest {
  const value = parseObject(text);
  const { format, journalId, generation, accelerated, exportedAt } = value ?? {};
  if (format !== EXPORT_FORMAT)
    throw unreadableFile(EXPORT_FILES.manifest, `It must hold "format": "${EXPORT_FORMAT}".`);
  if (
    typeof journalId !== 'string' ||
    !isCount(generation) ||
    typeof accelerated !== 'boolean' ||
    !isCount(exportedAt)
  ) {
    throw unreadableFile(EXPORT_FILES.manifest, 'It must hold journalId, generation, accelerated and exportedAt.');
  }
  const manifest: ExportManifest = { format, journalId, generation, accelerated, exportedAt };
  if (value?.['archive'] === undefined) return manifest;
  const archive = archiveIn(value['archive']);
  if (archive === null) throw unreadableFile(EXPORT_FILES.manifest, 'Its member "archive" has not its form.');
  return { ...manifest, archive };
}

function archiveIn(value: unknown): ArchiveContents | null {
  const { before, streams, events, files } = objectIn(value) ?? {};
  const { count, from, to } = objectIn(events) ?? {};
  const range = isCount(count) && isCount(from) && isCount(to) ? { count, from, to } : null;
  const hashes = Object.entries(objectIn(files) ?? {});
  const named: [string, string][] = hashes.flatMap(([name, hash]) => (isTreeHash(hash) ? [[name, hash]] : []));
  if (!isCount(before) || !isCount(streams) || (events !== null && range === null)) return null;
  return named.length === hashes.length ? { before, streams, events: range, files: Object.fromEntries(named) } : null;
}

export function formatArchivedStream({ stream, records, hash, leaf }: ArchivedStream): string {
  return `${canonicalJson({ stream, records, hash, leaf })}\n`;
}

/** @throws FirebreakError `invalid_request`: what an archive holds must be known before it is verified. */
export function parseArchivedStream(text: string, line: number): ArchivedStream {
  const archived = archivedStream(canonicalObject(text));
  if (archived !== null) return archived;
  throw new FirebreakError('invalid_request', unreadableLine(ARCHIVE_FILES.streams, line).unreadable);
}

export function formatLeaf({ position, stream, seq, leafHash }: LeafRow): string {
  return `${canonicalJson({ position, stream, seq, leafHash })}\n`;
}

/**
 * `line` counts from 1 and stands in the sentence about a row that cannot be read, which is every row that is not in
 * canonical form: two spellings of one row would be two files that say the same. Never throws.
 */
export function parseLeaf(text: string, line: number): LeafRow | Unreadable {
  const value = canonicalObject(text);
  const row = waitingIn(value);
  const position = value?.['position'];
  if (row === null || !isCount(position)) return unreadableLine(EXPORT_FILES.leaves, line);
  return { ...row, position };
}

export function formatUnsequenced({ stream, seq, leafHash }: UnsequencedRecord): string {
  return `${canonicalJson({ stream, seq, leafHash })}\n`;
}

/** As `parseLeaf`. */
export function parseUnsequenced(text: string, line: number): UnsequencedRecord | Unreadable {
  return waitingIn(canonicalObject(text)) ?? unreadableLine(EXPORT_FILES.unsequenced, line);
}

export function formatObject({ hash, body }: StoredObject): string {
  return `${canonicalJson({ hash, body })}\n`;
}

/** @throws FirebreakError `invalid_request` when the line is no object whose hash is its name. */
export function parseExportedObject(text: string, line: number): StoredObject {
  const { hash, body } = parseObject(text) ?? {};
  if (typeof hash === 'string' && body !== undefined && contentHash(body) === hash) return { hash, body: body as Json }; // it was parsed as JSON
  throw new FirebreakError('invalid_request', unreadableLine(EXPORT_FILES.objects, line).unreadable);
}

export function formatCheckpoint({ size, at, note }: CheckpointRow): string {
  return `${canonicalJson({ size, at, note })}\n`;
}

/**
 * The signed note of a line; empty text, which no verifier takes for a checkpoint, when there is none, when the line is
 * not canonical or names another size than the note. Never throws.
 */
export function parseCheckpointNote(text: string): string {
  const { note, size } = canonicalObject(text) ?? {};
  return typeof note === 'string' && note.split('\n', 2)[1] === String(size) ? note : '';
}

/** The keys for people and other tools: as verifier key lines and as PEM. */
export function formatKeys(keys: readonly LogKey[]): string {
  const rows = keys.map((key) => ({
    verifierKey: formatVerifierKey(key),
    publicKeyPem: key.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    fromSize: key.fromSize,
    toSize: key.toSize,
  }));
  return `${JSON.stringify({ keys: rows }, null, 2)}\n`;
}

/**
 * The keys of a key file. They are worth what the file is: trust them only from a place that the log's keeper does not
 * control. The verifier key line counts; the PEM is for other tools.
 *
 * @throws FirebreakError `invalid_request` naming the key that cannot be read.
 */
export function parseKeys(text: string): readonly LogKey[] {
  const rows = parseObject(text)?.['keys'];
  if (!Array.isArray(rows)) throw unreadableFile(EXPORT_FILES.keys, 'It must hold a list "keys".');
  return rows.map((row: unknown, index) => {
    const { verifierKey, fromSize, toSize } = objectIn(row) ?? {};
    const key = typeof verifierKey === 'string' ? parseVerifierKey(verifierKey) : null;
    if (key === null || !isCount(fromSize) || !(toSize === null || isCount(toSize))) {
      throw new FirebreakError('invalid_request', `Key ${index + 1} of ${EXPORT_FILES.keys} cannot be read.`, [
        { pointer: `/keys/${index}`, detail: 'Give verifierKey (name+id+base64), fromSize and toSize (or null).' },
      ]);
    }
    return { ...key, fromSize, toSize };
  });
}

/** A key that a person gave as PEM, trusted for every size of the log that has this origin. */
export function keyFromPem(pem: string, originLine: string): LogKey {
  try {
    return { ...noteKey(originLine, createPublicKey(pem)), fromSize: 0, toSize: null };
  } catch (cause) {
    if (cause instanceof FirebreakError) throw cause;
    throw new FirebreakError('invalid_request', 'The key is not a public key in PEM form.', [], { cause });
  }
}

function unreadableLine(file: string, line: number): Unreadable {
  return { unreadable: `Line ${line} of ${file} cannot be read.` };
}

function unreadableFile(file: string, detail: string): FirebreakError {
  return new FirebreakError('invalid_request', `${file} cannot be read.`, [{ pointer: '', detail }]);
}

function waitingIn(value: Record<string, unknown> | null): UnsequencedRecord | null {
  const { stream, seq, leafHash } = value ?? {};
  if (typeof stream !== 'string' || stream === '' || !isCount(seq) || seq < 1 || !isTreeHash(leafHash)) return null;
  return { stream, seq, leafHash };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return null;
  }
}

/** As `parseObject`, but null also for a text that is not the canonical one of its value. */
function canonicalObject(text: string): Record<string, unknown> | null {
  const value = parseObject(text);
  try {
    return value !== null && canonicalJson(value) === text ? value : null;
  } catch {
    return null;
  }
}

/** A copy without inherited members, or null for what is no object. */
function objectIn(value: unknown): Record<string, unknown> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.assign(Object.create(null), value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
