import { cutoffsOfTerms } from '../archive/cutoffs.ts';
import { oldStreams } from '../archive/plan.ts';
import { oldEvents } from '../archive/write.ts';
import { executionStream } from '../pipeline/executions/change.ts';
import { incidentStream } from '../pipeline/incidents/incident-change.ts';
import { noticeStream } from '../pipeline/notifications/notice-state.ts';
import { taskStream } from '../pipeline/tasks/task.ts';
import { readConfig } from '../platform/config.ts';
import { RETENTION_CLASSES, type RetentionClass } from '../platform/retention-config.ts';
import type { Io } from './io.ts';
import { inWords, openExistingJournal } from './open-journal.ts';

export interface RetentionOptions {
  readonly data: string;
  readonly json: boolean;
}

/** How names of streams begin, by what they are kept as. */
const PREFIXES: readonly (readonly [string, RetentionClass])[] = [
  [executionStream(''), 'incidents'],
  [incidentStream(''), 'incidents'],
  [noticeStream(''), 'notices'],
  [taskStream(''), 'tasks'],
];

/**
 * What stands in the journal past its term (`RETENTION_DAYS`), by class: what `firebreak archive` would take out now. Reads only, also
 * beside a server. Exit code 0; 2 where there is something. @throws FirebreakError `not_found`, `store_unavailable`.
 */
export async function retentionCommand({ data, json }: RetentionOptions, io: Io): Promise<number> {
  const { config } = readConfig({ ...io.env, DATA_DIR: data }, io.readTextSync);
  const terms = config.retention;
  return inWords(async () => {
    const journal = await openExistingJournal(data, io);
    try {
      const newest = (await journal.newestRecordAt()) ?? 0;
      const now = journal.accelerated ? newest : Math.max(Date.now(), newest);
      const cutoffs = cutoffsOfTerms(terms, now);
      const past = { events: 0, incidents: 0, notices: 0, tasks: 0 };
      for await (const _ of oldEvents(journal, cutoffs.events, now)) past.events += 1;
      for (const { stream } of await oldStreams(journal, cutoffs)) {
        const [, of = 'incidents'] = PREFIXES.find(([prefix]) => stream.startsWith(prefix)) ?? [];
        past[of] += 1;
      }
      const shown = RETENTION_CLASSES.map((name) => ({ class: name, days: terms[name], past: past[name] }));
      io.stdout.write(json ? `${JSON.stringify({ classes: shown })}\n` : `${shown.map(lineOf).join('\n')}\n`);
      return shown.some((each) => each.past > 0) ? 2 : 0;
    } finally {
      await journal.close();
    }
  });
}

function lineOf({ class: name, days, past }: { class: RetentionClass; days: number | null; past: number }): string {
  return days === null ? `${name}  stay` : `${name}  ${days} days, ${past} past their term`;
}
