import type { RemovedStream, RetentionStore } from '../journal.ts';
import type { Queryable } from './connection.ts';
import { acceptedFrom, type EventRow } from './reader.ts';

/** @param write runs work in a transaction of its own. */
export function postgresRetention(
  read: Queryable,
  write: <Result>(work: (connection: Queryable) => Promise<Result>) => Promise<Result>,
): RetentionStore {
  return {
    removeStreams: (streams) => write((connection) => removeStreams(connection, streams)),
    async oldEvents({ before, after, limit }) {
      const { time, source, id } = after ?? { time: Number.MIN_SAFE_INTEGER, source: '', id: '' };
      const { rows } = await read.query<EventRow>({
        name: 'old-events',
        text: OLD_EVENTS,
        values: [time, source, id, before, limit],
      });
      return rows.map(acceptedFrom);
    },
    removeEvents: (keys) =>
      write(async (connection) => {
        const values = [keys.map(({ source }) => source), keys.map(({ id }) => id)];
        const { rowCount } = await connection.query({ text: REMOVE_EVENTS, values });
        return rowCount ?? 0;
      }),
  };
}

/** Streams are locked in the order in which every writer locks them, so nobody waits in a circle. */
async function removeStreams(connection: Queryable, streams: readonly RemovedStream[]): Promise<readonly string[]> {
  const named = new Map(streams.map((each) => [each.stream, each]));
  const { rows } = await connection.query<{ no: number; name: string; seq: number; hash: string; owed: boolean }>({
    text: REMOVABLE,
    values: [[...named.keys()]],
  });
  const busy = await connection.query<{ execution: string }>({
    text: OWED,
    values: [streams.flatMap(({ execution }) => execution ?? [])],
  });
  const owed = new Set(busy.rows.map(({ execution }) => execution));
  const going = rows.flatMap(({ no, name, seq, hash }) => {
    const each = named.get(name);
    if (each === undefined || each.seq !== seq || each.hash !== hash || owed.has(each.execution ?? '')) return [];
    return [{ ...each, no }];
  });
  const numbers = [going.map(({ no }) => no)];
  await connection.query({ text: 'update streams set seq = -seq where no = any($1::bigint[])', values: numbers });
  await connection.query({ text: 'delete from records where stream = any($1::bigint[])', values: numbers });
  const views = going.flatMap((each) => each.views);
  await connection.query({ text: REMOVE_VIEWS, values: [views.map(({ kind }) => kind), views.map(({ id }) => id)] });
  await connection.query({
    text: MARK,
    values: [
      going.map(({ stream }) => stream),
      going.map(({ marker }) => marker.at),
      going.map(({ marker }) => JSON.stringify(marker.body)),
    ],
  });
  return going.map(({ stream }) => stream);
}

const REMOVABLE = `
  select s.no, s.name, s.seq, s.hash from streams s
  where s.name = any($1::text[]) and not exists (select 1 from unsequenced u where u.stream = s.no)
  order by s.name for update of s`;
const OWED = `
  select execution from timers where execution = any($1::text[])
  union select execution from effects where execution = any($1::text[])`;
const REMOVE_VIEWS = `
  delete from views v using unnest($1::text[], $2::text[]) u (kind, id) where v.kind = u.kind and v.id = u.id`;
const MARK = `
  insert into views (kind, id, version, at, body)
  select 'archived', u.id, 1, u.at, u.body from unnest($1::text[], $2::bigint[], $3::text[]) u (id, at, body)
  on conflict (kind, id) do update set version = views.version + 1, at = excluded.at, body = excluded.body`;
const OLD_EVENTS = `
  select body, raw from events where (time, source, id) > ($1, $2, $3) and time < $4
  order by time, source, id limit $5`;
const REMOVE_EVENTS = `
  delete from events e using unnest($1::text[], $2::text[]) u (source, id) where e.source = u.source and e.id = u.id`;
