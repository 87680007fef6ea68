import { executionStream } from '../pipeline/executions/change.ts';
import { executionStore } from '../pipeline/executions/execution-store.ts';
import { stepOf } from '../pipeline/executions/core/fold.ts';
import { replayRecords, type Replay } from '../pipeline/executions/core/replay.ts';
import { FirebreakError, invariant } from '../platform/errors.ts';
import type { Io } from './io.ts';
import { openExistingJournal } from './open-journal.ts';

export interface ReplayOptions {
  readonly execution: string;
  readonly data: string;
  readonly json: boolean;
}

/** Replays one execution and its children. Exit code 0 when every decision came out the same, 1 when one did not. */
export async function replayCommand(options: ReplayOptions, io: Io): Promise<number> {
  const journal = await openExistingJournal(options.data, io);
  try {
    const store = executionStore(journal);
    const replayOne = async (id: string): Promise<Replay> => {
      const records = await journal.readStream(executionStream(id));
      const [first] = records;
      if (first === undefined) throw new FirebreakError('not_found', `there is no execution ${id}`);
      const { input } = stepOf(first.record);
      invariant(input.type === 'start', 'an execution begins with its start');
      return replayRecords(await store.plan(input.planHash), records);
    };
    const { items } = await journal.listViews({ kind: 'execution', parent: options.execution, limit: 2_000, skip: 0 });
    const replays = await Promise.all([options.execution, ...items.map(({ id }) => id)].map(replayOne));
    const different = replays.find((replay) => !replay.identical);
    const records = replays.reduce((sum, replay) => sum + replay.records, 0);
    const answer = {
      execution: options.execution,
      identical: different === undefined,
      executions: replays.length,
      records,
      ...different,
    };
    io.stdout.write(
      options.json
        ? `${JSON.stringify(answer)}\n`
        : `${describe(answer.identical, replays.length, records, different)}\n`,
    );
    return answer.identical ? 0 : 1;
  } finally {
    await journal.close();
  }
}

function describe(identical: boolean, executions: number, records: number, different: Replay | undefined): string {
  if (identical) return `identical: ${records} records of ${executions} executions were derived again, byte for byte`;
  if (different === undefined || different.identical) return 'different';
  return `different at record ${different.seq}\n  recorded: ${different.recorded}\n  derived:  ${different.derived}`;
}
