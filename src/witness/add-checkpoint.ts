import { openCheckpoint, type Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { verifyConsistency } from '../pipeline/audit/merkle-proofs.ts';
import { EMPTY_ROOT, type TreeHash } from '../pipeline/audit/merkle.ts';
import { decodeBase64, parseNote, type NoteKey } from '../pipeline/audit/signed-note.ts';

/**
 * What a witness is asked and how it answers (c2sp.org/tlog-witness, `add-checkpoint`), as pure functions: the
 * request is hostile, and everything but the log's own signature in it may be made up.
 */

/** Most proof lines that the specification allows; a tree of 2^53 leaves needs 54. */
const MAX_PROOF_LINES = 63;

/** Biggest request, in bytes: 63 proof lines are 2.8 kB, a checkpoint with sixteen signatures is about 3 kB. */
export const MAX_REQUEST_BYTES = 64 * 1024;

/** Most signature lines of a checkpoint, as the signed-note specification asks for at least; with ours it stays readable. */
const MAX_SIGNATURE_LINES = 16;

export interface AddCheckpoint {
  /** Size of the checkpoint that the proof starts from; 0: none. */
  readonly oldSize: number;
  readonly proof: readonly TreeHash[];
  /** The signed checkpoint. */
  readonly note: string;
}

/** The body of a request. The proof is what the `consistencyProof` of both sizes gives. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  const lines = proof.map((hash) => `${Buffer.from(hash, 'hex').toString('base64')}\n`);
  return `old ${oldSize}\n${lines.join('')}\n${note}`;
}

/** The request in a body, or null when it has not the form. Never throws. */
export function parseAddCheckpoint(body: string): AddCheckpoint | null {
  const gap = body.indexOf('\n\n');
  if (gap < 0) return null;
  const [first = '', ...lines] = body.slice(0, gap).split('\n');
  const [, digits] = /^old (0|[1-9][0-9]{0,15})$/.exec(first) ?? [];
  const oldSize = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(oldSize) || lines.length > MAX_PROOF_LINES) return null;
  const proof: TreeHash[] = [];
  for (const line of lines) {
    const hash = decodeBase64(line);
    if (hash === null || hash.length !== 32) return null;
    proof.push(hash.toString('hex'));
  }
  const note = body.slice(gap + 2);
  if ((parseNote(note)?.signatures.length ?? 0) > MAX_SIGNATURE_LINES) return null;
  return { oldSize, proof, note };
}

/** The newest state of one log that a witness vouches for. */
export interface Witnessed {
  readonly size: number;
  readonly root: TreeHash;
}

/** `accepted`: to be kept and cosigned. `refused`: the status, and for 409 the size that is vouched for. */
export type Judgement =
  | { readonly kind: 'accepted'; readonly checkpoint: Checkpoint }
  | {
      readonly kind: 'refused';
      readonly status: 400 | 403 | 404 | 409 | 422;
      readonly why: string;
      readonly size: number | null;
      /** True when the log's own signature is on something that contradicts what it had signed before. */
      readonly contradicts: boolean;
    };

/**
 * Judges a request: 404 unknown log, 403 not signed by it, 400 malformed, 409 another old size than the one vouched
 * for (or the same size with another root: a fork), 422 a proof that does not hold. Never throws.
 *
 * @param latest what this witness vouches for, of a log that it knows; null when it never did
 */
export function judgeCheckpoint(
  request: AddCheckpoint | null,
  keys: readonly NoteKey[],
  latest: (origin: string) => Witnessed | null,
): Judgement {
  if (request === null) return refused(400, 'the request has not the form of add-checkpoint');
  const opened = openCheckpoint(request.note, keys);
  if (opened.status === 'malformed') return refused(400, 'the checkpoint has not the form of a signed checkpoint');
  const { checkpoint } = opened;
  if (!keys.some(({ name }) => name === checkpoint.origin)) return refused(404, 'this log is not known here');
  if (opened.status !== 'valid') return refused(403, 'no known key of this log signed the checkpoint');
  const { oldSize, proof } = request;
  if (oldSize > checkpoint.size) return refused(400, 'the old size is larger than the checkpoint');
  const known = latest(checkpoint.origin) ?? { size: 0, root: EMPTY_ROOT };
  if (oldSize !== known.size) return refused(409, 'another size is vouched for', known.size);
  if (oldSize === checkpoint.size && checkpoint.root !== known.root) {
    return refused(409, 'the same size has another root: the log was forked', known.size, true);
  }
  if (oldSize === 0) {
    const empty = checkpoint.size > 0 || checkpoint.root === EMPTY_ROOT;
    return proof.length === 0 && empty
      ? { kind: 'accepted', checkpoint }
      : refused(422, 'the proof from nothing is empty');
  }
  const claim = { oldSize, oldRoot: known.root, newSize: checkpoint.size, newRoot: checkpoint.root, proof };
  if (!verifyConsistency(claim)) return refused(422, 'the proof does not show that the log only grew', null, true);
  return { kind: 'accepted', checkpoint };
}

function refused(
  status: 400 | 403 | 404 | 409 | 422,
  why: string,
  size: number | null = null,
  contradicts = false,
): Judgement {
  return { kind: 'refused', status, why, size, contradicts };
}
