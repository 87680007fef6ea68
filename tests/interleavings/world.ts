import { Client } from 'pg';
import type { PostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import type { Machine } from '../../src/platform/machine.ts';
import type { Cluster } from '../support/postgres.ts';
import { openOn } from '../support/postgres-place.ts';
import { tapStatements, type StatementTap } from './statement-tap.ts';

/**
 * A database with the processes that share it. It is emptied between schedules rather than made anew, which is what lets
 * a thousand of them be run in a few seconds.
 */
export interface World {
  readonly tap: StatementTap;
  /** The journal as one process has it. */
  journal(process: string): PostgresJournal;
  /** Asks on a connection that no thread uses. */
  sql<Row>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Makes the lease of a process run out; before a schedule. */
  expire(process: string): Promise<void>;
  /** A step of a thread: lets the server's clock go on. */
  passServerTime(ms: number): Promise<void>;
  /** Empties the database, and lets every process say that it lives. */
  reset(): Promise<void>;
  /** Who waits and measures time for the processes. */
  readonly waiting: Waiting;
  close(): Promise<void>;
  /** Closes it whatever its processes are in the middle of: their sessions are ended first. */
  abandon(): Promise<void>;
}

/** Time within a world: nothing waits for a clock. */
export interface Waiting {
  /** Takes over the waiting of threads; null: nobody waits. */
  hand(to: WaitingThreads | null): void;
  /** Lets monotonic time pass. */
  pass(ms: number): void;
}

export interface WaitingThreads {
  sleep(thread: string, ms: number): Promise<void>;
  after(thread: string, ms: number, act: () => void): () => void;
}

export interface ProcessSpec {
  readonly name: string;
  /** False: it takes requests only. */
  readonly performs?: boolean;
}

/** Every table that a schedule may have written; nothing in them is needed by a process that is open. */
const TABLES =
  'records unsequenced streams leaves checkpoints objects events detector_states views timers effects duties batches';

/**
 * The server's clock as the processes see it: leases run out when a test says so, and not because a machine was slow. The
 * function stands before the server's own in the search path of their sessions.
 */
const STAGE = `
  create schema stage;
  create table stage.clock (at timestamptz not null);
  insert into stage.clock values (timestamptz '2026-11-21 03:00:00Z');
  create function stage.clock_timestamp() returns timestamptz language sql volatile as 'select at from stage.clock';
  create function stage.clear(living text[]) returns void language plpgsql as $$ begin
    ${TABLES.replaceAll(/\w+/g, 'delete from $&;')}
    delete from processes where id <> all(living);
    update stage.clock set at = timestamptz '2026-11-21 03:00:00Z';
  end $$;`;

async function openWorld(cluster: Cluster, tap: StatementTap, processes: readonly ProcessSpec[]): Promise<World> {
  const url = await cluster.database();
  // Makes the schema, with the clock that it needs for that.
  await (await openOn(url)).close();
  const control = new Client({ connectionString: url });
  control.on('error', () => undefined);
  await control.connect();
  // As a replica would: records may be deleted then.
  await control.query(`${STAGE} set session_replication_role = replica; set synchronous_commit = off; set jit = off`);
  const { machine, monotonic, waiting } = virtualTime(tap);
  const open = new Map<string, PostgresJournal>();

  async function start({ name, performs = true }: ProcessSpec): Promise<void> {
    let count = 0;
    const ids = { next: (prefix: string) => `${prefix}_${name}_${(count += 1)}` };
    const journal = await openOn(processUrl(url), { performs, ids, monotonic, machine });
    // Connects the pool, so that no schedule begins with that.
    await journal.log.size();
    open.set(name, journal);
  }

  const journalOf = (name: string): PostgresJournal => {
    const found = open.get(name);
    if (found === undefined) throw new Error(`there is no process ${name}`);
    return found;
  };

  async function close(): Promise<void> {
    for (const journal of open.values()) await journal.close().catch(() => undefined);
    await control.query('drop schema stage cascade').catch(() => undefined);
    await control.end();
    await cluster.recycle(url);
  }

  for (const each of processes) await start(each);
  return {
    tap,
    journal: journalOf,
    waiting,
    async sql<Row>(text: string, values: readonly unknown[] = []) {
      const { rows } = await control.query({ name: nameOf(text), text, values: [...values] });
      return rows as Row[]; // as the caller asked
    },
    async expire(name) {
      const { processId } = journalOf(name).members;
      await control.query(`update processes set beat_at = beat_at - interval '1 hour' where id = $1`, [processId]);
    },
    passServerTime: (ms) =>
      tap.step(control, `the server's clock goes on by ${ms} ms`, () =>
        control.query(`update stage.clock set at = at + make_interval(secs => $1)`, [ms / 1_000]),
      ),
    async reset() {
      const living = [...open.values()].map(({ members }) => members.processId);
      await control.query({ name: 'clear', text: 'select stage.clear($1)', values: [living] });
      for (const { members } of open.values()) {
        // With the beat a process forgets who had which duty; one that was taken for dead joins anew, on a session of
        // which it may have to find out first that it was ended.
        await members.beat().catch(() => members.beat());
      }
    },
    close,
    async abandon() {
      await control.query(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
      await close();
    },
  };
}

/** Statements of the explorer are few, and each is prepared once. */
const NAMES = new Map<string, string>();
function nameOf(text: string): string {
  const name = NAMES.get(text) ?? `explorer-${NAMES.size}`;
  NAMES.set(text, name);
  return name;
}

/**
 * Sessions with the world's clock, that wait for as long as the explorer lets them: a slow machine must not end them. The
 * driver takes what stands in the URL over what the adapter gives it.
 */
function processUrl(url: string): string {
  const settings = new URLSearchParams({
    options: '-c search_path=stage,pg_catalog,public',
    statement_timeout: '600000',
    lock_timeout: '600000',
    idle_in_transaction_session_timeout: '600000',
    query_timeout: '600000',
  });
  return `${url}?${settings.toString().replaceAll('+', '%20')}`;
}

/** Worlds by the processes that live in them: scenarios with the same ones share one. */
export interface Worlds {
  of(processes: readonly ProcessSpec[]): Promise<World>;
  /** Gives up one in which something went wrong. */
  discard(world: World): Promise<void>;
  close(): Promise<void>;
}

export function keepWorlds(cluster: () => Promise<Cluster>): Worlds {
  const tap = tapStatements();
  const kept = new Map<string, World>();
  return {
    async of(processes) {
      const key = JSON.stringify(processes);
      const world = kept.get(key) ?? (await openWorld(await cluster(), tap, processes));
      kept.set(key, world);
      return world;
    },
    async discard(world) {
      for (const [key, each] of kept) if (each === world) kept.delete(key);
      await world.abandon();
    },
    async close() {
      for (const world of kept.values()) await world.close();
      tap.remove();
    },
  };
}

function virtualTime(tap: StatementTap): {
  readonly machine: Machine;
  readonly monotonic: () => number;
  readonly waiting: Waiting;
} {
  let passed = 0;
  let threads: WaitingThreads | null = null;
  return {
    monotonic: () => passed,
    machine: {
      turn: () => Promise.resolve(),
      sleep(ms) {
        const thread = tap.current();
        if (thread !== null && threads !== null) return threads.sleep(thread, ms);
        // Whoever is left of a schedule that was given up must come to an end of its patience too.
        passed += ms;
        return Promise.resolve();
      },
      after(ms, act) {
        const thread = tap.current();
        return thread === null || threads === null ? () => undefined : threads.after(thread, ms, act);
      },
    },
    waiting: {
      hand(to) {
        threads = to;
      },
      pass(ms) {
        passed += ms;
      },
    },
  };
}
