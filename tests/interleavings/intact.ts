import { FIRST_PREV, sealRecord, type JournalRecord } from '../../src/pipeline/audit/record.ts';
import { leafHash } from '../../src/pipeline/audit/merkle.ts';
import type { World } from './world.ts';

/** Everything that the database holds, without what is made up anew each time. */
export interface Rows {
  readonly streams: readonly { readonly name: string; readonly seq: number; readonly hash: string }[];
  readonly records: readonly {
    readonly stream: string;
    readonly seq: number;
    readonly hash: string;
    readonly bytes: string;
    readonly waits: boolean;
  }[];
  readonly leaves: readonly { readonly position: number; stream: string; seq: number; hash: string }[];
  readonly unsequenced: number;
  readonly checkpoints: readonly { readonly size: number; readonly note: string }[];
  readonly objects: readonly unknown[];
  readonly events: readonly unknown[];
  readonly states: readonly unknown[];
  readonly views: readonly unknown[];
  readonly timers: readonly { execution: string; name: string; generation: number; due: number }[];
  readonly effects: readonly { execution: string; name: string; owner: string | null }[];
  readonly duties: readonly { readonly name: string; readonly owner: string }[];
  readonly processes: readonly string[];
  /** Sessions in the middle of a transaction, and locks that are held for the session. */
  readonly open: number;
  readonly locks: number;
}

const list = (text: string): string => `(select coalesce(json_agg(to_json(x)), '[]'::json) from (${text}) x)`;

const READ = `select json_build_object(
  'streams', ${list('select name, seq, hash from streams order by name')},
  'records', ${list(
    `select s.name as stream, r.seq, encode(r.hash, 'hex') as hash, r.bytes, exists (
       select from unsequenced u where u.stream = r.stream and u.seq = r.seq) as waits
     from records r left join streams s on s.no = r.stream order by s.name, r.seq`,
  )},
  'leaves', ${list(
    `select l.position, s.name as stream, l.seq, encode(l.hash, 'hex') as hash
     from leaves l left join streams s on s.no = l.stream order by l.position`,
  )},
  'unsequenced', (select count(*) from unsequenced),
  'checkpoints', ${list('select size, note from checkpoints order by size')},
  'objects', ${list('select * from objects order by hash')},
  'events', ${list('select source, id, raw_hash from events order by source, id')},
  'states', ${list('select * from detector_states order by rule, key')},
  'views', ${list('select * from views order by kind, id')},
  'timers', ${list('select * from timers order by execution, name')},
  'effects', ${list('select execution, name, owner from effects order by execution, name')},
  'duties', ${list('select name, owner from duties order by name')},
  'processes', (select coalesce(json_agg(id order by id), '[]'::json) from processes),
  'open', (select count(*) from pg_stat_activity
           where datname = current_database() and state like 'idle in transaction%'),
  'locks', (select count(*) from pg_locks l join pg_database d on d.oid = l.database
            where d.datname = current_database() and l.locktype = 'advisory')
) as rows`;

export async function readRows(world: World): Promise<Rows> {
  const [row] = await world.sql<{ rows: Rows }>(READ);
  if (row === undefined) throw new Error('the database says nothing');
  return row.rows;
}

/** What must hold whatever was done in whatever order; each sentence names what does not. */
export function faultsOf({ streams, records, leaves, unsequenced, open, locks }: Rows): readonly string[] {
  const faults: string[] = [];
  const heads = new Map<string, { seq: number; hash: string }>();
  const placed = new Map<string, number>();
  for (const { stream, seq } of leaves) placed.set(`${stream} ${seq}`, (placed.get(`${stream} ${seq}`) ?? 0) + 1);
  for (const { stream, seq, hash, bytes, waits } of records) {
    const name = `${stream} ${seq}`;
    const before = heads.get(stream);
    const record = JSON.parse(bytes) as JournalRecord; // what the adapter sealed
    if (seq !== (before?.seq ?? 0) + 1) faults.push(`${name} does not follow ${before?.seq ?? 0}`);
    if (record.prev !== (before?.hash ?? FIRST_PREV)) faults.push(`${name} is not chained to the one before`);
    if (record.seq !== seq || record.stream !== stream) faults.push(`${name} says that it is another one`);
    if (sealRecord(record).hash !== hash) faults.push(`${name} has another hash than its bytes`);
    heads.set(stream, { seq, hash });
    const places = placed.get(name) ?? 0;
    if (places > 1) faults.push(`${name} has ${places} places`);
    if (places + (waits ? 1 : 0) === 0) faults.push(`${name} has no place and waits for none`);
    if (places > 0 && waits) faults.push(`${name} has a place and waits for one`);
    const leaf = leaves.find((each) => each.stream === stream && each.seq === seq);
    if (leaf !== undefined && leaf.hash !== leafHash(bytes)) faults.push(`${name} has another leaf than its bytes`);
  }
  for (const { name, seq, hash } of streams) {
    const head = heads.get(name);
    if (seq > 0 && (head?.seq !== seq || head.hash !== hash)) faults.push(`${name} says ${seq} and has ${head?.seq}`);
    if (seq <= 0 && head !== undefined) faults.push(`${name} is archived and has records`);
  }
  if (records.filter(({ waits }) => waits).length !== unsequenced) faults.push('what waits for a place is no record');
  leaves.forEach(({ position }, index) => {
    if (position !== index) faults.push(`place ${index} of the log is taken by ${position}`);
  });
  if (open > 0) faults.push(`${open} transactions were left open`);
  if (locks > 0) faults.push(`${locks} locks of sessions were left`);
  return faults;
}
