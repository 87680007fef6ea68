import { ARCHIVED_IN, archivedStreamsIn, type ArchivedStream } from './archived.ts';
import { leafHash } from './merkle.ts';
import { FIRST_PREV } from './record.ts';
import { compareNames, type RecordName } from './sequencer.ts';
import { firstOf, nameText, type Finding } from './verify-finding.ts';
import type { LogIndex } from './verify-index.ts';
import { examineRecord, type ExaminedRecord, type StoredRecord } from './verify-record.ts';

/** How far the chain of one stream was followed. */
interface ChainEnd {
  seq: number;
  hash: string;
  at: number;
  /** False after a record that is wrong itself: the next one is then not blamed for pointing elsewhere. */
  fits: boolean;
  /** The record before the last is not the one that the last was chained to. */
  broken: boolean;
  /** The first seq that was skipped and that the log does not know. */
  gap: number | null;
}

/** A stream that a record of this log names as archived. */
interface ArchiveClaim {
  readonly archived: ArchivedStream;
  /** Place of that record. */
  readonly position: number;
}

/** Sentences kept about records with other bytes than their leaf; further ones get a general sentence. */
const MAX_DETAILS = 100;

/**
 * Holds every record of a log against the index: do its bytes hash to its leaf, does it follow the record before it,
 * is it there once. Expects records by stream (UTF-16 order), then by seq, and says so when they come otherwise.
 */
export class RecordScan {
  readonly #index: LogIndex;
  readonly #chains = new Map<string, ChainEnd>();
  readonly #details = new Map<number, string>();
  #records = 0;
  #oldestUnsequencedAt: number | null = null;
  #last: RecordName | null = null;
  /** Once a record came too late: the first name, in order, among all that came since. */
  #misplaced: RecordName | null = null;
  #finding: Finding | null = null;
  #stray: Finding | null = null;
  #strays = 0;
  readonly #claims: ArchiveClaim[] = [];
  #archivedStreams = 0;

  constructor(index: LogIndex) {
    this.#index = index;
  }

  get records(): number {
    return this.#records;
  }

  get streams(): number {
    return this.#chains.size;
  }

  /** Business time of the oldest unsequenced record, or null. */
  get oldestUnsequencedAt(): number | null {
    return this.#oldestUnsequencedAt;
  }

  /** The first of the records that belong nowhere. */
  get stray(): Finding | null {
    return this.#stray;
  }

  get strays(): number {
    return this.#strays;
  }

  /** Streams whose records need not be here, because they lie in an archive. */
  get archivedStreams(): number {
    return this.#archivedStreams;
  }

  add(stored: StoredRecord): void {
    this.#records += 1;
    const examined = examineRecord(stored);
    const { name, text, fault } = examined;
    if (name === null) return this.#addStray(null, `Record number ${this.#records} ${fault ?? 'has no name'}.`);
    const chain = this.#chainOf(name.stream);
    const entry = this.#index.find(name);
    if (entry === null) {
      this.#addStray(name, `Record ${nameText(name)} has no leaf and is not listed as unsequenced.`);
      if (name.seq === chain.seq + 1) moveTo(chain, examined, name.seq, false);
      return;
    }
    const fits = text !== null && this.#index.matches(entry, leafHash(text));
    const before = this.#index.status(entry);
    if (before !== 'missing') this.#addStray(name, `There is more than one record ${nameText(name)}.`);
    if (before === 'found' || (before === 'other' && !fits)) return;
    this.#index.setStatus(entry, fits ? 'found' : 'other');
    if (!fits && this.#details.size < MAX_DETAILS) this.#details.set(entry, fault ?? 'does not hash to its leaf');
    if (fits && fault !== null) this.#blame(entry, name, fault);
    if (fits && fault === null && name.stream === ARCHIVED_IN) this.#noteArchived(text, entry);
    this.#follow(chain, examined, name, entry, fits && fault === null);
  }

  #noteArchived(text: string, entry: number): void {
    const position = this.#index.position(entry);
    if (position === null) return;
    for (const archived of archivedStreamsIn(text)) this.#claims.push({ archived, position });
  }

  /** Order, chain and time of a record that has an entry. */
  #follow(chain: ChainEnd, examined: ExaminedRecord, name: RecordName, entry: number, fits: boolean): void {
    const limit = this.#misplaced ?? this.#last;
    if (limit !== null && compareNames(name, limit) < 0) this.#misplaced = name;
    this.#last = name;
    if (fits && this.#index.position(entry) === null) {
      this.#oldestUnsequencedAt = Math.min(this.#oldestUnsequencedAt ?? examined.at, examined.at);
    }
    const skipped = { stream: name.stream, seq: chain.seq + 1 };
    if (name.seq > skipped.seq && this.#index.find(skipped) === null) chain.gap ??= skipped.seq;
    if (fits && chain.fits && name.seq === skipped.seq) this.#link(chain, examined, name, entry);
    else this.#settle(chain, name.stream);
    if (name.seq > chain.seq) moveTo(chain, examined, name.seq, fits);
  }

  /** The link from the last record of the stream to this one, both of which have the bytes that the log knows. */
  #link(chain: ChainEnd, examined: ExaminedRecord, name: RecordName, entry: number): void {
    if (examined.prev !== chain.hash) {
      // A record that was changed breaks the link behind it; one whose `prev` was changed breaks both: wait for it.
      if (chain.seq > 0) chain.broken = true;
      else this.#blame(entry, name, 'is the first of its stream, yet it names one before it');
      return;
    }
    this.#settle(chain, name.stream);
    if (examined.at < chain.at) this.#blame(entry, name, 'is dated before the record before it');
  }

  /** Blames the record in front of a broken link, once the link behind it was seen to hold or cannot be judged. */
  #settle(chain: ChainEnd, stream: string): void {
    if (!chain.broken) return;
    chain.broken = false;
    const changed = { stream, seq: chain.seq - 1 };
    const entry = this.#index.find(changed);
    if (entry !== null)
      this.#blame(entry, changed, `is not the one that ${nameText({ stream, seq: chain.seq })} follows`);
  }

  #blame(entry: number, name: RecordName, fault: string): void {
    const position = this.#index.position(entry);
    const placed = position === null ? 'name' : 'position';
    this.#finding = firstOf(this.#finding, {
      verdict: 'changed',
      placed,
      position,
      name,
      problem: `Record ${nameText(name)} ${fault}.`,
    });
  }

  #addStray(name: RecordName | null, problem: string): void {
    this.#strays += 1;
    this.#stray ??= { verdict: 'changed', placed: 'stray', position: null, name, problem };
  }

  #chainOf(stream: string): ChainEnd {
    const known = this.#chains.get(stream);
    if (known !== undefined) return known;
    const at = Number.MIN_SAFE_INTEGER;
    const chain: ChainEnd = { seq: 0, hash: FIRST_PREV, at, fits: true, broken: false, gap: null };
    this.#chains.set(stream, chain);
    return chain;
  }

  /**
   * The first record that does not fit, after all were added. Call once.
   *
   * @param coveredSize leaves under a valid checkpoint: only a record among them can say that others lie in an archive.
   * @param held the streams of an archive that is verified by itself; those of others need not be here.
   */
  finish(coveredSize = 0, held: readonly ArchivedStream[] | null = null): Finding | null {
    for (const { archived, position } of this.#claims) if (position < coveredSize) this.#excuse(archived);
    if (held !== null) this.#holdOnly(held);
    for (const [stream, chain] of this.#chains) {
      this.#settle(chain, stream);
      if (chain.gap === null) continue;
      const name = { stream, seq: chain.gap };
      const problem = `Record ${nameText(name)} is missing, and the log does not know of it.`;
      this.#finding = firstOf(this.#finding, { verdict: 'changed', placed: 'name', position: null, name, problem });
    }
    this.#unmatched();
    if (this.#stray !== null) this.#finding = firstOf(this.#finding, this.#stray);
    if (this.#misplaced !== null) {
      const problem = `Record ${nameText(this.#misplaced)} does not stand where it belongs: records come by stream, then by number.`;
      const finding = { verdict: 'changed', placed: 'order', position: null, name: this.#misplaced, problem } as const;
      this.#finding = firstOf(this.#finding, finding);
    }
    return this.#finding;
  }

  /** Takes the records of a stream for archived when not one of them is here and the last is the one that was named. */
  #excuse({ stream, records, leaf }: ArchivedStream): void {
    const last = this.#index.find({ stream, seq: records });
    if (last === null || !this.#index.matches(last, leaf)) return;
    const entries: number[] = [];
    for (let seq = 1; seq <= records; seq += 1) {
      const entry = this.#index.find({ stream, seq });
      if (entry === null || this.#index.status(entry) !== 'missing') return;
      entries.push(entry);
    }
    for (const entry of entries) this.#index.setStatus(entry, 'elsewhere');
    this.#archivedStreams += 1;
  }

  /** An archive holds its own streams whole, and the leaves of all others only for the sake of the tree. */
  #holdOnly(held: readonly ArchivedStream[]): void {
    for (const { stream, records, leaf } of held) {
      const last = this.#index.find({ stream, seq: records });
      if (last !== null && this.#index.matches(last, leaf)) continue;
      const name = { stream, seq: records };
      const problem = `Record ${nameText(name)} is not the last one of a stream of this archive.`;
      this.#finding = firstOf(this.#finding, { verdict: 'changed', placed: 'name', position: null, name, problem });
    }
    const own = new Set(held.map(({ stream }) => stream));
    for (const [stream, entries] of this.#index.streams()) {
      if (own.has(stream)) continue;
      for (const entry of entries.values()) {
        if (this.#index.status(entry) === 'missing') this.#index.setStatus(entry, 'elsewhere');
      }
    }
  }

  /** Entries without their record. When all from one on are missing and nothing else is wrong, the log was cut off. */
  #unmatched(): void {
    const total = this.#index.entries;
    let firstMissing = total;
    let missing = 0;
    let firstOther = total;
    for (let entry = 0; entry < total; entry += 1) {
      const status = this.#index.status(entry);
      if (status === 'found' || status === 'elsewhere') continue;
      if (status === 'other') firstOther = Math.min(firstOther, entry);
      else missing += 1;
      if (status === 'missing') firstMissing = Math.min(firstMissing, entry);
    }
    const first = Math.min(firstMissing, firstOther);
    const name = first < total ? this.#index.name(first) : null;
    if (name === null) return;
    if (first === firstOther) return this.#blame(first, name, this.#details.get(first) ?? 'does not hash to its leaf');
    const cutOff = missing === total - firstMissing && this.#strays === 0 && this.#finding === null;
    this.#blame(first, name, 'is missing');
    if (cutOff && this.#finding !== null) {
      const problem = `Record ${nameText(name)} is missing, and so is everything after it in the log.`;
      this.#finding = { ...this.#finding, verdict: 'truncated', problem };
    }
  }
}

function moveTo(chain: ChainEnd, examined: ExaminedRecord, seq: number, fits: boolean): void {
  chain.seq = seq;
  chain.hash = examined.hash;
  chain.at = examined.at;
  chain.fits = fits;
}
