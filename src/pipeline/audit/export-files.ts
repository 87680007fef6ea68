import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sha256Hex } from '../../platform/hash.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { StoredObject } from '../../journal/journal.ts';
import type { ArchivedStream } from './archived.ts';
import {
  ARCHIVE_FILES,
  EXPORT_FILES,
  formatArchivedStream,
  formatCheckpoint,
  formatKeys,
  formatLeaf,
  formatManifest,
  formatObject,
  formatUnsequenced,
  parseArchivedStream,
  parseCheckpointNote,
  parseExportedObject,
  parseKeys,
  parseLeaf,
  parseManifest,
  parseUnsequenced,
  type ArchiveContents,
  type CheckpointRow,
  type ExportManifest,
} from './export.ts';
import { verifyGuide } from './export-guide.ts';
import type { LeafRow, UnsequencedRecord } from './sequencer.ts';
import type { LogToVerify } from './verify.ts';
import type { LogKey } from './verify-checkpoints.ts';

type Rows<Row> = AsyncIterable<Row> | Iterable<Row>;

/** What goes into an export. All from one moment: one read transaction of the journal. */
export interface ExportSource {
  readonly manifest: ExportManifest;
  /** Exact bytes, by stream (UTF-16 order), then by seq. */
  readonly records: Rows<string | Uint8Array>;
  readonly leaves: Rows<LeafRow>;
  readonly unsequenced: Rows<UnsequencedRecord>;
  /** What the records name; read after them, so that the names may be gathered while they are. */
  readonly objects: Rows<StoredObject>;
  /** Lines that open personal texts, each with its newline. Absent: who gets the export cannot read them. */
  readonly openings?: Rows<string>;
  /** Oldest first. */
  readonly checkpoints: Rows<CheckpointRow>;
  readonly keys: readonly LogKey[];
  /** Given for an archive. */
  readonly archive?: ArchiveSource;
}

/** What an archive holds besides: read after the records, so that it may be gathered while they are. */
export interface ArchiveSource {
  readonly before: number;
  readonly streams: Rows<ArchivedStream>;
  /** Lines of events, each with its newline. */
  readonly events: Rows<string>;
  contents(): Pick<ArchiveContents, 'streams' | 'events'>;
}

/** Bytes that are collected before a write, and read at once: so many that the number of calls does not matter. */
const WRITE_CHUNK = 256 * 1024;
const READ_CHUNK = 256 * 1024;

/** Longest line that is read, in bytes: records of accepted input are far shorter, and memory stays bounded. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * Writes an export into `directory`, which is made when it is absent. Files are readable by their owner only: records
 * hold what happened to named people.
 *
 * @returns the SHA-256 of the manifest, which names an archive.
 * @throws FirebreakError `conflict` when one of the files is there already: an export is never written over another.
 */
export async function writeExport(directory: string, source: ExportSource): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let newest: string | null = null;
  const checkpoints = async function* (): AsyncGenerator<string> {
    for await (const row of source.checkpoints) {
      newest = row.note;
      yield formatCheckpoint(row);
    }
  };
  const files: Record<string, string> = {};
  const write = async (file: string, rows: Rows<string | Uint8Array>): Promise<void> => {
    files[file] = await writeLines(directory, file, rows);
  };
  await write(EXPORT_FILES.records, recordLines(source.records));
  await write(EXPORT_FILES.objects, mapped(source.objects, formatObject));
  if (source.openings !== undefined) await write(EXPORT_FILES.openings, source.openings);
  await write(EXPORT_FILES.leaves, mapped(source.leaves, formatLeaf));
  await write(EXPORT_FILES.unsequenced, mapped(source.unsequenced, formatUnsequenced));
  await write(EXPORT_FILES.checkpoints, checkpoints());
  if (newest !== null) await writeLines(directory, EXPORT_FILES.newest, [newest]);
  await writeLines(directory, EXPORT_FILES.keys, [formatKeys(source.keys)]);
  await writeLines(directory, EXPORT_FILES.guide, [verifyGuide(source.manifest)]);
  const { archive } = source;
  if (archive !== undefined) {
    await write(ARCHIVE_FILES.streams, mapped(archive.streams, formatArchivedStream));
    await write(ARCHIVE_FILES.events, archive.events);
  }
  const contents = archive === undefined ? {} : { archive: { before: archive.before, files, ...archive.contents() } };
  return writeLines(directory, EXPORT_FILES.manifest, [formatManifest({ ...source.manifest, ...contents })]);
}

/** An export that is ready to be verified. */
export interface OpenedExport {
  readonly manifest: ExportManifest;
  /** The keys that lie in the export. Who could change the records could change them too. */
  readonly keys: readonly LogKey[];
  readonly log: LogToVerify;
  /** Of an archive: its name, and the streams that it holds. */
  readonly archive: OpenedArchive | null;
}

export interface OpenedArchive {
  /** SHA-256 of the manifest. */
  readonly hash: string;
  readonly contents: ArchiveContents;
  readonly streams: readonly ArchivedStream[];
}

/**
 * Opens an export; the rows are read from the files while they are verified, once.
 *
 * @throws FirebreakError `not_found` when a file is missing (an interrupted export has no manifest),
 *   `invalid_request` when manifest or keys cannot be read or, while the rows are read, a line is too long.
 */
export async function openExport(directory: string): Promise<OpenedExport> {
  const text = await readText(directory, EXPORT_FILES.manifest);
  const manifest = parseManifest(text);
  const keys = parseKeys(await readText(directory, EXPORT_FILES.keys));
  return {
    manifest,
    keys,
    archive:
      manifest.archive === undefined
        ? null
        : { hash: sha256Hex(text), contents: manifest.archive, streams: await archivedStreams(directory) },
    log: {
      records: mapped(lines(directory, EXPORT_FILES.records), (bytes) => ({ bytes })),
      leaves: mapped(lines(directory, EXPORT_FILES.leaves), (bytes, line) => parseLeaf(textOf(bytes), line)),
      unsequenced: mapped(lines(directory, EXPORT_FILES.unsequenced), (bytes, line) =>
        parseUnsequenced(textOf(bytes), line),
      ),
      checkpoints: mapped(lines(directory, EXPORT_FILES.checkpoints), (bytes) => parseCheckpointNote(textOf(bytes))),
    },
  };
}

async function archivedStreams(directory: string): Promise<readonly ArchivedStream[]> {
  const streams: ArchivedStream[] = [];
  for await (const archived of mapped(lines(directory, ARCHIVE_FILES.streams), (bytes, line) =>
    parseArchivedStream(textOf(bytes), line),
  )) {
    streams.push(archived);
  }
  return streams;
}

/** The name of the first file of an archive that is not the one its manifest names, or null. Reads all of them. */
export async function firstOtherFile(directory: string, { files }: ArchiveContents): Promise<string | null> {
  for (const [file, expected] of Object.entries(files)) {
    if ((await fileHash(directory, file)) !== expected) return file;
  }
  return null;
}

async function fileHash(directory: string, file: string): Promise<string> {
  const handle = await openFile(directory, basename(file), 'r');
  const hash = createHash('sha256');
  for await (const chunk of handle.createReadStream()) hash.update(chunk as Buffer); // no encoding: bytes
  return hash.digest('hex');
}

/** The lines of an archive's events, as text without newlines. */
export function eventLines(directory: string): AsyncGenerator<string> {
  return mapped(lines(directory, ARCHIVE_FILES.events), (bytes) => textOf(bytes));
}

/** The records of an export as they lie there: `audit verify` judges them. */
export function exportedRecords(directory: string): AsyncGenerator<string> {
  return mapped(lines(directory, EXPORT_FILES.records), (bytes) => textOf(bytes));
}

/** The objects of an export. @throws FirebreakError `invalid_request` naming the line of one that is not what its name says. */
export function exportedObjects(directory: string): AsyncGenerator<StoredObject> {
  return mapped(lines(directory, EXPORT_FILES.objects), (bytes, line) => parseExportedObject(textOf(bytes), line));
}

/** The lines of what opens personal texts; null: the export was made without. */
export function exportedOpenings(directory: string): AsyncGenerator<string> | null {
  if (!existsSync(join(directory, EXPORT_FILES.openings))) return null;
  return mapped(lines(directory, EXPORT_FILES.openings), (bytes) => textOf(bytes));
}

/** Lines without their newline, split at 0x0A only: records may hold U+2028, where other readers would split. */
async function* lines(directory: string, file: string): AsyncGenerator<Uint8Array> {
  const handle = await openFile(directory, file, 'r');
  try {
    const rest: Buffer[] = [];
    let length = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_CHUNK);
      const { bytesRead } = await handle.read(chunk, 0, READ_CHUNK, null);
      if (bytesRead === 0) break;
      let start = 0;
      const bytes = chunk.subarray(0, bytesRead);
      for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
        const piece = bytes.subarray(start, end);
        start = end + 1;
        yield rest.length === 0 ? piece : Buffer.concat([...rest.splice(0), piece]);
        length = 0;
      }
      rest.push(bytes.subarray(start));
      length += bytesRead - start;
      if (length > MAX_LINE_BYTES) {
        throw new FirebreakError('invalid_request', `A line of ${file} is longer than ${MAX_LINE_BYTES} bytes.`);
      }
    }
    if (length > 0) yield Buffer.concat(rest);
  } finally {
    await handle.close();
  }
}

async function* recordLines(records: Rows<string | Uint8Array>): AsyncGenerator<string | Uint8Array> {
  for await (const bytes of records) yield typeof bytes === 'string' ? `${bytes}\n` : Buffer.concat([bytes, NEWLINE]);
}

const NEWLINE = Uint8Array.of(0x0a);

/** `line` counts from 1. */
async function* mapped<From, To>(rows: Rows<From>, map: (row: From, line: number) => To): AsyncGenerator<To> {
  let line = 0;
  for await (const row of rows) yield map(row, (line += 1));
}

/** The text of a line, or text that no parser accepts when the bytes are not UTF-8. */
function textOf(bytes: Uint8Array): string {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') : '';
}

/** Answers with the SHA-256 of what was written. */
async function writeLines(directory: string, file: string, rows: Rows<string | Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  const handle = await openFile(directory, file, 'wx');
  try {
    let collected: Buffer[] = [];
    let length = 0;
    for await (const row of rows) {
      const bytes =
        typeof row === 'string' ? Buffer.from(row) : Buffer.from(row.buffer, row.byteOffset, row.byteLength);
      collected.push(bytes);
      hash.update(bytes);
      length += bytes.length;
      if (length < WRITE_CHUNK) continue;
      await handle.appendFile(Buffer.concat(collected));
      [collected, length] = [[], 0];
    }
    await handle.appendFile(Buffer.concat(collected));
    await handle.sync();
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

async function readText(directory: string, file: string): Promise<string> {
  const handle = await openFile(directory, file, 'r');
  try {
    const { size } = await handle.stat();
    if (size > MAX_LINE_BYTES)
      throw new FirebreakError('invalid_request', `${file} is larger than ${MAX_LINE_BYTES} bytes.`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function openFile(directory: string, file: string, flags: 'r' | 'wx'): Promise<FileHandle> {
  try {
    return await open(join(directory, file), flags, 0o600);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null;
    if (code === 'EEXIST') {
      throw new FirebreakError('conflict', `${file} is in that directory already; choose an empty one.`, [], { cause });
    }
    if (code === 'ENOENT') {
      throw new FirebreakError('not_found', `${file} is missing: this is no export, or it was interrupted.`, [], {
        cause,
      });
    }
    throw cause;
  }
}
