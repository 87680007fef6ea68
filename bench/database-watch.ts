import { Client } from 'pg';
import type { ExecutionStatus } from '../src/pipeline/executions/core/state.ts';
import type { JournalWatch } from './journal-watch.ts';
import { pause } from './measure.ts';

/**
 * Pause between two looks while an end is waited for, in ms: the resolution of the completed times. Each look is a question
 * to the database, and with 2 ms they took a tenth of a core.
 */
const LOOK_MS = 4;

/** What the row of an execution says until it is over. */
const UNDER_WAY: readonly ExecutionStatus[] = ['INITIATED', 'RUNNING', 'AWAITING_APPROVAL', 'COMPENSATING'];

/**
 * Watches a journal in PostgreSQL over a connection of its own. Commits there have no order that could be followed, so it
 * asks for the rows of those executions that are waited for: the row changes in the commit that ends the execution.
 * `pid` is the process that answers.
 */
export async function watchDatabase(url: string): Promise<{ readonly watch: JournalWatch; readonly pid: number }> {
  const client = new Client({ connectionString: url, application_name: 'bench watch' });
  // A question that is under way fails by itself; without a listener the lost connection would end the process.
  client.on('error', () => undefined);
  await client.connect();
  // Rows are found by their keys, however few of them there were when the plan was made.
  await client.query('set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan');
  const waiting = new Map<string, { readonly resolve: () => void; readonly reject: (thrown: unknown) => void }>();
  let looking = false;

  async function over(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await client.query<{ id: string }>({
      name: 'over',
      text: `select id from views where kind = 'execution' and id = any($1::text[]) and status <> all($2::text[])`,
      values: [ids, UNDER_WAY],
    });
    return rows.map(({ id }) => id);
  }

  async function look(): Promise<void> {
    looking = true;
    try {
      while (waiting.size > 0) {
        await pause(LOOK_MS);
        for (const id of await over([...waiting.keys()])) {
          waiting.get(id)?.resolve();
          waiting.delete(id);
        }
      }
    } catch (thrown) {
      for (const { reject } of waiting.values()) reject(thrown);
      waiting.clear();
    } finally {
      looking = false;
    }
  }

  const one = async (sql: string): Promise<number> => Number((await client.query<{ n: string }>(sql)).rows[0]?.n);
  const watch: JournalWatch = {
    ended: (id) =>
      new Promise((resolve, reject) => {
        waiting.set(id, { resolve: () => resolve(), reject });
        if (!looking) void look();
      }),
    bytes: () => one('select pg_database_size(current_database()) as n'),
    close: () => client.end(),
  };
  return { watch, pid: await one('select pg_backend_pid() as n') };
}
