import type { QueryResultRow } from 'pg';
import type { LogStore } from '../journal.ts';
import type { Queryable } from './connection.ts';

/** Key of the advisory lock under which records get their places, until the transaction ends. Any number; ours for ever. */
const SEQUENCER_LOCK = 7_244_012;

/** @param write runs work in a transaction of its own; the answer of the work decides nothing but what is answered. */
export function postgresLogStore(
  read: Queryable,
  write: <Result>(work: (connection: Queryable) => Promise<Result>) => Promise<Result>,
): LogStore {
  const all = async <Row extends QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> =>
    (await read.query<Row>({ text, values })).rows;
  const sizeSeen = async (connection: Queryable): Promise<number> => {
    const { rows } = await connection.query<{ n: number }>('select coalesce(max(position) + 1, 0) as n from leaves');
    return rows[0]?.n ?? 0;
  };
  return {
    unsequenced: (limit) =>
      all(
        `select s.name as stream, r.seq, r.bytes
         from (select stream, seq from unsequenced order by stream, seq limit $1) u
         join records r on r.stream = u.stream and r.seq = u.seq join streams s on s.no = u.stream
         order by u.stream, u.seq`,
        [limit],
      ),
    recordRows: (stream) =>
      all(
        `select r.seq, r.bytes, encode(r.hash, 'hex') as hash
         from streams s join records r on r.stream = s.no where s.name = $1 order by r.seq`,
        [stream],
      ),
    size: () => sizeSeen(read),
    async leafHashes(from, to) {
      const rows = await all<{ hash: string }>(
        `select encode(hash, 'hex') as hash from leaves where position >= $1 and position < $2 order by position`,
        [from, to],
      );
      return rows.map(({ hash }) => hash);
    },
    place: (expectedSize, leaves) =>
      write(async (connection) => {
        await connection.query(`select pg_advisory_xact_lock(${SEQUENCER_LOCK})`);
        if ((await sizeSeen(connection)) !== expectedSize) return false;
        const { rows } = await connection.query<{ stream: string; seq: number }>({
          name: 'place',
          text: PLACE,
          values: [
            leaves.map(({ position }) => position),
            leaves.map(({ stream }) => stream),
            leaves.map(({ seq }) => seq),
            leaves.map(({ leafHash }) => leafHash),
          ],
        });
        const placed = new Set(rows.map(({ stream, seq }) => `${seq} ${stream}`));
        const missing = leaves.find(({ stream, seq }) => !placed.has(`${seq} ${stream}`));
        if (missing !== undefined) throw new Error(`no record ${missing.stream} ${missing.seq} to place`);
        return true;
      }),
    leaves: (from, limit) =>
      all(
        `select l.position, coalesce(s.name, '') as stream, l.seq from leaves l left join streams s on s.no = l.stream
         where l.position >= $1 order by l.position limit $2`,
        [from, limit],
      ),
    addCheckpoint: ({ size, at, note }, after) =>
      write(async (connection) => {
        // One after the other: of two that look at the same moment both would find what they expect.
        if (after !== undefined) await connection.query(`select pg_advisory_xact_lock(${SEQUENCER_LOCK})`);
        const text = `insert into checkpoints (size, at, note) select $1, $2, $3
          where $4::bigint is null or $4 = coalesce((select max(size) from checkpoints), 0) on conflict do nothing`;
        const { rowCount } = await connection.query({ text, values: [size, at, note, after ?? null] });
        return rowCount === 1;
      }),
    checkpoints: (newest) =>
      all(
        `select size, at, note from (select size, at, note from checkpoints order by size desc limit $1) c order by size`,
        [newest ?? null],
      ),
  };
}

/** Deletes from the queue and inserts the leaves; answers with what was in the queue. */
const PLACE = `
  with given as (
    select u.position, s.no, s.name, u.seq, decode(u.hash, 'hex') as hash
    from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) u (position, stream, seq, hash)
    join streams s on s.name = u.stream
  ), gone as (
    delete from unsequenced q using given g where q.stream = g.no and q.seq = g.seq returning g.position, g.name, q.seq
  ), placed as (
    insert into leaves (position, stream, seq, hash)
    select g.position, g.no, g.seq, g.hash from given g join gone using (position) returning 1
  )
  select name as stream, seq from gone where (select count(*) from placed) >= 0`;
