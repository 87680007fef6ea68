import type { Database } from 'better-sqlite3';
import type { Json } from '../../platform/canonical-json.ts';
import type { AcceptedEvent, Event } from '../../pipeline/events/event.ts';
import { detectorStateKey, eventKey, type JournalReader, type StoredView, type Timer } from '../journal.ts';
import type { QueuedEffect } from '../membership.ts';
import { storedRecord } from '../stored-record.ts';
import { arrivalStatements } from './arrivals.ts';
import { guard } from './faults.ts';
import { pageOf, storedView, viewRows, type ViewRow } from './view-pages.ts';

type Reader = Omit<JournalReader, 'id' | 'createdAt' | 'accelerated' | 'shared' | 'longReads' | 'log'>;

/** Everything that is read of the tables but the log's. */
export function makeReader(database: Database): Reader {
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
    readStream: (stream, afterSeq = 0) =>
      answer(() =>
        records
          .all(stream, afterSeq)
          .map(({ bytes, hash }, index) => storedRecord(stream, afterSeq + index + 1, bytes, hash.toString('hex'))),
      ),
    streams: (prefix = '') => answer(() => streamNames.all(prefix, `${prefix}\u{10ffff}`).map(({ name }) => name)),
    object: (hash) => answer(() => parsed(object.get(hash)?.body)),
    view: (kind, id) => answer(() => viewFrom(view.get(kind, id))),
    viewByUniqueKey: (kind, key) => answer(() => viewFrom(viewByKey.get(kind, key))),
    listViews: (query) => answer(() => pageOf(viewRows(database, query))),
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

interface EventRow {
  readonly body: string;
  readonly raw: Buffer;
}

/* The casts below are of JSON that only this file wrote, from values of exactly these types. */

function parsed(body: string | undefined): Json | null {
  return body === undefined ? null : (JSON.parse(body) as Json);
}

function viewFrom(row: ViewRow | undefined): StoredView | null {
  return row === undefined ? null : storedView(row);
}

function acceptedFrom(row: EventRow | undefined): AcceptedEvent | null {
  return row === undefined ? null : { event: JSON.parse(row.body) as Event, raw: row.raw };
}
