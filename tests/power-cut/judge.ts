import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { auditVerifyCommand } from '../../src/cli/audit.ts';
import { processIo } from '../../src/cli/io.ts';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { loadDriver } from '../../src/journal/sqlite/open.ts';
import { openLeftJournal } from '../support/personal.ts';
import { messageOf } from '../../src/platform/errors.ts';
import { ACCESS_STREAM } from '../../src/pipeline/access/access.store.ts';
import { expectReplays } from '../support/records.ts';
import type { Told } from './ledger.ts';

/** What is wrong with the directory that a power cut left. */
export interface Verdict {
  /** Told to somebody, and gone. */
  readonly lost: readonly Told[];
  /** The journal does not open, or is damaged, or does not verify; each in words. */
  readonly broken: readonly string[];
}

/** Opens what is there as the server would, and looks for everything that was told. Changes the directory. */
export async function judge(directory: string, told: readonly Told[]): Promise<Verdict> {
  try {
    return await judgeOpened(directory, told);
  } catch (thrown) {
    return { lost: [], broken: [`cannot be used: ${messageOf(thrown)}`] };
  }
}

async function judgeOpened(directory: string, told: readonly Told[]): Promise<Verdict> {
  const file = join(directory, 'journal.sqlite');
  if (!existsSync(file)) return { lost: told, broken: [] };
  // As at a start: who finds no key makes one.
  loadLogKey(join(directory, 'log-key.pem'));
  const journal = await openLeftJournal({ file, birth: { id: 'jrn_reborn', at: 0, accelerated: false } });
  try {
    await expectReplays(journal);
  } finally {
    await journal.close();
  }
  const found = contentsOf(file);
  const lost = told.filter(({ kind, id }) => !found.has(kind, id));
  const objections = await verified(directory);
  // Before anybody was told anything there may be a first record that no checkpoint covers yet.
  const isBegun = told.length > 0 || !objections.some((words) => words.startsWith('not_anchored'));
  return { lost, broken: [...found.damage, ...(isBegun ? objections : [])] };
}

interface Contents {
  readonly damage: readonly string[];
  has(kind: Told['kind'], id: string): boolean;
}

/** Read with the driver alone, so that nothing of the server stands between. */
function contentsOf(file: string): Contents {
  const database = new (loadDriver())(file);
  try {
    const column = (sql: string): string[] => database.prepare<[], string>(sql).pluck().all();
    const damage = column('pragma integrity_check').filter((line) => line !== 'ok');
    const streams = new Set(column('select name from streams'));
    const events = new Set(column(`select id from events where source = 'power'`));
    const records = column('select bytes from records').join('\n');
    const access = column(
      `select bytes from records r join streams s on s.no = r.stream where s.name = '${ACCESS_STREAM}'`,
    ).join('\n');
    const looks: Readonly<Record<Told['kind'], (id: string) => boolean>> = {
      account: (id) => access.includes(`"${id}"`),
      playbook: (id) => streams.has(`playbook/${id}`),
      execution: (id) => streams.has(`execution/${id}`),
      event: (id) => events.has(id),
      // The decision to call is a record that holds the key of the call.
      call: (id) => records.includes(id),
    };
    return { damage, has: (kind, id) => looks[kind](id) };
  } finally {
    database.close();
  }
}

/** `firebreak audit verify --data`, with the checkpoints that were published beside the journal. */
async function verified(directory: string): Promise<readonly string[]> {
  let output = '';
  const stdout = { write: (text: string) => (output += text) };
  const code = await auditVerifyCommand({ data: directory, json: false }, { ...processIo(), stdout, env: {} });
  return code === 0 ? [] : [output.trim()];
}
