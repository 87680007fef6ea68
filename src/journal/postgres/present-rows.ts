import type { QueryResultRow } from 'pg';
import type { Change } from '../journal.ts';
import type { Queryable } from './connection.ts';
import type { Present, StateRow, StreamRow, ViewRow } from './fold-batch.ts';
import { pairKey } from './row-keys.ts';

/**
 * What a batch is about, in one statement. Streams, detector states and views are locked, each in the order of its names:
 * every commit locks in this order, so that two of them never wait for each other (the parts of a `union all` are read
 * one after the other). Events never change and are looked up only. So are the holders of unique keys: the unique index
 * has the last word about them.
 */
const READ_AND_LOCK = `
  with s as materialized (
    select no, name, seq, hash, at from streams where name = any($1::text[]) order by name for update
  ), d as materialized (
    select d.rule, d.key, d.version, d.chosen, d.touched
    from unnest($2::text[], $3::text[]) k (rule, key) join detector_states d on d.rule = k.rule and d.key = k.key
    order by d.rule, d.key for update of d
  ), v as materialized (
    select v.kind, v.id, v.version, v.unique_key
    from unnest($4::text[], $5::text[]) k (kind, id) join views v on v.kind = k.kind and v.id = k.id
    order by v.kind, v.id for update of v
  )
  select 'stream' as part, name as a, hash as b, null as c, no as n, seq as version, at, false as chosen from s
  union all select 'state', rule, key, null, 0, version, touched, chosen from d
  union all select 'view', kind, id, unique_key, 0, version, 0, false from v
  union all select 'holder', v.kind, v.id, v.unique_key, 0, 0, 0, false
    from unnest($6::text[], $7::text[]) k (kind, key) join views v on v.kind = k.kind and v.unique_key = k.key
  union all select 'event', e.source, e.id, null, 0, 0, 0, false
    from unnest($8::text[], $9::text[]) k (source, id) join events e on e.source = k.source and e.id = k.id`;

interface Row extends QueryResultRow {
  readonly part: 'stream' | 'state' | 'view' | 'holder' | 'event';
  readonly a: string;
  readonly b: string;
  readonly c: string | null;
  readonly n: number;
  readonly version: number;
  readonly at: number;
  readonly chosen: boolean;
}

/** Reads and locks what a batch is about. */
export async function readPresent(connection: Queryable, changes: readonly Change[]): Promise<Present> {
  const { rows } = await connection.query<Row>({ name: 'present', text: READ_AND_LOCK, values: wanted(changes) });
  const streams = new Map<string, StreamRow>();
  const events = new Map<string, 'stored'>();
  const states = new Map<string, StateRow>();
  const views = new Map<string, ViewRow>();
  const holders = new Map<string, string>();
  // Locked views stand before the holders that were looked up, and know better what they hold.
  for (const { part, a, b, c, n, version, at, chosen } of rows) {
    switch (part) {
      case 'stream':
        streams.set(a, { name: a, no: n, seq: version, hash: b, at });
        break;
      case 'state':
        states.set(pairKey(a, b), { rule: a, key: b, version, chosen, touched: at, body: null });
        break;
      case 'view':
        views.set(pairKey(a, b), { kind: a, id: b, version, uniqueKey: c, view: null });
        if (c !== null) holders.set(pairKey(a, c), b);
        break;
      case 'holder':
        if (c !== null && !views.has(pairKey(a, b))) holders.set(pairKey(a, c), b);
        break;
      case 'event':
        events.set(pairKey(a, b), 'stored');
        break;
    }
  }
  return { streams, events, states, views, holders };
}

/** The parameters of the statement: each name once. */
function wanted(changes: readonly Change[]): string[][] {
  const streams = new Set<string>();
  const states = pairs();
  const views = pairs();
  const uniqueKeys = pairs();
  const events = pairs();
  for (const change of changes) {
    for (const { stream } of change.appends) streams.add(stream);
    for (const { rule, key } of change.detectorStates ?? []) states.add(rule, key);
    for (const { event } of change.events ?? []) events.add(event.source, event.id);
    for (const { kind, id, uniqueKey = null, body } of change.views ?? []) {
      views.add(kind, id);
      if (uniqueKey !== null && body !== null) uniqueKeys.add(kind, uniqueKey);
    }
  }
  return [[...streams], ...states.columns, ...views.columns, ...uniqueKeys.columns, ...events.columns];
}

interface Pairs {
  add(first: string, second: string): void;
  readonly columns: readonly [string[], string[]];
}

function pairs(): Pairs {
  const seen = new Set<string>();
  const columns: [string[], string[]] = [[], []];
  return {
    add(first, second) {
      const key = pairKey(first, second);
      if (seen.has(key)) return;
      seen.add(key);
      columns[0].push(first);
      columns[1].push(second);
    },
    columns,
  };
}
