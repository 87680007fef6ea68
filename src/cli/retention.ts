import { cutoffsOfTerms } from '../archive/cutoffs.ts';
import { oldStreams } from '../archive/plan.ts';
import { oldEvents } from '../archive/write.ts';
import { readConfig } from '../platform/config.ts';
import { RETENTION_CLASSES, type RetentionClass } from '../platform/retention-config.ts';
import type { Io } from './io.ts';
import { businessNow, inWords, openExistingJournal } from './open-journal.ts';

export interface RetentionOptions {
  readonly data: string;
  readonly json: boolean;
}

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
      const now = await businessNow(journal, Date.now());
      const cutoffs = cutoffsOfTerms(terms, now);
      const past = { events: 0, incidents: 0, notices: 0, tasks: 0 };
      for await (const _ of oldEvents(journal, cutoffs.events, now)) past.events += 1;
      for (const { of } of await oldStreams(journal, cutoffs)) past[of] += 1;
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
