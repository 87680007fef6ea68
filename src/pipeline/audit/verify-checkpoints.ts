import { openCheckpoint, type Checkpoint, type OpenedCheckpoint } from './checkpoint.ts';
import type { NoteKey } from './signed-note.ts';
import { firstOf, type Finding } from './verify-finding.ts';
import type { LogIndex } from './verify-index.ts';

/** A public key that signs this log's checkpoints, and for which sizes of the log it does. */
export interface LogKey extends NoteKey {
  /** Smallest and largest size that it may sign; null: still in use. Sizes, because a checkpoint holds no time. */
  readonly fromSize: number;
  readonly toSize: number | null;
}

/** Why a checkpoint cannot be used, and the first place of the log that it would have vouched for. */
export interface SignatureTrouble {
  readonly verdict: 'signature_invalid' | 'key_unknown';
  readonly position: number;
  readonly problem: string;
}

export interface CheckpointResult {
  readonly finding: Finding | null;
  readonly trouble: SignatureTrouble | null;
  /** Largest size that a valid checkpoint covers; 0 when none does. */
  readonly coveredSize: number;
  /** Largest size that a valid checkpoint from elsewhere covers; 0 when none does. */
  readonly anchoredSize: number;
}

/** A checkpoint with a valid signature of a key that was in use. */
interface Anchor {
  readonly label: string;
  readonly checkpoint: Checkpoint;
}

/**
 * Holds checkpoints against the index while its leaves are read. As every root is computed from the leaves, each
 * larger tree that matches is consistent with each smaller one that matches: no further proof is needed.
 */
export class CheckpointScan {
  readonly #index: LogIndex;
  readonly #keys: readonly LogKey[];
  readonly #anchors: readonly Anchor[];
  #invalid: SignatureTrouble | null = null;
  #unknown: (SignatureTrouble & { readonly size: number }) | null = null;
  /** The first checkpoint that does not match, and the places among which the difference lies. */
  #mismatch: { readonly start: number; readonly size: number; readonly finding: Finding } | null = null;
  #notGrowing: Finding | null = null;
  #read = 0;
  #lastSize = -1;
  #covered = 0;

  /**
   * Anchors are checkpoints from elsewhere; they are opened here, so that the index keeps the roots they need.
   * `witnessed` are such that a witness vouches for already.
   */
  constructor(
    index: LogIndex,
    keys: readonly LogKey[],
    anchors: readonly string[],
    witnessed: readonly Checkpoint[] = [],
  ) {
    this.#index = index;
    this.#keys = keys;
    const usable: Anchor[] = [];
    for (const [number, note] of anchors.entries()) {
      const label = `Anchor ${number + 1}`;
      const checkpoint = this.#accept(openCheckpoint(note, keys), label);
      if (checkpoint !== null) usable.push({ label, checkpoint });
    }
    for (const checkpoint of witnessed) usable.push({ label: 'The witnessed checkpoint', checkpoint });
    this.#anchors = usable.sort((a, b) => a.checkpoint.size - b.checkpoint.size);
    for (const { checkpoint } of usable) index.keepRoot(checkpoint.size);
  }

  get read(): number {
    return this.#read;
  }

  /** Leaves that a valid checkpoint of the log itself covers, of those held so far. */
  get coveredSize(): number {
    return this.#covered;
  }

  /** Opens the log's next checkpoint; null when it proves nothing. Read leaves up to its size, then `hold` it. */
  open(note: string): Checkpoint | null {
    this.#read += 1;
    return this.#accept(openCheckpoint(note, this.#keys), `Checkpoint ${this.#read}`);
  }

  /** Compares the checkpoint opened last with the leaves read so far. */
  hold(checkpoint: Checkpoint): void {
    const label = `Checkpoint ${this.#read}`;
    const { size } = checkpoint;
    if (size <= this.#lastSize) {
      const problem = `${label} (size ${size}) is not larger than the one before it.`;
      this.#notGrowing ??= { verdict: 'changed', placed: 'order', position: null, name: null, problem };
      return;
    }
    this.#lastSize = size;
    const root = this.#index.leaves === size ? this.#index.rootNow() : null;
    if (this.#compare(label, checkpoint, root, this.#covered)) this.#covered = size;
  }

  /** The checkpoint when a trusted key signed it, else null, and the trouble is noted. */
  #accept(opened: OpenedCheckpoint, label: string): Checkpoint | null {
    if (opened.status === 'valid' && this.#inUse(opened.checkpoint.size, opened.signers)) return opened.checkpoint;
    const position = this.#covered;
    if (opened.status === 'unknown') {
      const { size } = opened.checkpoint;
      const problem = `${label} (size ${size}) is signed by no known key.`;
      if (size > (this.#unknown?.size ?? 0)) this.#unknown = { verdict: 'key_unknown', position, problem, size };
      return null;
    }
    this.#invalid ??= { verdict: 'signature_invalid', position, problem: `${label} ${FAULTS[opened.status]}.` };
    return null;
  }

  #inUse(size: number, signers: readonly NoteKey[]): boolean {
    return this.#keys.some(
      ({ name, id, fromSize, toSize }) =>
        signers.some((signer) => signer.name === name && signer.id === id) &&
        size >= fromSize &&
        (toSize === null || size <= toSize),
    );
  }

  /** Whether size and root are those of the log. `start`: places before it are known to be right. */
  #compare(label: string, { size, root }: Checkpoint, computed: string | null, start: number): boolean {
    if (computed === root) return true;
    const { leaves } = this.#index;
    let finding: Finding;
    if (size > leaves) {
      const problem = `The log ends after ${leaves} records; ${label.toLowerCase()} proves that it had ${size}.`;
      finding = { verdict: 'truncated', placed: 'position', position: leaves, name: null, problem };
    } else {
      const range = start === size - 1 ? `position ${start}` : `positions ${start} to ${size - 1}`;
      const problem = `The log is not the one that ${label.toLowerCase()} (size ${size}) was signed for: it differs at ${range}.`;
      finding = { verdict: 'changed', placed: 'position', position: start, name: null, problem };
    }
    if (this.#mismatch === null || firstOf(this.#mismatch.finding, finding) === finding) {
      this.#mismatch = { start, size, finding };
    }
    return false;
  }

  /**
   * The result, after all leaves were read. `known` is the first finding about rows and records: it explains a wrong
   * root better than the root can, which only tells that something changed behind the last checkpoint that matches.
   */
  finish(known: Finding | null): CheckpointResult {
    let anchored = 0;
    for (const { label, checkpoint } of this.#anchors) {
      // Checkpoints of the log that an anchor contradicts were signed again: they say nothing about what is right.
      const start = Math.max(anchored, this.#covered < checkpoint.size ? this.#covered : 0);
      if (this.#compare(label, checkpoint, this.#index.root(checkpoint.size), start)) anchored = checkpoint.size;
    }
    const mismatch = this.#mismatch;
    const explained =
      mismatch !== null && known !== null && known.position !== null
        ? known.position >= mismatch.start && known.position < mismatch.size
        : false;
    let finding = mismatch === null || explained ? null : mismatch.finding;
    if (this.#notGrowing !== null) finding = firstOf(finding, this.#notGrowing);
    const coveredSize = Math.max(anchored, this.#covered);
    const unknown = this.#unknown !== null && this.#unknown.size > coveredSize ? this.#unknown : null;
    return { finding, trouble: this.#invalid ?? unknown, coveredSize, anchoredSize: anchored };
  }
}

const FAULTS = {
  malformed: 'is not a signed checkpoint',
  invalid: 'has a wrong signature',
  valid: 'is signed by a key that was not in use at that size',
} as const;
