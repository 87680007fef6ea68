import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../journal/sqlite/open.ts';
import type { Scenario } from './scenario.ts';

/** Ways to break the demo on purpose: each has to be noticed, or the demo proves nothing. */
export const SABOTAGES = ['lying-kill', 'tampered-record', 'missed-event'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** The fault of the sandbox company under which a session kill answers 200 and kills nothing. */
export const LYING_KILL = { kind: 'lying_kill' };

/** The attack whose events `missed-event` keeps back; another one for another seed. */
export function missedAttack({ labels }: Scenario): string {
  return labels.scenarios[labels.seed % labels.scenarios.length]?.id ?? '';
}

/**
 * Changes one digit of one stored record, as somebody with the file in their hands could, and says which one.
 * Nothing else may have the journal open. @throws Error when there is no record to change.
 */
export function tamperWithRecord(dataDir: string): string {
  const name = readdirSync(dataDir).find((file) => /\.(?:db|sqlite|sqlite3)$/.test(file));
  if (name === undefined) throw new Error('there is no journal file in the data directory');
  const database = openDatabase(join(dataDir, name));
  try {
    const row = database
      .prepare(
        `select records.no as no, streams.name as stream, records.seq as seq, records.bytes as bytes
         from records join streams on streams.no = records.stream
         where streams.name like 'execution/%' order by records.no limit 1 offset 3`,
      )
      .get() as { no: number; stream: string; seq: number; bytes: string } | undefined; // the columns just named
    if (row === undefined) throw new Error('there is no record to tamper with');
    const at = row.bytes.search(/[0-8](?=[^0-9])/);
    const digit = Number(row.bytes.charAt(at));
    const bytes = `${row.bytes.slice(0, at)}${digit + 1}${row.bytes.slice(at + 1)}`;
    database.exec('drop trigger records_are_immutable');
    database.prepare('update records set bytes = ? where no = ?').run(bytes, row.no);
    return `${row.stream} #${row.seq}`;
  } finally {
    database.close();
  }
}
