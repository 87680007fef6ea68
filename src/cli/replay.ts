import { codeOf } from '../pipeline/executions/kept-core.ts';
import { decidedBy } from '../pipeline/executions/core/decided-by.ts';
import { stepOf } from '../pipeline/executions/core/fold.ts';
import { replayRecords, type Replay, type ReplayedRecord } from '../pipeline/executions/core/replay.ts';
import type { Plan } from '../pipeline/playbooks/plan.ts';
import { FirebreakError } from '../platform/errors.ts';
import { contentHash } from '../platform/hash.ts';
import { ownCore } from '../start/own-core.ts';
import type { Io } from './io.ts';
import { keptInExport, keptInJournal, type KeptExecutions } from './kept-executions.ts';
import { openExistingJournal } from './open-journal.ts';
import { runCore } from './run-core.ts';

export interface ReplayOptions {
  readonly execution: string;
  readonly data: string;
  readonly json: boolean;
  /** Directory of an export or archive that is read instead of the journal. */
  readonly export?: string;
  /** `recorded`: each record by the code that decided it, as it was kept; `current`: all by this program's. */
  readonly core?: 'recorded' | 'current';
}

/** One execution by one core. */
interface Part {
  /** Null: the program that decided ran from its sources, and this one's code judges. */
  readonly core: string | null;
  readonly execution: string;
  readonly records: number;
  /** Records that cannot be judged, because a person was erased of whom they or earlier ones speak. */
  readonly erased: number;
  readonly replay: Replay;
}

/** Replays one execution and its children. Exit code 0 when every decision came out the same, 1 when one did not. */
export async function replayCommand(options: ReplayOptions, io: Io): Promise<number> {
  if (options.export !== undefined) return replayKept(keptInExport(options.export), options, io);
  const journal = await openExistingJournal(options.data, io);
  try {
    return await replayKept(keptInJournal(journal), options, io);
  } finally {
    await journal.close();
  }
}

async function replayKept(kept: KeptExecutions, options: ReplayOptions, io: Io): Promise<number> {
  const { execution, core: judgedBy = 'recorded' } = options;
  const family = await kept.family(execution);
  const parts: Part[] = [];
  const judge = { by: judgedBy, own: ownCore()?.hash ?? null };
  for (const [id, records] of family) {
    const erasedFrom = await kept.erasedFrom(id);
    parts.push(...(await replayOne(kept, id, records, { ...judge, isWhole: (seq) => seq < erasedFrom })));
  }
  const { replay: different } = parts.find(({ replay }) => !replay.identical) ?? {};
  const answer = {
    execution,
    identical: different === undefined,
    executions: family.size,
    ...different,
    records: parts.reduce((sum, part) => sum + part.records, 0),
    // Of what people were erased, nothing can be derived any more; what lies before is.
    erased: parts.reduce((sum, part) => sum + part.erased, 0),
    judgedBy,
    cores: [...new Set(parts.map(({ core }) => core))],
  };
  io.stdout.write(options.json ? `${JSON.stringify(answer)}\n` : `${describe(answer, different)}\n`);
  return answer.identical ? 0 : 1;
}

interface Judge {
  readonly by: 'recorded' | 'current';
  /** The core of this program; null when it runs from its sources. */
  readonly own: string | null;
  /** Whether a record, by seq, and all before it hold what they held when they were decided. */
  readonly isWhole: (seq: number) => boolean;
}

async function replayOne(
  kept: Pick<KeptExecutions, 'object'>,
  execution: string,
  records: readonly ReplayedRecord[],
  { by, own, isWhole }: Judge,
): Promise<readonly Part[]> {
  const plan = await planOf(kept, execution, records);
  if (by === 'current') {
    const erased = records.filter(({ record }) => !isWhole(record.seq)).length;
    return [{ core: own, execution, records: records.length, erased, replay: replayRecords(plan, records, isWhole) }];
  }
  const parts: Part[] = [];
  for (const { core, seqs: all } of decidedBy(records)) {
    const seqs = all.filter(isWhole);
    const judged = new Set(seqs);
    const replay =
      core === null || core === own
        ? replayRecords(plan, records, (seq) => judged.has(seq))
        : await runCore(core, codeOf(core, await kept.object(core)), {
            plan,
            records: records.map(({ record }) => ({ record })),
            seqs,
          });
    parts.push({ core, execution, records: all.length, erased: all.length - seqs.length, replay });
  }
  return parts;
}

/** The plan that the start of an execution names. */
async function planOf(
  kept: Pick<KeptExecutions, 'object'>,
  execution: string,
  [first]: readonly ReplayedRecord[],
): Promise<Plan> {
  const input = first === undefined ? null : stepOf(first.record).input;
  if (input?.type !== 'start') throw new FirebreakError('not_found', `there is no execution ${execution}`);
  const body = await kept.object(input.planHash);
  if (body === null || contentHash(body) !== input.planHash)
    throw new FirebreakError('conflict', `The plan ${input.planHash} of ${execution} is missing or was changed`);
  return body as unknown as Plan; // the hash says that these are the bytes that were written from one
}

interface Answer {
  readonly executions: number;
  readonly records: number;
  readonly erased: number;
  readonly judgedBy: 'recorded' | 'current';
  readonly cores: readonly (string | null)[];
}

function lost(erased: number): string {
  return erased === 0
    ? ''
    : `; ${erased} records speak of somebody who was erased, and nobody can derive them any more`;
}

function describe({ executions, records, erased, judgedBy, cores }: Answer, different: Replay | undefined): string {
  const names = cores.map((core) => (core === null ? 'this program, run from its sources' : `core ${core}`)).join(', ');
  if (different === undefined || different.identical)
    return `identical: ${records - erased} records of ${executions} executions were derived again, byte for byte, by ${names}${lost(erased)}`;
  const said = `\n  recorded: ${different.recorded}\n  derived:  ${different.derived}`;
  return judgedBy === 'current'
    ? `this program would decide otherwise at record ${different.seq}${said}`
    : `different at record ${different.seq}${said}`;
}
