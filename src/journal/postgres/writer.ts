import type { Client } from 'pg';
import type { Machine } from '../../platform/machine.ts';
import { StoreUnavailableError, type Change, type ChangeResult } from '../journal.ts';
import { connect, endOf, type Address, type Line, type Queryable } from './connection.ts';
import { connectionLost, sqlState, storeFault, worthRepeating } from './faults.ts';
import { foldBatch } from './fold-batch.ts';
import { readPresent } from './present-rows.ts';
import { OvertakenError, writeDifference } from './write-difference.ts';
import type { WriteOptions } from './write-parts.ts';

/** How often a batch is computed again because others were first. Each time somebody got on. */
const MAX_ATTEMPTS = 20;

/** How long we try to find out whether a commit took place whose answer was lost, in ms. */
const FIND_OUT_MS = 8_000;
/** Pause between two tries to find out, in ms. */
const FIND_OUT_PAUSE_MS = 100;

export interface WriterPorts {
  readonly address: Address;
  readonly line: Line;
  readonly machine: Machine;
  readonly monotonic: () => number;
  /** A name for a batch, never given twice by any process. */
  readonly newBatchId: () => string;
  /** Who holds the effects that this process queues; null: nobody. */
  readonly owner: () => string | null;
  /** Called before and after a COMMIT is sent: places at which a test can cut the connection. */
  readonly probe?: (point: CommitPoint, client: Client) => void | Promise<void>;
}

export type CommitPoint = 'written' | 'commit-sent';

/** Applies batches, one at a time. */
export interface Writer {
  commit(changes: readonly Change[]): Promise<readonly ChangeResult[]>;
}

/** What came of one try: an answer, or a reason to try again. */
type Outcome =
  | { readonly results: readonly ChangeResult[] }
  | { readonly repeat: unknown; readonly lost: boolean }
  | {
      readonly doubt: unknown;
      readonly results: readonly ChangeResult[];
      readonly batchId: string;
      readonly pid: number;
    };

export function openWriter(ports: WriterPorts): Writer {
  const { address, line, machine } = ports;

  async function tryOnce(changes: readonly Change[]): Promise<Outcome> {
    const options: WriteOptions = { batchId: ports.newBatchId(), owner: ports.owner() };
    return line.run(async (client): Promise<Outcome> => {
      let results: readonly ChangeResult[];
      try {
        await client.query('begin');
        results = await applyBatch(client, changes, options);
        await ports.probe?.('written', client);
      } catch (thrown) {
        return abandoned(client, thrown);
      }
      try {
        const committing = client.query('commit');
        await Promise.all([committing, ports.probe?.('commit-sent', client)]);
        return { results };
      } catch (thrown) {
        // The server's own refusal is an answer; anything else leaves open what it did.
        if (sqlState(thrown) !== null && !connectionLost(thrown)) return abandoned(client, thrown);
        line.drop();
        return { doubt: thrown, results, batchId: options.batchId, pid: processIdOf(client) };
      }
    });
  }

  /** Nothing was committed: the transaction is taken back, or ends with its connection. */
  async function abandoned(client: Client, thrown: unknown): Promise<Outcome> {
    const lost = connectionLost(thrown);
    if (lost) line.drop();
    else await client.query('rollback').catch(() => line.drop());
    if (lost || thrown instanceof OvertakenError || worthRepeating(thrown)) return { repeat: thrown, lost };
    throw thrown;
  }

  /** Whether a batch was committed, of which the answer was lost; null when it cannot be found out in time. */
  async function wasCommitted(batchId: string, pid: number): Promise<boolean | null> {
    const until = ports.monotonic() + FIND_OUT_MS;
    do {
      try {
        return await ask(address, batchId, pid);
      } catch {
        await machine.sleep(FIND_OUT_PAUSE_MS);
      }
    } while (ports.monotonic() < until);
    return null;
  }

  return {
    async commit(changes) {
      let lost = 0;
      let last: unknown = null;
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const outcome = await tryOnce(changes).catch((thrown: unknown) => {
          throw storeFault(thrown, address.scrub, false);
        });
        if ('doubt' in outcome) {
          const committed = await wasCommitted(outcome.batchId, outcome.pid);
          if (committed === true) return outcome.results;
          if (committed === null) throw storeFault(outcome.doubt, address.scrub, true);
          last = outcome.doubt;
          continue;
        }
        if (!('repeat' in outcome)) return outcome.results;
        last = outcome.repeat;
        // One lost connection is replaced at once; a second one in the same commit means that the server is in trouble.
        if (outcome.lost && (lost += 1) > 1) break;
      }
      if (last instanceof OvertakenError) throw new StoreUnavailableError(last.message, false);
      throw storeFault(last, address.scrub, false);
    },
  };
}

/** Computes and writes a batch inside of a transaction that the caller has begun and will commit. */
export async function applyBatch(
  connection: Queryable,
  changes: readonly Change[],
  options: WriteOptions,
): Promise<readonly ChangeResult[]> {
  const { results, difference } = foldBatch(changes, await readPresent(connection, changes));
  await writeDifference(connection, difference, options);
  return results;
}

/**
 * Asks by writing the batch's name: while the transaction in doubt is open this waits for it, and when the name is free,
 * that transaction is gone, because it had written its name before. So the answer is final. The name is never kept: whoever
 * asks again, because this answer was lost too, would take it for the batch's own.
 */
async function ask(address: Address, batchId: string, pid: number): Promise<boolean> {
  const client = await connect(address, 'doubt');
  try {
    // The session in doubt may still wait for words that will never come. Its name tells it from a stranger's. One that commits
    // is left alone: ended while it waits for a synchronous standby, it would show as done what is on this machine only.
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where pid = $1 and application_name = 'firebreak writer' and usename = current_user and state = 'idle in transaction'`,
      [pid],
    );
    await client.query('begin');
    const { rowCount } = await client.query('insert into batches (id) values ($1) on conflict do nothing', [batchId]);
    return rowCount === 0;
  } finally {
    endOf(client);
  }
}

/** The server's process of a connection. The driver knows it from the start of the session; its types do not. */
function processIdOf(client: Client): number {
  const { processID } = client as unknown as { processID?: number | null };
  return processID ?? 0;
}
