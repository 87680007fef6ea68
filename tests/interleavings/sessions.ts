import { setImmediate as turn } from 'node:timers/promises';
import type { Client } from 'pg';
import { processIdOf } from './statement-tap.ts';
import type { World } from './world.ts';

/**
 * How long nothing must have moved before it is looked who waits for a lock, in ms: most statements are answered sooner,
 * and then nobody needs to look. What is waited for is what the look shows, however long that takes.
 */
const LOOK_AFTER_MS = 2;
/** Looks until everything stands still at most; far above what a statement needs. */
const MAX_LOOKS = 10_000;

/** A statement that was sent and is not answered. */
interface Flight {
  readonly pid: number;
  /** False for words that never wait for a lock, so that nobody needs to look whether they do. */
  readonly mayWait: boolean;
}

/** What the sessions of a schedule do in the server. */
export interface Sessions {
  /** A statement is on its way; what is answered is called when the server is done with it. */
  sent(client: Client, mayWait: boolean): () => void;
  opening(done: Promise<unknown>): void;
  /** A session ends: its client says goodbye or lost it, or somebody else ended it. */
  ending(pid: number): void;
  /** A client that the adapter gave up while its session goes on: it learns nothing of it any more. */
  cutOff(client: Client): void;
  /** Tells that something of the schedule moved in this process. */
  moved(): void;
  /**
   * Waits until nothing moves any more: each statement was answered or waits for a lock that only a session can give
   * back which is at rest itself, and whoever left has left in the server too. Answers with the sessions that wait, each
   * with those that it waits for.
   */
  settle(): Promise<ReadonlyMap<number, readonly number[]>>;
}

export function watchSessions(world: World): Sessions {
  const flights = new Set<Flight>();
  /** Sessions that end. Over when the server is rid of it, and the client knows. */
  const endings = new Map<number, Client | null>();
  const deaf = new WeakSet<Client>();
  let openings = 0;
  let moves = 0;
  let wake: (() => void)[] = [];

  function moved(): void {
    moves += 1;
    const sleepers = wake;
    wake = [];
    for (const each of sleepers) each();
  }

  const nextMove = (since: number): Promise<void> =>
    moves === since ? new Promise((resolve) => wake.push(resolve)) : Promise.resolve();

  /** Whether nothing has moved for a while. */
  function atEase(since: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(moves === since), LOOK_AFTER_MS);
      void nextMove(since).then(() => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }

  /** Who waits for whom, and who is there at all. */
  async function look(): Promise<readonly { readonly pid: number; readonly by: readonly number[]; there: boolean }[]> {
    return world.sql(
      `select pid, pg_blocking_pids(pid) as by, exists (select from pg_stat_get_activity(pid)) as there
       from unnest($1::int[]) pid`,
      [[...new Set([...[...flights].map(({ pid }) => pid), ...endings.keys()])]],
    );
  }

  return {
    moved,
    sent(client, mayWait) {
      const flight: Flight = { pid: processIdOf(client), mayWait };
      flights.add(flight);
      moved();
      return () => {
        flights.delete(flight);
        moved();
      };
    },
    opening(done) {
      openings += 1;
      const over = (): void => {
        openings -= 1;
        moved();
      };
      done.then(over, over);
    },
    cutOff: (client) => void deaf.add(client),
    ending(pid) {
      if (pid > 0 && !endings.has(pid)) endings.set(pid, world.tap.clientOf(pid));
      moved();
    },
    async settle() {
      // With several under way one look could fall between two of their steps, so it is looked twice.
      let still = 0;
      for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
        await drained();
        if (flights.size + openings + endings.size === 0) return new Map();
        const before = moves;
        if (openings > 0 || [...flights].some(({ mayWait }) => !mayWait)) {
          await nextMove(before);
          continue;
        }
        if (!(await atEase(before))) continue;
        const seen = await look();
        await drained();
        for (const { pid, there } of seen) {
          const client = endings.get(pid) ?? null;
          const known = client === null || deaf.has(client) || knows(client);
          if (!there && known && endings.delete(pid)) moved();
        }
        const waits = new Map(seen.map(({ pid, by }) => [pid, by]));
        const atRest =
          endings.size === 0 && [...flights].every(({ pid }) => (waits.get(pid) ?? []).length > 0) && !isCircle(waits);
        still = atRest && moves === before ? still + 1 : 0;
        if (still > 0 && still >= Math.min(flights.size, 2)) return waits;
      }
      throw new Error('the server does not come to rest');
    },
  };
}

/** Whether a client knows that its session is over. */
function knows(client: Client): boolean {
  // safe: the driver's own field, which its types do not know
  return (client as unknown as { readonly _ended?: boolean })._ended === true;
}

/** Lets everything run in this process that is ready: answers that came in, and what follows from them. */
async function drained(): Promise<void> {
  await turn();
  await turn();
}

/** Whether sessions wait for each other: the server will end one of the waits itself. */
function isCircle(waits: ReadonlyMap<number, readonly number[]>): boolean {
  const reaches = (from: number, to: number, seen: Set<number>): boolean =>
    (waits.get(from) ?? []).some((next) => {
      if (next === to) return true;
      if (seen.has(next)) return false;
      seen.add(next);
      return reaches(next, to, seen);
    });
  return [...waits.keys()].some((pid) => reaches(pid, pid, new Set()));
}
