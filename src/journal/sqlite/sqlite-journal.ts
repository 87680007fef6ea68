import type { Database } from 'better-sqlite3';
import type { Json } from '../../platform/canonical-json.ts';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { invariant, messageOf } from '../../platform/errors.ts';
import { recordType } from '../../pipeline/audit/record-types.ts';
import { FIRST_PREV, sealRecord, type JournalRecord, type SealedRecord } from '../../pipeline/audit/record.ts';
import type { AcceptedEvent, Event } from '../../pipeline/events/event.ts';
import {
  detectorStateKey,
  eventKey,
  StoreUnavailableError,
  type Append,
  type Change,
  type ChangeResult,
  type Journal,
  type JournalReader,
  type StoredView,
  type Timer,
  type ViewQuery,
} from '../journal.ts';
import type { QueuedEffect } from '../membership.ts';
import { requireUnsealed } from '../sealed.ts';
import { soleMember } from '../sole-member.ts';
import { arrivalStatements } from './arrivals.ts';
import { openDatabase } from './open.ts';
import { ownFiles } from './own-files.ts';
import { recordTimes, type StreamRow } from './record-times.ts';
import { sqliteLogStore } from './sqlite-log-store.ts';
import { sqliteRetention } from './sqlite-retention.ts';
import { isStale, staleness } from './stale.ts';
import { viewStatements } from './view-statements.ts';

/**
 * How long a commit waits for somebody else's lock on the file, in ms. It waits inside SQLite, and everything else in
 * the process with it, so this is short: who wanted the commit asks again.
 */
const COMMIT_BUSY_TIMEOUT_MS = 100;

export interface SqliteJournalOptions {
  readonly file: string;
  /** Used only when the file is new: the journal's id for ever, and its first record. */
  readonly birth: { readonly id: string; readonly at: number; readonly accelerated: boolean };
  /** Everything that is read is of this one moment, whatever a server writes meanwhile; nothing can be committed. */
  readonly snapshot?: boolean;
}

/**
 * The journal in one SQLite file.
 *
 * Promises: a resolved `commit` is on disk; a stale member changed nothing; records are sealed inside the
 * transaction, so that the chain can never fork. One process writes the file at a time.
 */
export function openSqliteJournal(options: SqliteJournalOptions): Journal {
  const database = guard(() => openDatabase(options.file));
  const writer = makeWriter(database);
  const meta = guard(() => {
    // Open until `close`; the first read inside fixes the moment.
    if (options.snapshot === true) database.exec('begin');
    const birth = bear(database, writer, options.birth);
    if (options.snapshot !== true) refuseSealed(database);
    return birth;
  });
  const files = ownFiles(options.file);
  if (options.snapshot !== true) database.pragma(`busy_timeout = ${COMMIT_BUSY_TIMEOUT_MS}`);
  const reader = makeReader(database);
  return {
    ...meta,
    ...reader,
    shared: false,
    members: soleMember((limit) => reader.queuedEffects(limit)),
    log: sqliteLogStore(database),
    retention: sqliteRetention(database, (work) => {
      invariant(options.snapshot !== true, 'a snapshot is only read');
      return guard(() => {
        files.check();
        return work();
      });
    }),
    async commit(changes) {
      invariant(options.snapshot !== true, 'a snapshot is only read');
      return guard(() => {
        files.check();
        return writer.commit(changes);
      });
    },
    async close() {
      database.close();
    },
  };
}

/** A journal that goes on in another place is not written any more. @throws FirebreakError `conflict`. */
function refuseSealed(database: Database): void {
  const newest = database
    .prepare<[], { bytes: string }>(
      `select r.bytes from records r join streams s on s.no = r.stream where s.name = 'config' order by r.seq desc limit 1`,
    )
    .get();
  try {
    requireUnsealed(newest === undefined ? null : (JSON.parse(newest.bytes) as JournalRecord)); // as this file wrote it
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

interface Writer {
  commit(changes: readonly Change[]): readonly ChangeResult[];
}

function bear(
  database: Database,
  writer: Writer,
  birth: SqliteJournalOptions['birth'],
): { id: string; createdAt: number; accelerated: boolean } {
  const found = database.prepare<[], { value: string }>(`select value from meta where key = 'journal'`).get();
  if (found !== undefined) {
    const { id, at, accelerated } = JSON.parse(found.value) as SqliteJournalOptions['birth']; // written below
    return { id, createdAt: at, accelerated };
  }
  database.transaction(() => {
    database.prepare(`insert into meta (key, value) values ('journal', ?)`).run(canonicalJson(birth));
    const data = { journalId: birth.id, accelerated: birth.accelerated, generation: 1 };
    const records = [{ type: 'journal.created', v: 1, at: birth.at, data }];
    writer.commit([{ appends: [{ stream: 'config', expectedSeq: 0, records }] }]);
  })();
  return { id: birth.id, createdAt: birth.at, accelerated: birth.accelerated };
}

function makeWriter(database: Database): Writer {
  const sql = {
    head: database.prepare<[string], StreamRow>('select no, seq, hash from streams where name = ?'),
    newStream: database.prepare<[string, number, string]>('insert into streams (name, seq, hash) values (?, ?, ?)'),
    moveHead: database.prepare<[number, string, number, number]>(
      'update streams set seq = ?, hash = ? where no = ? and seq = ?',
    ),
    record: database.prepare<[number | bigint, number, string, Buffer]>(
      'insert into records (stream, seq, bytes, hash) values (?, ?, ?, ?)',
    ),
    object: database.prepare<[string, string]>('insert into objects (hash, body) values (?, ?) on conflict do nothing'),
    event: database.prepare<[string, string, number, string, string, Uint8Array]>(
      `insert into events (source, id, time, raw_hash, body, raw) values (?, ?, ?, ?, ?, ?)
       on conflict (source, id) do nothing`,
    ),
    newState: database.prepare<[string, string, number, number, string]>(
      `insert into detector_states (rule, key, version, chosen, touched, body) values (?, ?, 1, ?, ?, ?)
       on conflict (rule, key) do nothing`,
    ),
    moveState: database.prepare<[number, number, string, string, string, number]>(
      `update detector_states set version = version + 1, chosen = ?, touched = ?, body = ?
       where rule = ? and key = ? and version = ?`,
    ),
    forgetStates: database.prepare<[number, number]>('delete from detector_states where chosen = ? and touched < ?'),
    timer: database.prepare<[string, string, number, number]>(
      `insert into timers (execution, name, generation, due) values (?, ?, ?, ?)
       on conflict (execution, name) do update set generation = excluded.generation, due = excluded.due`,
    ),
    noTimer: database.prepare<[string, string]>('delete from timers where execution = ? and name = ?'),
    effect: database.prepare<[string, string, string]>(
      `insert into effects (execution, name, body) values (?, ?, ?)
       on conflict (execution, name) do update set body = excluded.body`,
    ),
    noEffect: database.prepare<[string, string]>('delete from effects where execution = ? and name = ?'),
  };
  const views = viewStatements(database);
  const arrivals = arrivalStatements(database);
  const times = recordTimes(database);

  function checkAppend(append: Append): StreamRow | null {
    const head = sql.head.get(append.stream) ?? null;
    if ((head?.seq ?? 0) !== append.expectedSeq) throw staleness(`stream ${append.stream}`);
    return head;
  }

  function applyAppend(append: Append, head: StreamRow | null): SealedRecord[] {
    // Only asked whether it is stale: a stream without records is none.
    if (append.records.length === 0) return [];
    let seq = append.expectedSeq;
    let prev = head?.hash ?? FIRST_PREV;
    let at = head === null ? 0 : times.lastAt(head);
    const sealed = append.records.map((draft) => {
      seq += 1;
      at = Math.max(at, draft.at);
      // A type that nobody classed must never be written: what of it is personal could not be told later.
      recordType(draft.type, draft.v);
      const record = sealRecord({ ...draft, at, prev, seq, stream: append.stream });
      prev = record.hash;
      return record;
    });
    times.remember(prev, at);
    const stream = head?.no ?? sql.newStream.run(append.stream, seq, prev).lastInsertRowid;
    if (head !== null) sql.moveHead.run(seq, prev, head.no, append.expectedSeq);
    for (const { record, bytes, hash } of sealed) sql.record.run(stream, record.seq, bytes, Buffer.from(hash, 'hex'));
    return sealed;
  }

  // Only records are hashed; the rows below are read back by this adapter alone, so plain JSON will do.
  function applyRows(change: Change): void {
    for (const { hash, body } of change.objects ?? []) sql.object.run(hash, canonicalJson(body));
    for (const { event, raw } of change.events ?? []) {
      const { source, id, time, rawHash } = event;
      const { changes } = sql.event.run(source, id, time, rawHash, JSON.stringify(event), raw);
      if (changes === 0) throw staleness(`event ${id}`);
    }
    if (change.arrival !== undefined) arrivals.add(change.arrival);
    for (const { chosen, before } of change.forgottenStates ?? []) sql.forgetStates.run(Number(chosen), before);
    for (const { rule, key, expectedVersion, chosen, touchedAt, body } of change.detectorStates ?? []) {
      const text = JSON.stringify(body);
      const { changes } =
        expectedVersion === 0
          ? sql.newState.run(rule, key, Number(chosen), touchedAt, text)
          : sql.moveState.run(Number(chosen), touchedAt, text, rule, key, expectedVersion);
      if (changes === 0) throw staleness(`state ${rule} ${key}`);
    }
    for (const view of change.views ?? []) views.write(view);
    for (const { execution, name, generation, due } of change.timers ?? []) {
      if (due === null) sql.noTimer.run(execution, name);
      else sql.timer.run(execution, name, generation, due);
    }
    for (const { execution, name, body } of change.effects ?? []) {
      if (body === null) sql.noEffect.run(execution, name);
      else sql.effect.run(execution, name, JSON.stringify(body));
    }
  }

  function apply(change: Change): ChangeResult {
    const heads = change.appends.map(checkAppend);
    const records = change.appends.flatMap((append, index) => applyAppend(append, heads[index] ?? null));
    applyRows(change);
    return { status: 'applied', records };
  }
  const applyInSavepoint = database.transaction(apply);

  /** A stale member takes back only what it wrote itself; most can only turn stale before they wrote anything. */
  function applyOne(change: Change): ChangeResult {
    return mayTurnStaleHalfWay(change) ? applyInSavepoint(change) : apply(change);
  }
  const applyAll = database.transaction((changes: readonly Change[]) =>
    changes.map((change): ChangeResult => {
      try {
        return applyOne(change);
      } catch (thrown) {
        if (isStale(thrown)) return { status: 'stale', what: thrown.stale };
        throw thrown;
      }
    }),
  );
  return { commit: (changes) => (database.inTransaction ? changes.map(applyOne) : applyAll.immediate(changes)) };
}

/** Whether it expects more than the heads of its streams, which are looked at before anything is written. */
function mayTurnStaleHalfWay({ events = [], arrival, detectorStates = [], views = [] }: Change): boolean {
  if (events.length > 0 || arrival !== undefined || detectorStates.length > 0) return true;
  return views.some(({ expectedVersion, uniqueKey = null }) => expectedVersion !== null || uniqueKey !== null);
}

type Reader = Omit<JournalReader, 'id' | 'createdAt' | 'accelerated' | 'shared' | 'log'>;

function makeReader(database: Database): Reader {
  const head = database.prepare<[string], { seq: number; hash: string }>(
    'select seq, hash from streams where name = ? and seq > 0',
  );
  const records = database.prepare<[string, number], { bytes: string; hash: Buffer }>(
    `select r.bytes, r.hash from records r join streams s on s.no = r.stream
     where s.name = ? and r.seq > ? order by r.seq`,
  );
  const streamNames = database.prepare<[string, string], { name: string }>(
    'select name from streams where name >= ? and name < ? and seq > 0 order by name',
  );
  const object = database.prepare<[string], { body: string }>('select body from objects where hash = ?');
  const view = database.prepare<[string, string], ViewRow>(
    'select id, version, at, body from views where kind = ? and id = ?',
  );
  const viewByKey = database.prepare<[string, string], ViewRow>(
    'select id, version, at, body from views where kind = ? and unique_key = ?',
  );
  const rawHash = database.prepare<[string, string], { raw_hash: string }>(
    'select raw_hash from events where source = ? and id = ?',
  );
  const event = database.prepare<[string, string], EventRow>(
    'select body, raw from events where source = ? and id = ?',
  );
  const events = database.prepare<[number, number, number], EventRow>(
    'select body, raw from events where time >= ? and time <= ? order by time, source, id limit ?',
  );
  const eventCount = database.prepare<[], { n: number }>('select count(*) as n from events');
  const state = database.prepare<[string, string], { version: number; body: string }>(
    'select version, body from detector_states where rule = ? and key = ?',
  );
  const arrivals = arrivalStatements(database).log;
  const newestAt = database.prepare<[], { at: number }>(
    `select bytes ->> '$.at' as at from records order by no desc limit 1`,
  );
  const chosenStates = database.prepare<[], { n: number }>(
    'select count(*) as n from detector_states where chosen = 1',
  );
  const due = database.prepare<[number, number], Timer>(
    'select execution, name, generation, due from timers where due <= ? order by due, execution, name limit ?',
  );
  const nextDue = database.prepare<[], { due: number | null }>('select min(due) as due from timers');
  const effects = database.prepare<[number], { execution: string; name: string; body: string }>(
    'select execution, name, body from effects order by execution, name limit ?',
  );
  const answer = async <T>(read: () => T): Promise<T> => guard(read);
  return {
    streamHead: (stream) => answer(() => head.get(stream) ?? null),
    readStream: (stream, afterSeq = 0) => answer(() => records.all(stream, afterSeq).map(sealedFrom)),
    streams: (prefix = '') => answer(() => streamNames.all(prefix, `${prefix}\u{10ffff}`).map(({ name }) => name)),
    object: (hash) => answer(() => parsed(object.get(hash)?.body)),
    view: (kind, id) => answer(() => storedView(view.get(kind, id))),
    viewByUniqueKey: (kind, key) => answer(() => storedView(viewByKey.get(kind, key))),
    listViews: (query) => answer(() => listViews(database, query)),
    knownEvents: (ids) =>
      answer(() => {
        const known = new Map<string, string>();
        for (const { source, id } of ids) {
          const row = rawHash.get(source, id);
          if (row !== undefined) known.set(eventKey(source, id), row.raw_hash);
        }
        return known;
      }),
    event: (source, id) => answer(() => acceptedFrom(event.get(source, id))),
    listEvents: ({ from, to, limit }) =>
      answer(() =>
        events
          .all(from, to, limit)
          .map(acceptedFrom)
          .filter((found) => found !== null),
      ),
    eventCount: () => answer(() => eventCount.get()?.n ?? 0),
    detectorStates: (keys) =>
      answer(() => {
        const states = new Map<string, { version: number; body: Json }>();
        for (const { rule, key } of keys) {
          const row = state.get(rule, key);
          if (row !== undefined)
            states.set(detectorStateKey(rule, key), { version: row.version, body: JSON.parse(row.body) as Json });
        }
        return states;
      }),
    arrivals: {
      newest: () => answer(() => arrivals.newest()).then(async (newest) => newest),
      after: (arrival, limit) => answer(() => arrivals.after(arrival, limit)).then(async (batches) => batches),
    },
    newestRecordAt: () => answer(() => newestAt.get()?.at ?? null),
    chosenStateCount: () => answer(() => chosenStates.get()?.n ?? 0),
    dueTimers: (at, limit) => answer(() => due.all(at, limit)),
    nextTimerDue: () => answer(() => nextDue.get()?.due ?? null),
    queuedEffects: (limit = Number.MAX_SAFE_INTEGER) =>
      answer(() => effects.all(limit).map((row): QueuedEffect => ({ ...row, body: JSON.parse(row.body) as Json }))),
  };
}

interface ViewRow {
  readonly id: string;
  readonly version: number;
  readonly at: number;
  readonly body: string;
}

interface EventRow {
  readonly body: string;
  readonly raw: Buffer;
}

/* The casts below are of JSON that only this file wrote, from values of exactly these types. */

function parsed(body: string | undefined): Json | null {
  return body === undefined ? null : (JSON.parse(body) as Json);
}

function storedView(row: ViewRow | undefined): StoredView | null {
  return row === undefined ? null : { ...row, body: JSON.parse(row.body) as Json };
}

function acceptedFrom(row: EventRow | undefined): AcceptedEvent | null {
  return row === undefined ? null : { event: JSON.parse(row.body) as Event, raw: row.raw };
}

function sealedFrom(row: { bytes: string; hash: Buffer }): SealedRecord {
  return { record: JSON.parse(row.bytes) as JournalRecord, bytes: row.bytes, hash: row.hash.toString('hex') };
}

const FILTERS = ['id', 'status', 'type', 'severity', 'subject', 'parent', 'ref'] as const;

/**
 * Without figures about the data, SQLite walks all rows of a kind in the order of their times until enough have the
 * wanted status or parent; where none has, that is all of them.
 */
function viewsBy(wanted: readonly string[]): string {
  if (wanted.includes('id')) return 'views';
  if (wanted.includes('parent')) return 'views indexed by views_by_parent';
  return wanted.includes('status') ? 'views indexed by views_by_status' : 'views';
}

function listViews(database: Database, query: ViewQuery): { items: StoredView[]; total: number } {
  const wanted = FILTERS.filter((column) => query[column] !== undefined);
  const where = ['kind = @kind', ...wanted.map((column) => `${column} = @${column}`)].join(' and ');
  const values: Record<string, string | number> = { kind: query.kind, limit: query.limit, skip: query.skip };
  for (const column of wanted) values[column] = query[column] ?? '';
  const items = database
    .prepare<[typeof values], ViewRow>(
      `select id, version, at, body from ${viewsBy(wanted)} where ${where} order by at desc, id desc limit @limit offset @skip`,
    )
    .all(values);
  const total = database
    .prepare<[typeof values], { n: number }>(`select count(*) as n from views where ${where}`)
    .get(values);
  return { items: items.map((row) => ({ ...row, body: JSON.parse(row.body) as Json })), total: total?.n ?? 0 };
}

/** SQLite's result codes that mean "the store, not the data": the caller may try again later. */
const STORE_FAULTS = [
  'SQLITE_FULL',
  'SQLITE_IOERR',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
  'SQLITE_READONLY',
  'SQLITE_CANTOPEN',
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_PROTOCOL',
  'SQLITE_NOMEM',
];

function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const code = codeOf(thrown);
    if (STORE_FAULTS.some((fault) => code.startsWith(fault))) {
      // An I/O error may come after the commit reached the disk; the others come before.
      throw new StoreUnavailableError(`the journal: ${messageOf(thrown)}`, code.startsWith('SQLITE_IOERR'), thrown);
    }
    throw thrown;
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
