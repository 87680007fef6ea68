import { invariant } from '../../platform/errors.ts';
import type { View } from '../journal.ts';
import type { Difference, StateRow, StreamRow, ViewRow } from './fold-batch.ts';

export interface WriteOptions {
  /** Names the batch, so that after a lost connection it can be asked whether it was committed. */
  readonly batchId: string;
  /** Who holds the effects that are queued; null: nobody. */
  readonly owner: string | null;
}

type Value = string | number | boolean | null;

/** One table's share of the statement. */
export interface Part {
  /** Also stands for the text: parts of one name have one text. */
  readonly name: string;
  /** `$1`, `$2` ... are the part's own columns; `@` is the condition that the part before is done. */
  readonly sql: string;
  readonly columns: readonly (readonly Value[] | Value | Buffer)[];
  /** Rows that this part must write; when it wrote fewer, somebody else was first. */
  readonly counted?: number;
}

/** The shares of all tables that the difference touches, always in the same order and each in the order of its names. */
export function partsOf(difference: Difference, { batchId, owner }: WriteOptions): readonly Part[] {
  const batch = { name: 'b', sql: 'insert into batches (id) select $1::text where @ returning 1', columns: [batchId] };
  return [
    batch,
    ...streamParts(difference),
    ...objectParts(difference),
    ...eventParts(difference),
    ...stateParts(difference),
    ...viewParts(difference),
    ...timerParts(difference),
    ...effectParts(difference, owner),
  ];
}

/** A part for these rows, if there are any. `types` are those of its columns; `u` is the table of them. */
function part<Row>(
  name: string,
  sql: string,
  rows: readonly Row[],
  row: (each: Row) => readonly Value[],
  counted = false,
): readonly Part[] {
  if (rows.length === 0) return [];
  const columns: Value[][] = [];
  for (const each of rows) {
    row(each).forEach((value, index) => (columns[index] ??= []).push(value));
  }
  return [{ name, sql, columns, ...(counted ? { counted: rows.length } : {}) }];
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function sorted<Row>(rows: readonly Row[], first: (row: Row) => string, second: (row: Row) => string): readonly Row[] {
  return [...rows].sort((a, b) => compare(first(a), first(b)) || compare(second(a), second(b)));
}

function streamParts({ streams, records }: Difference): readonly Part[] {
  const after = streams.flatMap((change) => (change.after === null ? [] : [change.after]));
  const ordered = sorted(
    after,
    ({ name }) => name,
    () => '',
  );
  const fresh = ordered.filter(({ no }) => no === null);
  const moved = ordered.filter(({ no }) => no !== null);
  const columns = ({ name, seq, hash, at }: StreamRow): Value[] => [name, seq, hash, at];
  const numbers = new Map(ordered.map(({ name, no }) => [name, no]));
  const row = ({ stream, sealed }: Difference['records'][number]): Value[] => [
    stream,
    numbers.get(stream) ?? null,
    sealed.record.seq,
    sealed.bytes,
    sealed.hash,
  ];
  return [
    ...part('ns', NEW_STREAMS, fresh, columns, true),
    ...part('ms', MOVED_STREAMS, moved, columns, true),
    // The number of a new stream is known to the part that inserts it.
    ...(fresh.length > 0
      ? part('nr', RECORDS_OF_NEW_STREAMS, records, row, true)
      : part('r', RECORDS, records, row, true)),
    ...(records.length > 0 ? [{ name: 'q', sql: fresh.length > 0 ? UNSEQUENCED_NEW : UNSEQUENCED, columns: [] }] : []),
  ];
}

const NEW_STREAMS = `insert into streams (name, seq, hash, at)
  select name, seq, hash, at from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) u (name, seq, hash, at)
  where @ on conflict do nothing returning no, name`;

const MOVED_STREAMS = `update streams s set seq = u.seq, hash = u.hash, at = u.at
  from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) u (name, seq, hash, at)
  where s.name = u.name and @ returning 1`;

const RECORD_ROWS =
  'unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) u (name, no, seq, bytes, hash)';

const RECORDS = `insert into records (stream, seq, bytes, hash)
  select u.no, u.seq, u.bytes, decode(u.hash, 'hex') from ${RECORD_ROWS} where @ returning stream, seq`;

const RECORDS_OF_NEW_STREAMS = `insert into records (stream, seq, bytes, hash)
  select coalesce(u.no, ns.no), u.seq, u.bytes, decode(u.hash, 'hex')
  from ${RECORD_ROWS} left join ns on u.name = ns.name
  where coalesce(u.no, ns.no) is not null and @ returning stream, seq`;

const UNSEQUENCED = 'insert into unsequenced (stream, seq) select stream, seq from r where @ returning 1';
const UNSEQUENCED_NEW = 'insert into unsequenced (stream, seq) select stream, seq from nr where @ returning 1';

function objectParts({ objects }: Difference): readonly Part[] {
  const rows = sorted(
    [...objects],
    ([hash]) => hash,
    () => '',
  );
  const sql = `insert into objects (hash, body) select hash, body from unnest($1::text[], $2::text[]) u (hash, body)
    where @ on conflict do nothing returning 1`;
  return part('o', sql, rows, ([hash, body]) => [hash, body]);
}

/** The bytes of all events go as one value, each cut out of it: an array of them would travel at twice the size. */
function eventParts({ events }: Difference): readonly Part[] {
  if (events.length === 0) return [];
  const rows = sorted(
    events,
    ({ event }) => event.source,
    ({ event }) => event.id,
  );
  let offset = 1;
  const [made] = part(
    'e',
    EVENTS,
    rows,
    ({ event, raw }) => {
      const from = offset;
      offset += raw.length;
      return [event.source, event.id, event.time, event.rawHash, JSON.stringify(event), from, raw.length];
    },
    true,
  );
  invariant(made !== undefined, 'there are events');
  return [{ ...made, columns: [...made.columns, Buffer.concat(rows.map(({ raw }) => raw))] }];
}

const EVENTS = `insert into events (source, id, time, raw_hash, body, raw)
  select source, id, time, raw_hash, body, substring($8::bytea from first for length)
  from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::int[], $7::int[])
    u (source, id, time, raw_hash, body, first, length)
  where @ on conflict do nothing returning 1`;

function stateParts({ states }: Difference): readonly Part[] {
  const ordered = sorted(
    states.map((change) => ({ ...change, row: change.after ?? change.before })),
    ({ row }) => row?.rule ?? '',
    ({ row }) => row?.key ?? '',
  );
  const afters = (isNew: boolean): StateRow[] =>
    ordered.flatMap(({ before, after }) => (after !== null && (before === null) === isNew ? [after] : []));
  const gone = ordered.flatMap(({ before, after }) => (before !== null && after === null ? [before] : []));
  const columns = ({ rule, key, version, chosen, touched, body }: StateRow): Value[] => [
    rule,
    key,
    version,
    chosen,
    touched,
    body,
  ];
  return [
    ...part('gd', GONE_STATES, gone, ({ rule, key }) => [rule, key]),
    ...part('md', MOVED_STATES, afters(false), columns, true),
    ...part('nd', NEW_STATES, afters(true), columns, true),
  ];
}

const STATE_ROWS = `unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[], $6::text[])
  u (rule, key, version, chosen, touched, body)`;
const GONE_STATES = `delete from detector_states d using unnest($1::text[], $2::text[]) u (rule, key)
  where d.rule = u.rule and d.key = u.key and @ returning 1`;
const MOVED_STATES = `update detector_states d
  set version = u.version, chosen = u.chosen, touched = u.touched, body = u.body
  from ${STATE_ROWS} where d.rule = u.rule and d.key = u.key and @ returning 1`;
const NEW_STATES = `insert into detector_states (rule, key, version, chosen, touched, body)
  select rule, key, version, chosen, touched, body from ${STATE_ROWS} where @ on conflict do nothing returning 1`;

function viewParts({ views }: Difference): readonly Part[] {
  const ordered = sorted(
    views.map((change) => ({ ...change, row: change.after ?? change.before })),
    ({ row }) => row?.kind ?? '',
    ({ row }) => row?.id ?? '',
  );
  const afters = (isNew: boolean): ViewRow[] =>
    ordered.flatMap(({ before, after }) => (after !== null && (before === null) === isNew ? [after] : []));
  const gone = ordered.flatMap(({ before, after }) => (before !== null && after === null ? [before] : []));
  return [
    ...part('gv', GONE_VIEWS, gone, ({ kind, id }) => [kind, id]),
    ...part('mv', MOVED_VIEWS, afters(false), viewColumns, true),
    ...part('nv', NEW_VIEWS, afters(true), viewColumns, true),
  ];
}

function viewColumns({ kind, id, version, uniqueKey, view }: ViewRow): Value[] {
  invariant(view !== null, 'a view that is written has a body');
  const {
    status = null,
    type = null,
    severity = null,
    subject = null,
    parent = null,
    ref = null,
    at,
    body,
  }: View = view;
  return [kind, id, version, uniqueKey, status, type, severity, subject, parent, ref, at, JSON.stringify(body)];
}

const VIEW_COLUMNS = 'kind, id, version, unique_key, status, type, severity, subject, parent, ref, at, body';
const VIEW_ROWS = `unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::bigint[], $12::text[]) u (${VIEW_COLUMNS})`;
const GONE_VIEWS = `delete from views v using unnest($1::text[], $2::text[]) u (kind, id)
  where v.kind = u.kind and v.id = u.id and @ returning 1`;
const MOVED_VIEWS = `update views v set version = u.version, unique_key = u.unique_key, status = u.status,
    type = u.type, severity = u.severity, subject = u.subject, parent = u.parent, ref = u.ref, at = u.at, body = u.body
  from ${VIEW_ROWS} where v.kind = u.kind and v.id = u.id and @ returning 1`;
const NEW_VIEWS = `insert into views (${VIEW_COLUMNS}) select ${VIEW_COLUMNS} from ${VIEW_ROWS}
  where @ on conflict do nothing returning 1`;

function timerParts({ timers }: Difference): readonly Part[] {
  const ordered = sorted(
    timers,
    ({ execution }) => execution,
    ({ name }) => name,
  );
  const set = ordered.filter(({ due }) => due !== null);
  const gone = ordered.filter(({ due }) => due === null);
  return [
    ...part('gt', GONE_TIMERS, gone, ({ execution, name }) => [execution, name]),
    ...part('t', TIMERS, set, ({ execution, name, generation, due }) => [execution, name, generation, due]),
  ];
}

const GONE_TIMERS = `delete from timers t using unnest($1::text[], $2::text[]) u (execution, name)
  where t.execution = u.execution and t.name = u.name and @ returning 1`;
const TIMERS = `insert into timers (execution, name, generation, due)
  select execution, name, generation, due
  from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) u (execution, name, generation, due)
  where @ on conflict (execution, name) do update set generation = excluded.generation, due = excluded.due returning 1`;

function effectParts({ effects }: Difference, owner: string | null): readonly Part[] {
  const ordered = sorted(
    effects,
    ({ execution }) => execution,
    ({ name }) => name,
  );
  const set = ordered.filter(({ body }) => body !== null);
  const gone = ordered.filter(({ body }) => body === null);
  return [
    ...part('gf', GONE_EFFECTS, gone, ({ execution, name }) => [execution, name]),
    ...part('f', EFFECTS, set, ({ execution, name, body }) => [execution, name, JSON.stringify(body), owner]),
  ];
}

const GONE_EFFECTS = `delete from effects f using unnest($1::text[], $2::text[]) u (execution, name)
  where f.execution = u.execution and f.name = u.name and @ returning 1`;
const EFFECTS = `insert into effects (execution, name, body, owner)
  select execution, name, body, owner
  from unnest($1::text[], $2::text[], $3::text[], $4::text[]) u (execution, name, body, owner)
  where @ on conflict (execution, name) do update set body = excluded.body, owner = excluded.owner returning 1`;
