import type { KeyObject } from 'node:crypto';
import { FirebreakError, invariant } from '../../platform/errors.ts';
import { isTreeHash, type TreeHash } from './merkle.ts';
import { decodeBase64, isKeyName, parseNote, signNote, verifyNote, type NoteKey } from './signed-note.ts';

/**
 * Checkpoints (c2sp.org/tlog-checkpoint v1.0.0): a signed note that states origin, size and root hash of the log.
 * Who holds a checkpoint can tell later whether the log is still the one it was.
 */
export interface Checkpoint {
  /** Names the log: journal, generation, and whether its business time was accelerated. */
  readonly origin: string;
  /** Number of leaves. */
  readonly size: number;
  readonly root: TreeHash;
  /** Opaque lines after the third. We read them and never write any: nobody can audit them. */
  readonly extensions: readonly string[];
}

/** What of a log's identity stands in its origin. */
export interface LogIdentity {
  readonly journalId: string;
  /** 1 for a new journal; raised when a restored backup is taken into use. */
  readonly generation: number;
  /** True when business time was not the wall clock: a drill or a demonstration must not pass for the real thing. */
  readonly accelerated: boolean;
}

/** Longest journal id in an origin, in characters: ids are 30 long, and an origin stays one readable line. */
const MAX_JOURNAL_ID_LENGTH = 128;

const ORIGIN_PATTERN = /^firebreak\/([A-Za-z0-9_.-]{1,128})\/g([1-9][0-9]{0,8})(\/accelerated)?$/;

/**
 * The origin line of a log, for example `firebreak/jrn_1/g1` or `firebreak/jrn_1/g2/accelerated`. It is also the
 * name of the key that signs its checkpoints, so that a key of one generation never vouches for another.
 *
 * @throws FirebreakError `invalid_request` when the id holds other than letters, digits, `_`, `.` and `-`, or the
 *   generation is not from 1 to 999,999,999.
 */
export function origin(journalId: string, options: { accelerated: boolean; generation: number }): string {
  const text = `firebreak/${journalId}/g${options.generation}${options.accelerated ? '/accelerated' : ''}`;
  if (!ORIGIN_PATTERN.test(text)) {
    throw new FirebreakError('invalid_request', 'The journal cannot be named in a log origin.', [
      { pointer: '/journalId', detail: `At most ${MAX_JOURNAL_ID_LENGTH} letters, digits, "_", "." or "-".` },
      { pointer: '/generation', detail: 'A whole number from 1 on.' },
    ]);
  }
  return text;
}

/** What an origin of ours says, or null for the origin of another kind of log. */
export function parseOrigin(text: string): LogIdentity | null {
  const [, journalId, generation, accelerated] = ORIGIN_PATTERN.exec(text) ?? [];
  if (journalId === undefined || generation === undefined) return null;
  return { journalId, generation: Number(generation), accelerated: accelerated !== undefined };
}

/** The text that is signed. @throws when size or root are not what a log has: a bug of the caller. */
export function checkpointText({ origin: name, size, root }: Omit<Checkpoint, 'extensions'>): string {
  invariant(isKeyName(name), 'an origin is one line without spaces');
  invariant(Number.isSafeInteger(size) && size >= 0, 'the size of a log is a whole number');
  invariant(isTreeHash(root), 'the root is a tree hash');
  return `${name}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\n`;
}

/** The checkpoint as a signed note; the key's name is the origin. */
export function signCheckpoint(
  checkpoint: Omit<Checkpoint, 'extensions'>,
  keys: { publicKey: KeyObject; privateKey: KeyObject },
): string {
  return signNote(checkpointText(checkpoint), checkpoint.origin, keys);
}

/** The checkpoint in a note's text, or null when it has not the form. Never throws. */
export function parseCheckpointText(text: string): Checkpoint | null {
  if (!text.endsWith('\n')) return null;
  const [name, digits, encoded, ...extensions] = text.slice(0, -1).split('\n');
  if (name === undefined || name === '' || digits === undefined || encoded === undefined) return null;
  if (!/^(0|[1-9][0-9]{0,15})$/.test(digits) || !Number.isSafeInteger(Number(digits))) return null;
  const root = decodeBase64(encoded);
  if (root === null || root.length !== 32 || extensions.includes('')) return null;
  return { origin: name, size: Number(digits), root: root.toString('hex'), extensions };
}

/**
 * What a signed checkpoint is worth. `malformed`: not a checkpoint. `invalid`: a known key's signature is wrong.
 * `unknown`: signed by no known key. Only in `valid` may the checkpoint be believed; in `invalid` and `unknown` it
 * is what the note claims.
 */
export type OpenedCheckpoint =
  | { readonly status: 'malformed' }
  | {
      readonly status: 'valid' | 'invalid' | 'unknown';
      readonly checkpoint: Checkpoint;
      readonly signers: readonly NoteKey[];
    };

/**
 * Reads and verifies a signed checkpoint. A key counts only for the origin it is named after, so that a key which is
 * trusted for one log cannot speak for another. Never throws.
 */
export function openCheckpoint(note: string, keys: readonly NoteKey[]): OpenedCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parsed === null ? null : parseCheckpointText(parsed.text);
  if (parsed === null || checkpoint === null) return { status: 'malformed' };
  const verdict = verifyNote(
    parsed,
    keys.filter((key) => key.name === checkpoint.origin),
  );
  if (verdict.status === 'unknown') return { status: 'unknown', checkpoint, signers: [] };
  return { status: verdict.status, checkpoint, signers: verdict.signers };
}

/**
 * How a checkpoint stands to one of the same log that was seen before. `split_view` is an alarm: the log was cut
 * back or rewritten, or shows different people different histories. `grown` is only plausible; a consistency
 * proof shows whether it is true. `other_log`: the origins differ, and nothing follows.
 */
export function compareCheckpoints(
  before: Checkpoint,
  after: Checkpoint,
): 'same' | 'grown' | 'split_view' | 'other_log' {
  if (before.origin !== after.origin) return 'other_log';
  if (after.size > before.size) return 'grown';
  return after.size === before.size && after.root === before.root ? 'same' : 'split_view';
}
