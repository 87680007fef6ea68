import { appendLeaves, EMPTY_FRONTIER, EMPTY_ROOT, frontierRoot, type Frontier, type TreeHash } from './merkle.ts';
import type { LeafRow, RecordName, UnsequencedRecord } from './sequencer.ts';
import { firstOf, nameText, type Finding } from './verify-finding.ts';

/** A row of an export that could not be read; the sentence says which and why. */
export interface Unreadable {
  readonly unreadable: string;
}

/**
 * Whether a record was found for an entry: none yet, one with the right bytes, only ones with other bytes. `elsewhere`:
 * none, and it need not be here.
 */
export type EntryStatus = 'missing' | 'found' | 'other' | 'elsewhere';

const STATUSES = ['missing', 'found', 'other', 'elsewhere'] as const;

/** Entries that a new index has room for (it doubles when full), and leaves that are appended at once. */
const FIRST_CAPACITY = 1_024;

/**
 * What the log says must be there: one entry for each leaf, in order of place, then one for each record that is
 * listed as unsequenced. Hashes lie in one buffer, so that a million records take about a hundred megabytes. Add all leaves before the first unsequenced record.
 */
export class LogIndex {
  /** Sizes whose roots are kept. */
  readonly #sizes = new Set<number>();
  readonly #streams = new Map<string, Map<number, number>>();
  readonly #positions: number[] = [];
  readonly #roots = new Map<number, TreeHash>([[0, EMPTY_ROOT]]);
  #hashes = Buffer.alloc(32 * FIRST_CAPACITY);
  #statuses = new Uint8Array(FIRST_CAPACITY);
  #entries = 0;
  #frontier: Frontier = EMPTY_FRONTIER;
  /** Leaf hashes that the frontier does not hold yet: one append for many is cheaper. */
  #pending: TreeHash[] = [];
  /** Roots mean something as long as each leaf stood where it belongs. */
  #inOrder = true;
  #finding: Finding | null = null;

  get leaves(): number {
    return this.#positions.length;
  }

  get unsequenced(): number {
    return this.#entries - this.#positions.length;
  }

  get entries(): number {
    return this.#entries;
  }

  /** The first row that did not fit. */
  get finding(): Finding | null {
    return this.#finding;
  }

  addLeaf(row: LeafRow | Unreadable): void {
    if ('unreadable' in row) return this.#irregular(row.unreadable, null);
    if (this.#inOrder && row.position !== this.leaves) {
      this.#irregular(`Position ${row.position} stands where the leaf at position ${this.leaves} belongs.`, null);
    }
    if (!this.#add(row))
      return this.#irregular(`Record ${nameText(row)} has a second leaf, at position ${row.position}.`, row);
    this.#positions.push(row.position);
    if (!this.#inOrder) return;
    this.#pending.push(row.leafHash);
    if (this.#sizes.has(this.leaves)) this.#roots.set(this.leaves, this.#root());
    else if (this.#pending.length === FIRST_CAPACITY) this.#root();
  }

  addUnsequenced(row: UnsequencedRecord | Unreadable): void {
    const readable = !('unreadable' in row);
    if (readable && this.#add(row)) return;
    const problem = readable
      ? `Record ${nameText(row)} is listed as unsequenced, but it is in the log already.`
      : row.unreadable;
    const name = readable ? row : null;
    this.#finding = firstOf(this.#finding, { verdict: 'changed', placed: 'stray', position: null, name, problem });
  }

  #irregular(problem: string, name: RecordName | null): void {
    this.#inOrder = false;
    const finding: Finding = { verdict: 'changed', placed: 'position', position: this.leaves, name, problem };
    this.#finding = firstOf(this.#finding, finding);
  }

  /** False when the record has an entry already. */
  #add({ stream, seq, leafHash }: UnsequencedRecord): boolean {
    let ofStream = this.#streams.get(stream);
    if (ofStream === undefined) {
      ofStream = new Map();
      this.#streams.set(stream, ofStream);
    }
    if (ofStream.has(seq)) return false;
    ofStream.set(seq, this.#entries);
    if (this.#entries === this.#statuses.length) this.#grow();
    this.#hashes.write(leafHash, this.#entries * 32, 32, 'hex');
    this.#entries += 1;
    return true;
  }

  #grow(): void {
    this.#hashes = Buffer.concat([this.#hashes], this.#hashes.length * 2);
    // Entries come before records, so there is no status to be kept yet.
    this.#statuses = new Uint8Array(this.#statuses.length * 2);
  }

  /** Entry number of a record, or null when the log does not know it. */
  find({ stream, seq }: RecordName): number | null {
    return this.#streams.get(stream)?.get(seq) ?? null;
  }

  /** All entries, stream by stream. */
  streams(): IterableIterator<[stream: string, entries: ReadonlyMap<number, number>]> {
    return this.#streams.entries();
  }

  /** Whether `hash` is the leaf hash of the entry. */
  matches(entry: number, hash: TreeHash): boolean {
    return this.#hashes.toString('hex', entry * 32, entry * 32 + 32) === hash;
  }

  status(entry: number): EntryStatus {
    return STATUSES[this.#statuses[entry] ?? 0] ?? 'missing';
  }

  setStatus(entry: number, status: EntryStatus): void {
    this.#statuses[entry] = STATUSES.indexOf(status);
  }

  /** Place in the log, or null for an unsequenced record. */
  position(entry: number): number | null {
    return this.#positions[entry] ?? null;
  }

  /** The record of an entry. Looks at all of them: for messages only. */
  name(entry: number): RecordName | null {
    for (const [stream, ofStream] of this.#streams) {
      for (const [seq, number] of ofStream) if (number === entry) return { stream, seq };
    }
    return null;
  }

  /** The record that says it has this place, or else the one that stands there. Looks at all: for messages only. */
  nameAt(position: number): RecordName | null {
    const entry = this.#positions.indexOf(position);
    if (entry >= 0) return this.name(entry);
    return position < this.leaves ? this.name(position) : null;
  }

  /** Asks for the root at this size to be kept. Before the leaves are added. */
  keepRoot(size: number): void {
    this.#sizes.add(size);
  }

  /** Root of the leaves added so far, or null when one of them did not stand where it belongs. */
  rootNow(): TreeHash | null {
    return this.#inOrder ? this.#root() : null;
  }

  #root(): TreeHash {
    this.#frontier = appendLeaves(this.#frontier, this.#pending);
    this.#pending = [];
    return frontierRoot(this.#frontier);
  }

  /** Root of the first `size` leaves, when it was to be kept and all leaves up to it stood in order. */
  root(size: number): TreeHash | null {
    return this.#roots.get(size) ?? null;
  }
}
