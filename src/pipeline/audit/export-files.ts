import { isUtf8 } from 'node:buffer';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FirebreakError } from '../../platform/errors.ts';
import {
  EXPORT_FILES,
  formatCheckpoint,
  formatKeys,
  formatLeaf,
  formatManifest,
  formatUnsequenced,
  parseCheckpointNote,
  parseKeys,
  parseLeaf,
  parseManifest,
  parseUnsequenced,
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
  /** Oldest first. */
  readonly checkpoints: Rows<CheckpointRow>;
  readonly keys: readonly LogKey[];
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
 * @throws FirebreakError `conflict` when one of the files is there already: an export is never written over another.
 */
export async function writeExport(directory: string, source: ExportSource): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let newest: string | null = null;
  const checkpoints = async function* (): AsyncGenerator<string> {
    for await (const row of source.checkpoints) {
      newest = row.note;
      yield formatCheckpoint(row);
    }
  };
  await writeLines(directory, EXPORT_FILES.records, recordLines(source.records));
  await writeLines(directory, EXPORT_FILES.leaves, mapped(source.leaves, formatLeaf));
  await writeLines(directory, EXPORT_FILES.unsequenced, mapped(source.unsequenced, formatUnsequenced));
  await writeLines(directory, EXPORT_FILES.checkpoints, checkpoints());
  if (newest !== null) await writeLines(directory, EXPORT_FILES.newest, [newest]);
  await writeLines(directory, EXPORT_FILES.keys, [formatKeys(source.keys)]);
  await writeLines(directory, EXPORT_FILES.guide, [verifyGuide(source.manifest)]);
  await writeLines(directory, EXPORT_FILES.manifest, [formatManifest(source.manifest)]);
}

/** An export that is ready to be verified. */
export interface OpenedExport {
  readonly manifest: ExportManifest;
  /** The keys that lie in the export. Who could change the records could change them too. */
  readonly keys: readonly LogKey[];
  readonly log: LogToVerify;
}

/**
 * Opens an export; the rows are read from the files while they are verified, once.
 *
 * @throws FirebreakError `not_found` when a file is missing (an interrupted export has no manifest),
 *   `invalid_request` when manifest or keys cannot be read or, while the rows are read, a line is too long.
 */
export async function openExport(directory: string): Promise<OpenedExport> {
  const manifest = parseManifest(await readText(directory, EXPORT_FILES.manifest));
  const keys = parseKeys(await readText(directory, EXPORT_FILES.keys));
  return {
    manifest,
    keys,
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

async function writeLines(directory: string, file: string, rows: Rows<string | Uint8Array>): Promise<void> {
  const handle = await openFile(directory, file, 'wx');
  try {
    let collected: Buffer[] = [];
    let length = 0;
    for await (const row of rows) {
      const bytes =
        typeof row === 'string' ? Buffer.from(row) : Buffer.from(row.buffer, row.byteOffset, row.byteLength);
      collected.push(bytes);
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
