import type { Client } from 'pg';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Machine } from '../../platform/machine.ts';
import { BEAT_MS, LEASE_MS, SEND_MARGIN_MS, type Duty, type Membership, type QueuedEffect } from '../membership.ts';
import { inTransaction, openLine, type Address, type Line } from './connection.ts';
import { connectionLost, storeFault } from './faults.ts';
import { lockKey } from './lock-key.ts';
import type { Ear } from './news.ts';
import { effectsFrom, type EffectRow } from './reader.ts';

/** Pause between two tries to get a target that another process works on, in ms; an action takes some tens. */
const TARGET_PAUSE_MS = 10;
/** It grows to this, in ms: a slow system on the other side is not asked for each time by a waiting process. */
const MAX_TARGET_PAUSE_MS = 100;

/** How long the names of batches are kept, in ms: far longer than anybody can be in doubt about one. */
const BATCH_NAMES_MS = 600_000;
/** How often they are cleared away, in beats. */
const CLEAR_EVERY_BEATS = 120;

export interface MembershipPorts {
  readonly address: Address;
  readonly machine: Machine;
  readonly monotonic: () => number;
  /** The wall clock of this machine, ms since 1970. */
  readonly now: () => number;
  /** A fresh, unguessable id for a process. */
  readonly newProcessId: () => string;
  readonly journalId: string;
  /** The schema version that this program knows. */
  readonly schema: number;
  /** Hears what others tell; null: nothing is to be heard. */
  readonly ear: Ear | null;
}

export interface PostgresMembership extends Membership {
  /** What to add to this machine's wall clock to get the database's, in ms, as of the last beat. */
  clockOffsetMs(): number;
  /** Whether the process of that name lives. @throws StoreUnavailableError. */
  lives(processId: string): Promise<boolean>;
}

/**
 * Membership by rows of the database, judged by its clock. A process beats by moving its row's time; it is taken for dead
 * when the row is too old, and then the row is deleted before anything that it held is taken: a beat and a take-over
 * exclude each other by the lock on that row.
 */
export function openMembership(ports: MembershipPorts): PostgresMembership {
  const { address, machine, monotonic, ear } = ports;
  const targets = keyedSemaphore(1);
  let processId = ports.newProcessId();
  /** When the last beat that took was sent; null: none, or what was held is lost. */
  let beatSentAt: number | null = null;
  let offset = 0;
  let beats = 0;
  let left = false;
  const duties = new Map<Duty, { readonly leads: boolean; readonly askedAt: number; readonly processId: string }>();

  // With the connection go all locks on targets: whatever was begun under them must not be gone on with.
  const line: Line = openLine(address, () => 'member', forgetAll);

  function forgetAll(): void {
    beatSentAt = null;
    duties.clear();
  }

  const holds = (): boolean => beatSentAt !== null && monotonic() - beatSentAt < LEASE_MS - SEND_MARGIN_MS;

  async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (thrown) {
      throw storeFault(thrown, address.scrub, false);
    }
  }

  /** A statement that stands alone. */
  const run = <Result>(work: (client: Client) => Promise<Result>): Promise<Result> =>
    guarded(() =>
      line.run(async (client) => {
        try {
          return await work(client);
        } catch (thrown) {
          if (connectionLost(thrown)) line.drop();
          throw thrown;
        }
      }),
    );

  async function join(client: Client): Promise<number> {
    processId = ports.newProcessId();
    // On disk at once: without its row a process that lives on would be robbed as soon as the server is up again.
    await client.query('set synchronous_commit to default');
    // The session carries the process's name, so that whoever takes over can end it with all its locks.
    await client.query(`select set_config('application_name', $1, false)`, [sessionName(processId)]);
    const { rows } = await client.query<{ at: number }>(
      `insert into processes (id, beat_at, schema) values ($1, clock_timestamp(), $2) returning ${EPOCH_MS} as at`,
      [processId, ports.schema],
    );
    await client.query(BEATS_ARE_FORGOTTEN);
    return rows[0]?.at ?? 0;
  }

  async function beatOnce(client: Client): Promise<void> {
    const sentAt = monotonic();
    const sentWall = ports.now();
    // Without a beat that counts since the connection was lost, whatever this process held may be somebody else's.
    const mine = beatSentAt === null ? null : await moveBeat(client);
    const storeAt = mine ?? (await join(client));
    offset = Math.round(storeAt - (sentWall + ports.now()) / 2);
    beatSentAt = sentAt;
    duties.clear();
  }

  async function moveBeat(client: Client): Promise<number | null> {
    const { rows } = await client.query<{ at: number }>({
      name: 'beat',
      text: `update processes set beat_at = clock_timestamp()
             where id = $1 and beat_at > clock_timestamp() - ${LEASE} returning ${EPOCH_MS} as at`,
      values: [processId],
    });
    return rows[0]?.at ?? null;
  }

  async function clearBatches(): Promise<void> {
    beats += 1;
    if (beats % CLEAR_EVERY_BEATS !== 0) return;
    await run((client) =>
      client.query(`delete from batches where at < clock_timestamp() - make_interval(secs => $1)`, [
        BATCH_NAMES_MS / 1_000,
      ]),
    );
  }

  async function beat(): Promise<void> {
    if (left) return;
    await run(beatOnce);
    await clearBatches();
  }

  /** Deletes who has not said for too long that it lives, and ends its session: a frozen one would keep its locks. */
  async function bury(client: Client): Promise<void> {
    const { rows } = await client.query<{ id: string }>({
      name: 'bury',
      text: `delete from processes where id in (
               select id from processes where beat_at <= clock_timestamp() - ${LEASE} and id <> $1
               order by id for update skip locked) returning id`,
      values: [processId],
    });
    if (rows.length === 0) return;
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = any($1) and datname = current_database() and usename = current_user
         and pid <> pg_backend_pid()`,
      [rows.map(({ id }) => sessionName(id))],
    );
  }

  /** Locks this process's own row, when it lives: until the transaction ends nobody can take it for dead. */
  async function alive(client: Client): Promise<boolean> {
    const { rowCount } = await client.query({
      name: 'alive',
      text: `select 1 from processes where id = $1 and beat_at > clock_timestamp() - ${LEASE} for update`,
      values: [processId],
    });
    return rowCount === 1;
  }

  /** On disk when it resolves: what was claimed is begun next, and must not pass for unbegun after a crash of the server. */
  const transaction = <Result>(work: (client: Client) => Promise<Result>): Promise<Result> =>
    guarded(() =>
      inTransaction(line, async (client) => {
        await client.query('set local synchronous_commit to default');
        return work(client);
      }),
    );

  /** Looked at without a lock, because it is asked many times for each time that there is something. */
  async function anythingFree(): Promise<boolean> {
    return run(async (client) => {
      const { rows } = await client.query<{ free: boolean }>({ name: 'free', text: FREE, values: [processId] });
      return rows[0]?.free === true;
    });
  }

  async function claim(limit: number): Promise<readonly QueuedEffect[]> {
    if (!holds() || !(await anythingFree())) return [];
    return transaction(async (client) => {
      if (!(await alive(client))) return [];
      await bury(client);
      const { rows } = await client.query<EffectRow>({ name: 'claim', text: CLAIM, values: [processId, limit] });
      return effectsFrom(rows);
    });
  }

  async function takeDuty(duty: Duty): Promise<boolean> {
    const owner = await run(async (client) => {
      const { rows } = await client.query<{ owner: string }>({ name: 'duty', text: LIVING_OWNER, values: [duty] });
      return rows[0]?.owner ?? null;
    });
    if (owner !== null && owner !== processId) return false;
    return transaction(async (client) => {
      if (!(await alive(client))) return false;
      await bury(client);
      await client.query('insert into duties (name, owner) values ($1, $2) on conflict do nothing', [duty, processId]);
      const { rows } = await client.query<{ owner: string }>('select owner from duties where name = $1 for update', [
        duty,
      ]);
      if (rows[0]?.owner === processId) return true;
      // Asked after the row was locked: whoever took the duty just now is seen to live.
      const { rowCount } = await client.query(
        `update duties d set owner = $2 where name = $1 and not exists (select 1 from processes p where p.id = d.owner)`,
        [duty, processId],
      );
      return rowCount === 1;
    });
  }

  async function leads(duty: Duty): Promise<boolean> {
    if (!holds()) return false;
    // Only death takes a duty away; that somebody else has it is believed until the next beat.
    const known = duties.get(duty);
    if (known !== undefined && known.processId === processId && monotonic() - known.askedAt < BEAT_MS)
      return known.leads;
    const askedAt = monotonic();
    const taken = await takeDuty(duty);
    duties.set(duty, { leads: taken, askedAt, processId });
    return taken && holds();
  }

  async function lockTarget(key: string): Promise<number> {
    for (let pause = TARGET_PAUSE_MS; ; pause = Math.min(pause * 2, MAX_TARGET_PAUSE_MS)) {
      const got = await run(async (client) => {
        const { rows } = await client.query<{ got: boolean }>({
          name: 'lock-target',
          text: 'select pg_try_advisory_lock($1::bigint) as got',
          values: [key],
        });
        return rows[0]?.got === true ? line.generation : null;
      });
      if (got !== null) return got;
      await machine.sleep(pause);
    }
  }

  /** A lock of a connection that was lost is gone with it, and the same key may be somebody else's by now. */
  async function unlockTarget(key: string, generation: number): Promise<void> {
    if (line.generation !== generation || !line.connected) return;
    await run((client) =>
      line.generation === generation
        ? client.query({ name: 'unlock-target', text: 'select pg_advisory_unlock($1::bigint)', values: [key] })
        : Promise.resolve(null),
    ).catch(() => line.drop());
  }

  return {
    get processId() {
      return processId;
    },
    holds,
    beat,
    claim,
    held: (limit) =>
      run(async (client) => {
        const { rows } = await client.query<EffectRow>({ name: 'held', text: HELD, values: [processId, limit] });
        return effectsFrom(rows);
      }),
    leads,
    ...(ear === null ? {} : { listen: (news, closing) => ear.listen(news, closing) }),
    withTarget: (target, work) =>
      targets.run(target, async () => {
        const key = lockKey(`${ports.journalId} target ${target}`);
        const generation = await lockTarget(key);
        try {
          return await work();
        } finally {
          await unlockTarget(key, generation);
        }
      }),
    async leave() {
      if (left) return;
      left = true;
      const gone = beatSentAt !== null;
      forgetAll();
      try {
        if (gone) await run((client) => client.query('delete from processes where id = $1', [processId]));
      } finally {
        await line.close();
      }
    },
    clockOffsetMs: () => offset,
    lives: (id) =>
      run(async (client) => {
        const { rowCount } = await client.query({ name: 'lives', text: LIVES, values: [id] });
        return rowCount === 1;
      }),
  };
}

/**
 * No slow disk may make a living process look dead: its beats do not wait for the disk, and what a crash forgets of them is
 * within `SEND_MARGIN_MS`. Where the server's settings let it forget more, they do wait.
 */
const BEATS_ARE_FORGOTTEN = `select set_config('synchronous_commit', 'off', false) from pg_settings
  where name = 'wal_writer_delay' and setting::int <= 200`;

const LEASE = `interval '${LEASE_MS} milliseconds'`;
const EPOCH_MS = `(extract(epoch from beat_at) * 1000)::bigint`;

const HELD = 'select execution, name, body from effects where owner = $1 order by execution, name limit $2';

const LIVES = `select 1 from processes where id = $1 and beat_at > clock_timestamp() - ${LEASE}`;

/** Who has a duty and lives. */
const LIVING_OWNER = `select d.owner from duties d join processes p on p.id = d.owner
  where d.name = $1 and p.beat_at > clock_timestamp() - ${LEASE}`;

/** Whether somebody is to be buried, or an effect is of nobody who lives: owners are looked at, not their effects. */
const FREE = `
  with recursive owners as (
    (select owner from effects where owner is not null order by owner limit 1)
    union all
    select (select e.owner from effects e where e.owner > o.owner order by e.owner limit 1) from owners o
    where o.owner is not null
  )
  select exists (select 1 from processes where id <> $1 and beat_at <= clock_timestamp() - ${LEASE})
    or exists (select 1 from effects where owner is null)
    or exists (select 1 from owners o where o.owner is not null
               and not exists (select 1 from processes p where p.id = o.owner)) as free`;

/** Effects of nobody, or of somebody who has no row any more. Others that claim at the same time step over them. */
const CLAIM = `
  with free as (
    select execution, name, owner from effects e
    where owner is null or not exists (select 1 from processes p where p.id = e.owner)
    order by execution, name limit $2 for update of e skip locked
  )
  update effects e set owner = $1 from free f where e.execution = f.execution and e.name = f.name
  returning e.execution, e.name, e.body, f.owner is null as unbegun`;

function sessionName(processId: string): string {
  return `firebreak ${processId}`;
}
