import { printable } from '../platform/printable.ts';
import type { OwnCopy } from './own-copy.ts';
import { gitFault } from './run-git.ts';

/** Entries of a commit's folder that are looked at: more than any organisation has files beside its runbooks. */
const MAX_ENTRIES = 20_000;
/** Most that the list of them may take, in bytes. */
const MAX_LIST_BYTES = 8 * 1024 * 1024;
/** Files that may be runbooks: as many as there can be, and as many again of something else. */
const MAX_FILES = 1_000;
/** Largest file, in bytes, as of a runbook that is put. */
const MAX_FILE_BYTES = 1024 * 1024;
/** All files together, in bytes. */
const MAX_TOTAL_BYTES = 12 * 1024 * 1024;
const NAMES = /\.(?:ya?ml|json)$/i;

export interface GitFile {
  /** In the repository. */
  readonly path: string;
  /** Its object id. */
  readonly blob: string;
  readonly bytes: Buffer;
}

export interface ReadFiles {
  readonly files: readonly GitFile[];
  /** What was left out although its name is that of a runbook, in sentences. */
  readonly skipped: readonly string[];
}

interface Entry {
  readonly mode: string;
  readonly type: string;
  readonly blob: string;
  readonly size: number;
  readonly path: string;
}

/**
 * The YAML and JSON files of a folder of a commit, out of the commit's own objects: no work tree is looked at, symbolic links and
 * submodules are not followed. Bytes are as they were committed: no filter and no line ending is applied.
 * @throws FirebreakError `invalid_request` beyond the limits, or when there is no such folder
 */
export async function readFiles(copy: OwnCopy, commitId: string, folder: string): Promise<ReadFiles> {
  const place = folder === '' ? [] : [`${folder}/`];
  const listed = await copy.must(
    'The files cannot be listed',
    ['ls-tree', '-r', '-z', '-l', '--full-tree', commitId, '--', ...place],
    { maxBytes: MAX_LIST_BYTES },
  );
  const entries = listed.toString('utf8').split('\0').filter(Boolean).map(entryOf);
  if (entries.length === 0) throw gitFault(`The commit has no folder ${folder || 'with files'}`, '/folder');
  if (entries.length > MAX_ENTRIES)
    throw gitFault(`There are more than ${MAX_ENTRIES} files; name a folder`, '/folder');
  const named = entries.filter(({ path }) => NAMES.test(path));
  const regular = named.filter(isRegular);
  const skipped = named
    .filter((entry) => !isRegular(entry))
    .map(({ path }) => `${printable(path)} is a symbolic link or no file; it is not followed`);
  requireLimits(regular);
  const asked = `${regular.map(({ blob }) => blob).join('\n')}\n`;
  const bytes = await copy.must('The files cannot be read', ['cat-file', '--batch'], {
    input: regular.length === 0 ? '' : asked,
    maxBytes: MAX_TOTAL_BYTES + regular.length * 128,
  });
  return { files: parted(bytes, regular), skipped };
}

function entryOf(line: string): Entry {
  const tab = line.indexOf('\t');
  const [mode = '', type = '', blob = '', size = ''] = line.slice(0, tab).split(/ +/);
  return { mode, type, blob, size: /^\d+$/.test(size) ? Number(size) : 0, path: line.slice(tab + 1) };
}

function isRegular({ mode, type }: Entry): boolean {
  return type === 'blob' && (mode === '100644' || mode === '100755');
}

function requireLimits(entries: readonly Entry[]): void {
  if (entries.length > MAX_FILES)
    throw gitFault(`There are more than ${MAX_FILES} YAML and JSON files; name a folder of fewer`, '/folder');
  const large = entries.find(({ size }) => size > MAX_FILE_BYTES);
  if (large !== undefined)
    throw gitFault(
      `${printable(large.path)} is larger than ${MAX_FILE_BYTES} bytes; name a folder without it`,
      '/folder',
    );
  if (entries.reduce((sum, { size }) => sum + size, 0) > MAX_TOTAL_BYTES)
    throw gitFault(`The files are larger than ${MAX_TOTAL_BYTES} bytes together; name a folder of fewer`, '/folder');
}

/** The answer of `cat-file --batch`: `<id> blob <size>`, the bytes and a line feed for each, in the order asked. */
function parted(bytes: Buffer, entries: readonly Entry[]): readonly GitFile[] {
  let at = 0;
  return entries.map(({ blob, path }) => {
    const end = bytes.indexOf(0x0a, at);
    const [id, type, size] = bytes.toString('latin1', at, Math.max(end, at)).split(' ');
    if (end < 0 || id !== blob || type !== 'blob' || size === undefined)
      throw gitFault(`${printable(path)} cannot be read out of the commit`);
    const start = end + 1;
    at = start + Number(size) + 1;
    return { path, blob, bytes: bytes.subarray(start, at - 1) };
  });
}
