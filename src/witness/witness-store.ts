import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { FirebreakError } from '../platform/errors.ts';
import { sha256Hex } from '../platform/hash.ts';
import { openCosigned, type WitnessKey } from '../pipeline/audit/cosignature.ts';
import type { Witnessed } from './add-checkpoint.ts';

/** What a witness vouches for, on disk: the newest cosigned checkpoint of each log, one file for each. */
export interface WitnessStore {
  latest(origin: string): Witnessed | null;
  /** The cosigned note of the log with this name hash, or null. */
  note(hash: string): string | null;
  /** Replaces what is kept for the note's log. On disk, directory included, when it returns. @throws when it is not. */
  keep(origin: string, state: Witnessed, note: string): void;
}

const FILE = /^([0-9a-f]{64})\.checkpoint$/;

/** The name under which a log is kept and served: SHA-256 of its origin, hexadecimal. */
export function originHash(origin: string): string {
  return sha256Hex(origin);
}

/**
 * Opens the store of one witness.
 * @throws FirebreakError `store_unavailable` when a file does not hold what this witness cosigned: a witness that forgot
 *   what it vouched for could be led to vouch for another history, so it does not start.
 */
export function openWitnessStore(directory: string, key: WitnessKey): WitnessStore {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const kept = new Map<string, Witnessed & { readonly note: string }>();
  for (const file of readdirSync(directory)) {
    const [, hash] = FILE.exec(file) ?? [];
    if (hash === undefined) continue;
    const note = readFileSync(join(directory, file), 'utf8');
    const cosigned = openCosigned(note, key);
    if (cosigned === null || originHash(cosigned.checkpoint.origin) !== hash) {
      throw new FirebreakError('store_unavailable', `${file} does not hold a checkpoint that this witness cosigned`);
    }
    kept.set(hash, { size: cosigned.checkpoint.size, root: cosigned.checkpoint.root, note });
  }
  return {
    latest: (origin) => kept.get(originHash(origin)) ?? null,
    note: (hash) => kept.get(hash)?.note ?? null,
    keep(origin, { size, root }, note) {
      const hash = originHash(origin);
      replaceFile(directory, `${hash}.checkpoint`, note);
      kept.set(hash, { size, root, note });
    },
  };
}

/** The whole new file or the whole old one, whenever the machine stops. */
function replaceFile(directory: string, name: string, text: string): void {
  const draft = join(directory, `${name}.draft`);
  const handle = openSync(draft, 'w', 0o600);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, join(directory, name));
  // The new name is on disk only when the directory is.
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
