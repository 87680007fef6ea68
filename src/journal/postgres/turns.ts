import type { Client } from 'pg';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { Machine } from '../../platform/machine.ts';
import type { Turns } from '../journal.ts';
import { openLine, type Address } from './connection.ts';
import { lockKey } from './lock-key.ts';

/** How long somebody waits for a turn, in ms: several of the longest turns. Then it goes on without. */
const TURN_PATIENCE_MS = 700;

export interface PostgresTurns extends Turns {
  close(): Promise<void>;
}

export interface TurnPorts {
  readonly address: Address;
  readonly machine: Machine;
  readonly journalId: string;
  /** The process's name among the living: whoever takes it for dead ends its sessions, and its turn with them. */
  readonly processId: () => string;
}

/** Turns by advisory locks on a connection of their own: those who wait stand in the server's queue, so that each gets on. */
export function openTurns({ address, machine, journalId, processId }: TurnPorts): PostgresTurns {
  const line = openLine(address, processId);
  const own = keyedSemaphore(1);

  const ask = (sql: string, key: string): Promise<number> =>
    line.run(async (client: Client) => {
      try {
        await client.query({ name: sql, text: `select ${sql}($1::bigint)`, values: [key] });
      } catch (thrown) {
        // Whatever was wrong: a connection that is gone holds nothing.
        line.drop();
        throw thrown;
      }
      return line.generation;
    });

  /** The connection on which the lock is held; null when it is not to be had in time. */
  function take(key: string): Promise<number | null> {
    return new Promise((resolve) => {
      let late = false;
      const cancel = machine.after(TURN_PATIENCE_MS, () => {
        late = true;
        resolve(null);
      });
      void ask('pg_advisory_lock', key)
        .then((generation) => (late ? give(key, generation) : resolve(generation)))
        .catch(() => resolve(null))
        .finally(cancel);
    });
  }

  async function give(key: string, generation: number): Promise<void> {
    if (line.generation !== generation || !line.connected) return;
    await ask('pg_advisory_unlock', key).catch(() => undefined);
  }

  return {
    inTurn: (what, work) =>
      own.run(what, async () => {
        const key = lockKey(`${journalId} turn ${what}`);
        const generation = await take(key);
        try {
          return await work();
        } finally {
          if (generation !== null) await give(key, generation);
        }
      }),
    close: () => line.close(),
  };
}
