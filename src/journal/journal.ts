import type { Json } from '../platform/canonical-json.ts';
import type { RecordTrace, SealedRecord } from '../pipeline/audit/record.ts';
import type { AcceptedEvent, Event } from '../pipeline/events/event.ts';
import type { Membership, QueuedEffect } from './membership.ts';

/**
 * The only durable thing. Everything that is decided becomes a `Change`, as data; a change is applied whole or
 * not at all, and many changes share one commit. Adapters: `sqlite/` (one file), `postgres/` (shared by processes). Both sides of the port are
 * asynchronous, so that an adapter over a network needs no new concept.
 *
 * Records are the truth. Views, timers, effects and detector states are caches and queues that are written in the
 * same commit as the records they follow from.
 */
export interface Journal extends JournalReader {
  /** This process among those that share the journal. */
  readonly members: Membership;
  /**
   * Applies each change or says why it is stale, all in one durable commit; answers in the order given.
   *
   * A stale member never fails the others. When the promise rejects, nothing of any member was applied, or it is
   * unknown whether it was (`StoreUnavailableError`); callers reload and decide again.
   */
  commit(changes: readonly Change[]): Promise<readonly ChangeResult[]>;
  /** Takes out what an archive holds; the only way in which records ever leave a journal. */
  readonly retention: RetentionStore;
  close(): Promise<void>;
}

/** What one decision changes. Members are applied in the order of this type. */
export interface Change {
  readonly appends: readonly Append[];
  readonly objects?: readonly StoredObject[];
  readonly events?: readonly AcceptedEvent[];
  /** The number of the batch that `events` are, one more than the newest; stale otherwise. Only where there are `arrivals`. */
  readonly arrival?: number;
  readonly detectorStates?: readonly DetectorStateWrite[];
  readonly forgottenStates?: readonly ForgottenStates[];
  readonly views?: readonly View[];
  readonly timers?: readonly TimerWrite[];
  readonly effects?: readonly EffectWrite[];
}

/**
 * Records for one stream. Stale when the stream's last seq is not `expectedSeq` (0: the stream is new). A change has one
 * append at most for a stream.
 */
export interface Append {
  readonly stream: string;
  readonly expectedSeq: number;
  readonly records: readonly RecordDraft[];
}

export interface RecordDraft {
  readonly type: string;
  readonly v: number;
  /** Business time; the journal stores `max(at, that of the record before)`. */
  readonly at: number;
  readonly trace?: RecordTrace;
  readonly data: { readonly [key: string]: Json };
}

export type ChangeResult =
  /** The hashes of its records, in the order in which the change names them. */
  | { readonly status: 'applied'; readonly hashes: readonly string[] }
  | { readonly status: 'stale'; readonly what: string };

/** Immutable and named by its content hash (a plan, a policy set). Written twice is written once. */
export interface StoredObject {
  readonly hash: string;
  readonly body: Json;
}

/** State of one (rule, key). Stale when the stored version is not `expectedVersion` (0: absent). */
export interface DetectorStateWrite {
  readonly rule: string;
  readonly key: string;
  readonly expectedVersion: number;
  /** True when the key is one that an attacker can make up; such states share a bounded pool. */
  readonly chosen: boolean;
  /** Business time of this write: states that nothing touches any more are forgotten by it. */
  readonly touchedAt: number;
  readonly body: Json;
}

/** Deletes the detector states of one kind that were last touched before a time. */
export interface ForgottenStates {
  readonly chosen: boolean;
  readonly before: number;
}

export const VIEW_KINDS = [
  'playbook',
  'playbook-version',
  /** What is done about an alert, by its severity, as people wrote it. */
  'runbook',
  /** Which commit runbooks were last taken from. */
  'runbook-source',
  'policy',
  'guard',
  /** One use of break-glass; it stays for ever. */
  'break-glass',
  /** A change that takes a safeguard away, and waits for a second person. */
  'change',
  'exemption',
  /** Somebody of the organisation who is told when a regulatory clock starts. */
  'contact',
  /** Which version of the inventory is in force. */
  'inventory',
  /** A draft of a notification to an authority. */
  'draft',
  /** A message that waits for a regulatory contact on a page. */
  'portal',
  'vendor',
  /** By what right personal data are touched. */
  'lawful-basis',
  /** Work that people finish. */
  'task',
  /** Who is told of an incident that touches a vendor, level by level. */
  'escalation',
  /** A schedule by which people are on call. */
  'oncall',
  /** One artefact that was taken, and what became of it. */
  'evidence',
  /** Something on which a legal hold was set. */
  'evidence-hold',
  /** A regulatory clock, and the one that a runbook sets itself. */
  'deadline',
  /** What is switched on or off of a rule of clocks. */
  'deadline-rule',
  /** What an organisation says of itself and of its clocks. */
  'deadline-settings',
  /** The clocks that one action of a runbook started. */
  'deadline-request',
  /** What was answered about an incident, to find out which rules apply. */
  'applicability',
  /** An entry of the register of personal-data breaches. */
  'breach',
  /** Somebody who lets another person vote in their place for a time. */
  'delegation',
  /** A gate that was not asked because of an exemption. */
  'exemption-use',
  /** What was done of an action type within the hour. */
  'limiter',
  'incident',
  'finding',
  'execution',
  'approval',
  /** One way of one notice to one reader. */
  'delivery',
  /** Which notices a person wants by mail. */
  'preference',
  'hold',
  'user',
  /** People who have the same roles. */
  'group',
  /** A role of the organisation. */
  'role',
  'key',
  'setup',
  /** Only while it is in force. */
  'session',
  /** What proves a person who has a password, or is invited to set one. */
  'credential',
  /** Failed sign-ins of an account. */
  'lockout',
  /** An account of an identity provider that has signed in here. */
  'identity',
  /** A passkey of a person; a removed one too, so that nobody ever registers it again. */
  'passkey',
  'idempotency',
  'source',
  /** In place of a stream whose records lie in an archive; its id is the stream's name. */
  'archived',
  /** Somebody's wish to be forgotten, and what became of it. */
  'erasure',
  /** Whose personal texts the records of a stream hold. */
  'person-stream',
  /** What a process that keeps the Merkle log need not compute again. */
  'log',
] as const;
export type ViewKind = (typeof VIEW_KINDS)[number];

/**
 * What the API shows of a thing, folded from its records. The members beside `body` are what lists filter by.
 * `uniqueKey` may be held by one view of the kind only (one open incident for a subject); a clash is stale.
 */
export interface View {
  readonly kind: ViewKind;
  readonly id: string;
  /** Stale when the stored version is another; 0: absent; null: whatever is there. */
  readonly expectedVersion: number | null;
  readonly uniqueKey?: string | null;
  readonly status?: string | null;
  readonly type?: string | null;
  readonly severity?: string | null;
  /** The user concerned. */
  readonly subject?: string | null;
  /** The thing it belongs to: an execution's incident, an approval's execution, a finding's incident. */
  readonly parent?: string | null;
  /** A second thing it belongs to: an execution's playbook. */
  readonly ref?: string | null;
  /** What lists are ordered by, newest first. */
  readonly at: number;
  /** Null deletes the view (its records stay). */
  readonly body: Json | null;
}

export interface StoredView {
  readonly id: string;
  readonly version: number;
  readonly at: number;
  readonly body: Json;
}

/** Sets the timer `(execution, name)`, or removes it when `due` is null. */
export interface TimerWrite {
  readonly execution: string;
  readonly name: string;
  readonly generation: number;
  /** Business time, or null to remove. */
  readonly due: number | null;
}

export interface Timer {
  readonly execution: string;
  readonly name: string;
  readonly generation: number;
  readonly due: number;
}

/**
 * Queues an effect to be performed after the commit, or removes it (`body: null`) because its outcome is recorded. It is
 * held by the process that commits it.
 */
export interface EffectWrite {
  readonly execution: string;
  /** Unique within the execution: instance, phase and attempt. */
  readonly name: string;
  readonly body: Json | null;
}

export interface ViewQuery {
  readonly kind: ViewKind;
  readonly id?: string;
  readonly status?: string;
  readonly type?: string;
  readonly severity?: string;
  readonly subject?: string;
  readonly parent?: string;
  readonly ref?: string;
  readonly limit: number;
  readonly skip: number;
}

export interface ViewPage {
  readonly items: readonly StoredView[];
  /** How many there are without `limit` and `skip`. */
  readonly total: number;
}

/**
 * Reads that grow with the whole journal: in one of 100,000 executions they take 4 ms (a page with its total) to 200 ms
 * (a filter that no index serves). What is shown to a person, counted for a report or sent to a witness is asked here,
 * and may be answered beside the thread that serves, behind what others asked. What something is decided from is read
 * by a key or by a narrow index from the journal itself. Either shows what was committed before it was asked.
 *
 * @throws StoreUnavailableError, also when too many wait.
 */
export interface LongReads {
  listViews(query: ViewQuery): Promise<ViewPage>;
  /** As `LogStore.leafHashes`. */
  leafHashes(from: number, to: number): Promise<readonly string[]>;
}

export interface JournalReader {
  /** Names this journal for ever: part of the log's origin and of every idempotency key. */
  readonly id: string;
  readonly createdAt: number;
  readonly accelerated: boolean;
  /** Whether other processes may write too, so that what was read before may be out of date. */
  readonly shared: boolean;
  streamHead(stream: string): Promise<{ seq: number; hash: string } | null>;
  /** Records of one stream after `afterSeq`, oldest first. */
  readStream(stream: string, afterSeq?: number): Promise<readonly SealedRecord[]>;
  /** Names of all streams, sorted. */
  streams(prefix?: string): Promise<readonly string[]>;
  object(hash: string): Promise<Json | null>;
  view(kind: ViewKind, id: string): Promise<StoredView | null>;
  viewByUniqueKey(kind: ViewKind, uniqueKey: string): Promise<StoredView | null>;
  /** Of things that are few, or few under one parent or status; everything else is a long read. */
  listViews(query: ViewQuery): Promise<ViewPage>;
  /** For each given (source, id) that is stored: its raw hash. */
  knownEvents(ids: readonly EventKey[]): Promise<ReadonlyMap<string, string>>;
  event(source: string, id: string): Promise<AcceptedEvent | null>;
  /** Stored events, in (time, source, id) order. */
  listEvents(query: {
    readonly from: number;
    readonly to: number;
    readonly limit: number;
  }): Promise<readonly AcceptedEvent[]>;
  eventCount(): Promise<number>;
  detectorStates(
    keys: readonly { readonly rule: string; readonly key: string }[],
  ): Promise<ReadonlyMap<string, { readonly version: number; readonly body: Json }>>;
  /** Only where one process takes events in: then detector states may be written later than the events they follow from. */
  readonly arrivals?: ArrivalLog;
  /** Only where several processes take events in. */
  readonly turns?: Turns;
  /** Business time of the newest record, or null in a journal without any. */
  newestRecordAt(): Promise<number | null>;
  /** How many detector states with `chosen` are stored. */
  chosenStateCount(): Promise<number>;
  dueTimers(at: number, limit: number): Promise<readonly Timer[]>;
  /** Business time of the earliest timer, or null. */
  nextTimerDue(): Promise<number | null>;
  /** All effects that are owed, whoever holds them. */
  queuedEffects(limit?: number): Promise<readonly QueuedEffect[]>;
  readonly longReads: LongReads;
  log: LogStore;
}

/** The Merkle log's own tables: places of records, and signed checkpoints. */
export interface LogStore {
  /** Records without a place yet, oldest first. */
  unsequenced(
    limit: number,
  ): Promise<readonly { readonly stream: string; readonly seq: number; readonly bytes: string }[]>;
  /** The records of a stream exactly as stored, unparsed: for the verifier, which believes nothing. */
  recordRows(
    stream: string,
  ): Promise<readonly { readonly seq: number; readonly bytes: string; readonly hash: string }[]>;
  size(): Promise<number>;
  /** Leaf hashes (hex) of positions `from` to `to - 1`. */
  leafHashes(from: number, to: number): Promise<readonly string[]>;
  /** Places records and removes them from `unsequenced`, in one commit; refused when `expectedSize` is not the size. */
  place(expectedSize: number, leaves: readonly PlacedLeaf[]): Promise<boolean>;
  leaves(
    from: number,
    limit: number,
  ): Promise<readonly { readonly position: number; readonly stream: string; readonly seq: number }[]>;
  /**
   * Inserts a checkpoint under its size; false when there is one already. With `after`, where several processes share the
   * journal, also when the newest one does not cover `after` leaves: somebody else has signed meanwhile.
   */
  addCheckpoint(checkpoint: Checkpoint, after?: number): Promise<boolean>;
  /** By size; at least the largest `newest` of them, all when it is absent. */
  checkpoints(newest?: number): Promise<readonly Checkpoint[]>;
}

/** A record's place in the Merkle log. */
export interface PlacedLeaf {
  readonly position: number;
  readonly stream: string;
  readonly seq: number;
  readonly leafHash: string;
}

/** A signed note of the log's first `size` leaves, and when it was made (business time). */
export interface Checkpoint {
  readonly size: number;
  readonly at: number;
  readonly note: string;
}

/**
 * The door through which retention takes things out. Whoever calls it has an archive on disk that holds them and a
 * signed record that names them: the store cannot tell, and only sees to it that what goes is what was named.
 */
export interface RetentionStore {
  /**
   * Takes out whole streams, each with its rows, in one commit; answers with the names of those that went. A stream stays
   * as it is when its newest record is not the one named, when one of its records has no place in the log, or when an
   * effect or a timer is owed to `execution`. Nothing can be appended to what went, by whatever version of the program.
   */
  removeStreams(streams: readonly RemovedStream[]): Promise<readonly string[]>;
  /** Events of a time before `before`, in (time, source, id) order, behind `after`; none that a detector may still need. */
  oldEvents(query: OldEvents): Promise<readonly AcceptedEvent[]>;
  /** Takes out those events in one commit; answers how many there were. */
  removeEvents(keys: readonly EventKey[]): Promise<number>;
}

export interface RemovedStream {
  readonly stream: string;
  readonly seq: number;
  /** Of the newest record. */
  readonly hash: string;
  /** The execution that the stream is of, or null. */
  readonly execution: string | null;
  readonly views: readonly { readonly kind: ViewKind; readonly id: string }[];
  /** Written in place of the stream, under its name. */
  readonly marker: { readonly at: number; readonly body: Json };
}

export interface OldEvents {
  readonly before: number;
  /** The number of a batch behind which nothing is taken out, where there are `arrivals`; null: no events are needed. */
  readonly upToArrival: number | null;
  readonly after: (EventKey & { readonly time: number }) | null;
  readonly limit: number;
}

/** Turns at work in which processes would only make each other repeat it: all of them get on, in the order of asking. */
export interface Turns {
  /** Runs work when it is its turn. A turn saves work and protects nothing: where none is to be had soon, it goes without. */
  inTurn<Result>(what: string, work: () => Promise<Result>): Promise<Result>;
}

/** The batches of events in the order in which they were committed, numbered from 1 without gaps. */
export interface ArrivalLog {
  /** The number of the newest batch; 0: there is none. */
  newest(): Promise<number>;
  /** Whole batches after number `arrival`, oldest first: as many as hold `limit` events, at least one if there is one. */
  after(
    arrival: number,
    limit: number,
  ): Promise<readonly { readonly arrival: number; readonly events: readonly Event[] }[]>;
}

export interface EventKey {
  readonly source: string;
  readonly id: string;
}

/** The key under which `knownEvents` answers. */
export function eventKey(source: string, id: string): string {
  return `${source}\n${id}`;
}

/** The key under which `detectorStates` answers. */
export function detectorStateKey(rule: string, key: string): string {
  return `${rule}\n${key}`;
}

/** The store could not be written (or read). `unknown`: it may have been written all the same. */
export class StoreUnavailableError extends Error {
  readonly unknown: boolean;
  constructor(message: string, unknown: boolean, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreUnavailableError';
    this.unknown = unknown;
  }
}
