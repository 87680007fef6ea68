import type { QueryResultRow } from 'pg';
import type { Json } from '../../platform/canonical-json.ts';
import type { AcceptedEvent, Event } from '../../pipeline/events/event.ts';
import {
  detectorStateKey,
  eventKey,
  type JournalReader,
  type StoredView,
  type Timer,
  type ViewQuery,
} from '../journal.ts';
import type { QueuedEffect } from '../membership.ts';
import { totalOfPage } from '../page-total.ts';
import { storedRecord } from '../stored-record.ts';
import type { Queryable } from './connection.ts';
import { isStorable } from './row-keys.ts';

export type Reads = Omit<JournalReader, 'id' | 'createdAt' | 'accelerated' | 'shared' | 'longReads' | 'log'>;

/** Ends a wait for an answer that does not come. */
export type InTime = <Answer>(asked: Promise<Answer>) => Promise<Answer>;

/**
 * Everything that is read, each in a statement of its own: what was committed before it is asked is seen.
 *
 * @param inTime put around reads of single rows, with which every request begins.
 */
export function postgresReader(connection: Queryable, inTime: InTime = (asked) => asked): Reads {
  async function all<Row extends QueryResultRow>(name: string, text: string, values: unknown[] = []): Promise<Row[]> {
    return canBeFound(values) ? (await connection.query<Row>({ name, text, values })).rows : [];
  }
  async function one<Row extends QueryResultRow>(
    name: string,
    text: string,
    values: unknown[] = [],
  ): Promise<Row | null> {
    return (await inTime(all<Row>(name, text, values)))[0] ?? null;
  }
  return {
    streamHead: (stream) => one('stream-head', 'select seq, hash from streams where name = $1 and seq > 0', [stream]),
    async readStream(stream, afterSeq = 0) {
      const rows = await all<RecordRow>('read-stream', READ_STREAM, [stream, afterSeq]);
      return rows.map(({ bytes, hash }, index) => storedRecord(stream, afterSeq + index + 1, bytes, hash));
    },
    async streams(prefix = '') {
      const text = 'select name from streams where name >= $1 and name < $2 and seq > 0 order by name';
      return (await all<{ name: string }>('streams', text, [prefix, `${prefix}\u{10ffff}`])).map(({ name }) => name);
    },
    async object(hash) {
      const row = await one<{ body: string }>('object', 'select body from objects where hash = $1', [hash]);
      return row === null ? null : parsed(row.body);
    },
    view: async (kind, id) => storedView(await one('view', VIEW, [kind, id])),
    viewByUniqueKey: async (kind, key) => storedView(await one('view-by-key', VIEW_BY_KEY, [kind, key])),
    listViews: (query) => listViews(connection, query),
    async knownEvents(ids) {
      const values = [ids.map(({ source }) => source), ids.map(({ id }) => id)];
      const rows = await all<{ source: string; id: string; raw_hash: string }>('known-events', KNOWN_EVENTS, values);
      return new Map(rows.map(({ source, id, raw_hash }) => [eventKey(source, id), raw_hash]));
    },
    async event(source, id) {
      const text = 'select body, raw from events where source = $1 and id = $2';
      const row = await one<EventRow>('event', text, [source, id]);
      return row === null ? null : acceptedFrom(row);
    },
    async listEvents({ from, to, limit }) {
      const text = 'select body, raw from events where time >= $1 and time <= $2 order by time, source, id limit $3';
      return (await all<EventRow>('list-events', text, [from, to, limit])).map(acceptedFrom);
    },
    eventCount: async () => (await one<Count>('event-count', 'select count(*) as n from events'))?.n ?? 0,
    async detectorStates(keys) {
      const values = [keys.map(({ rule }) => rule), keys.map(({ key }) => key)];
      const rows = await all<StateRow>('detector-states', DETECTOR_STATES, values);
      return new Map(
        rows.map(({ rule, key, version, body }) => [detectorStateKey(rule, key), { version, body: parsed(body) }]),
      );
    },
    newestRecordAt: async () =>
      (await one<{ at: number | null }>('newest', 'select max(at) as at from streams'))?.at ?? null,
    chosenStateCount: async () =>
      (await one<Count>('chosen-states', 'select count(*) as n from detector_states where chosen'))?.n ?? 0,
    dueTimers: (at, limit) => all<TimerRow>('due-timers', DUE_TIMERS, [at, limit]),
    nextTimerDue: async () =>
      (await one<{ due: number | null }>('next-due', 'select min(due) as due from timers'))?.due ?? null,
    queuedEffects: async (limit) => effectsFrom(await all<EffectRow>('effects', EFFECTS, [limit ?? null])),
  };
}

/** What cannot be stored was never stored: the server would refuse the question, and the connection would be given up. */
function canBeFound(names: readonly unknown[]): boolean {
  return names.every((name) => typeof name !== 'string' || isStorable(name));
}

const READ_STREAM = `select r.bytes, encode(r.hash, 'hex') as hash
  from streams s join records r on r.stream = s.no where s.name = $1 and r.seq > $2 order by r.seq`;
const VIEW = 'select id, version, at, body from views where kind = $1 and id = $2';
const VIEW_BY_KEY = 'select id, version, at, body from views where kind = $1 and unique_key = $2';
const KNOWN_EVENTS = `select e.source, e.id, e.raw_hash
  from unnest($1::text[], $2::text[]) k (source, id) join events e on e.source = k.source and e.id = k.id`;
const DETECTOR_STATES = `select d.rule, d.key, d.version, d.body
  from unnest($1::text[], $2::text[]) k (rule, key) join detector_states d on d.rule = k.rule and d.key = k.key`;
const DUE_TIMERS = `select execution, name, generation, due from timers where due <= $1
  order by due, execution, name limit $2`;
const EFFECTS = 'select execution, name, body from effects order by execution, name limit $1';

interface Count extends QueryResultRow {
  readonly n: number;
}

interface RecordRow extends QueryResultRow {
  readonly bytes: string;
  readonly hash: string;
}

export interface EventRow extends QueryResultRow {
  readonly body: string;
  readonly raw: Buffer;
}

interface StateRow extends QueryResultRow {
  readonly rule: string;
  readonly key: string;
  readonly version: number;
  readonly body: string;
}

type TimerRow = Timer & QueryResultRow;
type ViewRow = Omit<StoredView, 'body'> & { readonly body: string } & QueryResultRow;

export interface EffectRow extends QueryResultRow {
  readonly execution: string;
  readonly name: string;
  readonly body: string;
  /** Only where it was asked for. */
  readonly unbegun?: boolean;
}

/** Effects as the port shows them. */
export function effectsFrom(rows: readonly EffectRow[]): readonly QueuedEffect[] {
  return rows.map(({ execution, name, body, unbegun = false }) => ({
    execution,
    name,
    body: parsed(body),
    ...(unbegun ? { unbegun } : {}),
  }));
}

/* The casts below are of JSON that only this adapter wrote, from values of exactly these types. */

function parsed(body: string): Json {
  return JSON.parse(body) as Json;
}

function storedView(row: ViewRow | null): StoredView | null {
  return row === null ? null : { id: row.id, version: row.version, at: row.at, body: parsed(row.body) };
}

export function acceptedFrom({ body, raw }: EventRow): AcceptedEvent {
  return { event: JSON.parse(body) as Event, raw };
}

const FILTERS = ['id', 'status', 'type', 'severity', 'subject', 'parent', 'ref'] as const;

async function listViews(
  connection: Queryable,
  query: ViewQuery,
): Promise<{ readonly items: readonly StoredView[]; readonly total: number }> {
  const wanted = FILTERS.filter((column) => query[column] !== undefined);
  const where = ['kind = $1', ...wanted.map((column, index) => `${column} = $${index + 2}`)].join(' and ');
  const values = [query.kind, ...wanted.map((column) => query[column] ?? '')];
  if (!canBeFound(values)) return { items: [], total: 0 };
  const page = `order by at desc, id desc limit $${values.length + 1} offset $${values.length + 2}`;
  const { rows } = await connection.query<ViewRow>({
    text: `select id, version, at, body from views where ${where} ${page}`,
    values: [...values, query.limit, query.skip],
  });
  const items = rows.flatMap((row) => storedView(row) ?? []);
  const known = totalOfPage(query, rows.length);
  if (known !== null) return { items, total: known };
  const counted = await connection.query<Count>({ text: `select count(*) as n from views where ${where}`, values });
  return { items, total: counted.rows[0]?.n ?? 0 };
}
