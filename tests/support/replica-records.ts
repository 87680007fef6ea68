import { stepOf } from '../../src/pipeline/executions/core/fold.ts';
import type { Journal } from '../../src/journal/journal.ts';
import type { Replicas } from './replicas.ts';

/** One input of an execution and what it led to, with the time of its record. */
export interface Advanced {
  readonly at: number;
  readonly input: { readonly type: string; readonly name?: string; readonly generation?: number };
  readonly facts: readonly { readonly type: string; readonly actionId?: string; readonly next?: string }[];
}

/** What happened to each execution, in the order of its records. */
export async function historyOf(journal: Journal): Promise<ReadonlyMap<string, readonly Advanced[]>> {
  const history = new Map<string, readonly Advanced[]>();
  for (const stream of await journal.streams('execution/')) {
    const records = await journal.readStream(stream);
    const steps = records.map(({ record }) => {
      const { input, facts } = stepOf(record);
      return { at: record.at, input, facts };
    });
    history.set(stream.slice('execution/'.length), steps);
  }
  return history;
}

/** The time by the database's clock, in ms since 1970. */
export async function databaseTime({ query }: Pick<Replicas, 'query'>): Promise<number> {
  const [row] = await query('select (extract(epoch from clock_timestamp()) * 1000)::bigint as now');
  return Number(row?.['now']);
}

/** The targets of an effect, sorted: each as often as it was really done. */
export async function doneAt({ company }: Pick<Replicas, 'company'>, effect: string): Promise<readonly string[]> {
  const effects = await company.effects();
  return effects
    .filter((each) => each.effect === effect)
    .map(({ target }) => target)
    .sort();
}
