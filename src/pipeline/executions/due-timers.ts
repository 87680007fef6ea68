import type { CrashPoints } from '../../platform/crash-points.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, Timer } from '../../journal/journal.ts';
import { executionStream } from './change.ts';
import type { NewInput } from './core/inputs.ts';
import type { StuckExecutions } from './stuck.ts';
import { isPassing } from './until-stored.ts';

/** Timers taken up at once. */
const TIMERS_PER_TICK = 500;

export interface DueTimerPorts {
  readonly journal: Pick<JournalReader, 'dueTimers' | 'streamHead'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly clock: { now(): number };
  readonly points: CrashPoints;
  /** Hands an execution its timer. */
  submit(executionId: string, input: NewInput): Promise<unknown>;
  /** Told of executions whose timers could not be applied; they are tried again later. */
  readonly stuck: Pick<StuckExecutions, 'failed' | 'succeeded'>;
}

/** Applies the timers of executions. */
export interface DueTimers {
  /** Applies all that are due. Answers how many there were. @throws what the store throws that is away: all of them stay due */
  tick(): Promise<number>;
}

/** Why a timer could not be applied. */
interface Failed {
  readonly timer: Timer;
  readonly thrown: unknown;
}

/**
 * An execution that cannot be read keeps no other from its time: what reminds people of a deadline stands behind it. Its timer is
 * put off, or a batch of such would keep all others waiting.
 */
export function createDueTimers(ports: DueTimerPorts): DueTimers {
  const { journal, committer, clock, points, stuck } = ports;

  /** What is named as a stream belongs to another room, which looks for its own. */
  async function dueOfExecutions(): Promise<readonly Timer[]> {
    const due = await journal.dueTimers(clock.now(), TIMERS_PER_TICK);
    return due.filter(({ execution }) => !execution.includes('/'));
  }

  async function apply(timer: Timer): Promise<Failed | null> {
    const { execution, name, generation } = timer;
    try {
      await ports.submit(execution, { type: 'timer', name, generation });
      stuck.succeeded(execution);
      return null;
    } catch (thrown) {
      return { timer, thrown };
    }
  }

  /** Others may read what this process cannot, and go on with it meanwhile: then the timer is not what it was. */
  async function putOff(failed: readonly Failed[]): Promise<void> {
    // Once for each execution, however many of its timers are due.
    const reasons = new Map(failed.map(({ timer, thrown }) => [timer.execution, thrown]));
    const waits = new Map([...reasons].map(([execution, thrown]) => [execution, stuck.failed(execution, thrown)]));
    const heads = new Map<string, number>();
    for (const execution of reasons.keys()) heads.set(execution, await headOf(execution));
    const due = await dueOfExecutions();
    const still = failed.map(({ timer }) => timer).filter((timer) => due.some((each) => isSame(each, timer)));
    const changes = still.map((timer) => ({
      appends: [
        { stream: executionStream(timer.execution), expectedSeq: heads.get(timer.execution) ?? 0, records: [] },
      ],
      timers: [{ ...timer, due: clock.now() + (waits.get(timer.execution) ?? 0) }],
    }));
    await Promise.all(changes.map((change) => committer.submit(change)));
  }

  async function headOf(execution: string): Promise<number> {
    return (await journal.streamHead(executionStream(execution)))?.seq ?? 0;
  }

  return {
    async tick() {
      const due = await dueOfExecutions();
      const read = points.at('timers.read');
      if (read !== undefined) await read;
      const failed = (await Promise.all(due.map(apply))).filter((each) => each !== null);
      const passing = failed.find(({ thrown }) => isPassing(thrown));
      const lasting = failed.filter(({ thrown }) => !isPassing(thrown));
      if (lasting.length > 0) await putOff(lasting);
      if (passing !== undefined) throw passing.thrown;
      return due.length;
    },
  };
}

function isSame(one: Timer, other: Timer): boolean {
  return one.execution === other.execution && one.name === other.name && one.generation === other.generation;
}
