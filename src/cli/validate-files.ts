import { lstat, open, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { MAX_BODY_BYTES } from '../platform/limits.ts';
import { messageOf } from '../platform/errors.ts';

/** Files that runbooks and playbooks are written in. */
const FORMATS: ReadonlyMap<string, 'json' | 'yaml'> = new Map([
  ['.yaml', 'yaml'],
  ['.yml', 'yaml'],
  ['.json', 'json'],
]);

/** Files of one call: more than any organisation has runbooks. */
const MAX_FILES = 10_000;

/** Deepest folder below the one that was named. */
const MAX_DEPTH = 32;

export interface FoundFile {
  readonly path: string;
  readonly format: 'json' | 'yaml';
  /** Named itself, not found in a folder: then it has to be a runbook or a playbook. */
  readonly named: boolean;
}

export interface FoundFiles {
  readonly files: readonly FoundFile[];
  /** What could not be looked at, in sentences. */
  readonly unreadable: readonly string[];
}

/** The files at these paths, folders walked in the order of their names. Symbolic links are not followed anywhere. */
export async function findFiles(paths: readonly string[]): Promise<FoundFiles> {
  const files = new Map<string, FoundFile>();
  const unreadable: string[] = [];
  const walk = async (path: string, named: boolean, depth: number): Promise<void> => {
    if (files.size >= MAX_FILES) return;
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) {
      if (named) unreadable.push(`${path}: it is a symbolic link, which is not followed; name what it leads to`);
    } else if (stat.isDirectory()) {
      if (depth > MAX_DEPTH) unreadable.push(`${path}: it lies deeper than ${MAX_DEPTH} folders`);
      else {
        const names = (await readdir(path)).filter((name) => name !== 'node_modules' && name !== '.git').sort();
        for (const name of names) await walk(join(path, name), false, depth + 1);
      }
    } else if (stat.isFile()) {
      const format = FORMATS.get(extname(path).toLowerCase());
      if (format !== undefined) files.set(path, { path, format, named: named || files.get(path)?.named === true });
      else if (named) unreadable.push(`${path}: runbooks are .yaml, .yml or .json files`);
    } else if (named) unreadable.push(`${path}: it is neither a file nor a folder`);
  };
  for (const path of paths) {
    try {
      await walk(path, true, 0);
    } catch (thrown) {
      unreadable.push(`${path}: ${messageOf(thrown)}`);
    }
  }
  if (files.size >= MAX_FILES) unreadable.push(`There are more than ${MAX_FILES} files; name folders of fewer`);
  return { files: [...files.values()], unreadable };
}

/** The text of a file: no more of it than shows that it is too large. @throws Error when it is no UTF-8 or cannot be read */
export async function readTextFile(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_BODY_BYTES + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
      if (length === buffer.length) return 'x'.repeat(length);
    }
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer.subarray(0, length));
  } finally {
    await handle.close();
  }
}
