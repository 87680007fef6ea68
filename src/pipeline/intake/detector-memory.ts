import type { DetectorStateWrite } from '../../journal/journal.ts';
import type { Rule } from '../detections/detector.ts';
import type { StoredState } from '../detections/registry.ts';
import { ruleVersion } from '../detections/rules.ts';
import type { DetectionResult } from '../detections/run.ts';
import { decodeStates, encodeStates } from './state-codec.ts';
import type { Json } from '../../platform/canonical-json.ts';

/** The rows that hold what all rules know of a key stand under this name in place of a rule's. */
export const ALL_RULES = '*';

/**
 * Keys kept in memory, written or not: what the people of a company of 20,000 use in a day. At about 2 KiB each these
 * are 120 MB.
 */
const MAX_KEYS = 60_000;

/** Keys whose newest state is not on disk yet; beyond it each batch writes as many as it touches. No more than are kept. */
const MAX_UNWRITTEN_KEYS = MAX_KEYS;

/**
 * Events in which one round of writing goes through all keys that were touched before it. Writing a row costs twice what
 * judging an event does: with rounds of 60,000 in place of 20,000 an event cost a fifth less CPU, and 230 bytes less. But
 * a start after a crash replays up to two rounds, and the first batch waits for it: some seconds.
 */
const ROUND_EVENTS = 40_000;

/** Least keys written with a batch: a quiet installation is up to date after each of its batches. */
const MIN_WRITES = 32;

/** What is known of one key. */
interface KeyEntry {
  readonly key: string;
  readonly states: Map<string, StoredState>;
  readonly chosen: boolean;
  /** Of the stored row; 0: there is none. */
  version: number;
  /** When the key was touched last, and what the stored row says of it, ms of business time by the hour. */
  touchedAt: number;
  /** The newest batch the stored row includes. */
  storedUpTo: number;
  unwritten: boolean;
}

/** What a commit writes of the memory; `committed` has to be told of exactly this. */
export interface MemoryWrites {
  readonly writes: readonly DetectorStateWrite[];
  readonly keys: readonly string[];
  /** The batch up to which every key is on disk once this is committed, or null when that did not move. */
  readonly upTo: number | null;
}

/** A round of writing: the keys that were unwritten when it began, in the order of the table. */
interface Round {
  readonly keys: readonly string[];
  readonly begunAt: number;
  next: number;
}

/**
 * What the rules know, key by key. The newest states live here; rows follow behind, many keys at once in the order of
 * the table, so that one page of it takes many of them. What rows do not hold yet follows from the stored events,
 * batch by batch (`recover.ts`): each row says which batch it includes.
 *
 * It only ever holds what was committed: a batch computes new states beside it and hands them over afterwards.
 */
export class DetectorMemory {
  readonly #entries = new Map<string, KeyEntry>();
  readonly #unwritten = new Set<string>();
  #round: Round | null = null;
  /** Number of the newest batch that the memory includes. */
  arrival: number;
  /** Chosen keys that have no row yet. */
  #newChosen = 0;

  constructor(arrival: number) {
    this.arrival = arrival;
  }

  /** Chosen keys that are known but not counted by the journal. */
  get newChosenKeys(): number {
    return this.#newChosen;
  }

  get unwrittenKeys(): number {
    return this.#unwritten.size;
  }

  /** Those of the keys that are not in memory: their rows have to be read and given to `remember`. */
  missing(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => !this.#entries.has(key));
  }

  remember(key: string, row: { readonly version: number; readonly body: Json }): void {
    const { states, upTo } = decodeStates(row.body);
    const entry = {
      key,
      states,
      chosen: false,
      version: row.version,
      touchedAt: 0,
      storedUpTo: upTo,
      unwritten: false,
    };
    this.#entries.set(key, entry);
  }

  /**
   * Answers what is known, until the memory moves. States are asked for key by key: looking the key up again for each of
   * its rules was a tenth of judging a batch.
   *
   * @param rules the rules in force. What was learnt under a name that none of them has any more goes to the one that judges alike.
   */
  reader(rules: readonly Rule[]): (ruleId: string, key: string) => StoredState | null {
    const inForce = new Map(rules.map((rule) => [rule.ruleId, rule]));
    let last: string | null = null;
    let states: ReadonlyMap<string, StoredState> | undefined;
    let retired: readonly StoredState[] = [];
    return (ruleId, key) => {
      if (key !== last) {
        last = key;
        states = this.#entries.get(key)?.states;
        retired = [];
        for (const [id, state] of states ?? []) if (!inForce.has(id)) retired = [...retired, state];
      }
      const own = states?.get(ruleId) ?? null;
      const rule = retired.length === 0 ? undefined : inForce.get(ruleId);
      return rule === undefined ? own : newestOf(rule, own, retired);
    };
  }

  /** True when the stored row includes that batch: a replay leaves the key alone. */
  includes(key: string, batch: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && !entry.unwritten && entry.storedUpTo >= batch;
  }

  /** Takes over the states that batch number `arrival` led to. To be called when it is on disk. */
  moved(states: DetectionResult['states'], arrival: number, touchedAt: number): void {
    this.arrival = arrival;
    let entry: KeyEntry | null = null;
    for (const { ruleId, key, state, chosen } of states) {
      if (entry === null || entry.key !== key) entry = this.#touched(key, chosen, touchedAt);
      entry.states.set(ruleId, state);
    }
    this.#shrink();
  }

  #touched(key: string, chosen: boolean, touchedAt: number): KeyEntry {
    const known = this.#entries.get(key);
    if (known?.unwritten === true && known.touchedAt === touchedAt) return known;
    const entry: KeyEntry = {
      key,
      states: known?.states ?? new Map(),
      chosen,
      version: known?.version ?? 0,
      touchedAt,
      storedUpTo: known?.storedUpTo ?? 0,
      unwritten: true,
    };
    if (chosen && known === undefined) this.#newChosen += 1;
    // A Map keeps the order of insertion: what is touched moves to the end, and the front is dropped first.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#unwritten.add(key);
    return entry;
  }

  /** Drops what was not touched for longest; what has no row that includes it stays. */
  #shrink(): void {
    if (this.#entries.size <= MAX_KEYS) return;
    for (const [key, { unwritten }] of this.#entries) {
      if (this.#entries.size <= MAX_KEYS) return;
      if (!unwritten) this.#entries.delete(key);
    }
  }

  /** The rows that the commit of a batch of so many events writes beside it. */
  nextWrites(events: number, touched: number): MemoryWrites {
    if (this.#round === null && this.#unwritten.size > 0) {
      this.#round = { keys: [...this.#unwritten].sort(), begunAt: this.arrival, next: 0 };
    }
    const round = this.#round;
    if (round === null) return { writes: [], keys: [], upTo: this.arrival };
    const share = Math.ceil((round.keys.length * events) / ROUND_EVENTS);
    const size = Math.max(MIN_WRITES, share, this.#unwritten.size > MAX_UNWRITTEN_KEYS ? touched : 0);
    const keys = round.keys.slice(round.next, round.next + size);
    return { ...this.#rowsOf(keys), upTo: round.next + size >= round.keys.length ? round.begunAt : null };
  }

  /** The rows of everything that is unwritten, at most `limit` of them. */
  allWrites(limit: number): MemoryWrites {
    this.#round = null;
    const keys = [...this.#unwritten].sort().slice(0, limit);
    return { ...this.#rowsOf(keys), upTo: keys.length === this.#unwritten.size ? this.arrival : null };
  }

  /** The rows of the given keys as they will be after a batch: for journals to which other processes write too. */
  writesAfter(states: DetectionResult['states'], touchedAt: number): MemoryWrites {
    const after = new Map<string, { states: Map<string, StoredState>; chosen: boolean }>();
    for (const { ruleId, key, state, chosen } of states) {
      const known = after.get(key) ?? { states: new Map(this.#entries.get(key)?.states), chosen };
      known.states.set(ruleId, state);
      after.set(key, known);
    }
    const keys = [...after.keys()].sort();
    const writes = keys.map((key) => ({
      rule: ALL_RULES,
      key,
      expectedVersion: this.#entries.get(key)?.version ?? 0,
      chosen: after.get(key)?.chosen ?? false,
      touchedAt,
      body: encodeStates(after.get(key)?.states ?? new Map(), 0),
    }));
    return { writes, keys, upTo: null };
  }

  #rowsOf(keys: readonly string[]): Pick<MemoryWrites, 'writes' | 'keys'> {
    const writes: DetectorStateWrite[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry === undefined || !entry.unwritten) continue;
      writes.push({
        rule: ALL_RULES,
        key,
        expectedVersion: entry.version,
        chosen: entry.chosen,
        touchedAt: entry.touchedAt,
        body: encodeStates(entry.states, this.arrival),
      });
    }
    return { writes, keys };
  }

  /** Those rows are on disk, as of the memory's present batch. To be called before `moved`. */
  written({ writes, keys, upTo }: MemoryWrites): void {
    for (const { key, expectedVersion } of writes) {
      const entry = this.#entries.get(key);
      if (entry === undefined) continue;
      if (expectedVersion === 0 && entry.chosen) this.#newChosen -= 1;
      entry.version = expectedVersion + 1;
      entry.storedUpTo = this.arrival;
      entry.unwritten = false;
      this.#unwritten.delete(key);
    }
    if (this.#round !== null) this.#round.next += keys.length;
    if (upTo !== null) this.#round = null;
  }

  /** Forgets keys whose row may be another one by now, or gone. What is unwritten stays. */
  drop(keys: Iterable<string>): void {
    for (const key of keys) if (this.#entries.get(key)?.unwritten === false) this.#entries.delete(key);
  }

  /** Forgets everything that has a row: the next batch reads it anew. */
  dropWritten(): void {
    this.drop([...this.#entries.keys()]);
  }
}

/**
 * A rule is named after the first playbook that asks for it, so it gets another name when playbooks come and go: it goes on with
 * what was learnt last by a rule that judged just as it does.
 */
function newestOf(rule: Rule, own: StoredState | null, retired: readonly StoredState[]): StoredState | null {
  let newest = own;
  for (const state of retired) {
    const isSame = state.ruleVersion === ruleVersion(rule, state.detectorVersion);
    if (isSame && (newest === null || reached(state) > reached(newest))) newest = state;
  }
  return newest;
}

/** Up to when a state has seen events, ms since 1970. */
function reached({ watermark, ingestMark }: StoredState): number {
  return Math.max(watermark ?? 0, ingestMark ?? 0);
}
