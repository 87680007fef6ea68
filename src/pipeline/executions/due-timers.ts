import type { CrashPoints } from '../../platform/crash-points.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, Timer } from '../../journal/journal.ts';
import { putOffs } from '../put-off.ts';
import { executionStream } from './change.ts';
import type { NewInput } from './core/inputs.ts';
import { stuck } from './stuck.ts';
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
  /** Told of an execution whose timer could not be applied; it is tried again later. */
  onError(thrown: unknown): void;
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
  const { journal, committer, clock, points } = ports;
  const failures = putOffs();

  /** What is named as a stream belongs to another room, which looks for its own. */
  async function dueOfExecutions(): Promise<readonly Timer[]> {
    const due = await journal.dueTimers(clock.now(), TIMERS_PER_TICK);
    return due.filter(({ execution }) => !execution.includes('/'));
  }

  async function apply(timer: Timer): Promise<Failed | null> {
    const { execution, name, generation } = timer;
    try {
      await ports.submit(execution, { type: 'timer', name, generation });
      failures.succeeded(execution);
      return null;
    } catch (thrown) {
      return { timer, thrown };
    }
  }

  /** Others may read what this process cannot, and go on with it meanwhile: then the timer is not what it was. */
  async function putOff(timers: readonly Timer[]): Promise<void> {
    const heads = new Map<string, number>();
    for (const { execution } of timers) heads.set(execution, await headOf(execution));
    const due = await dueOfExecutions();
    const still = timers.filter((timer) => due.some((each) => isSame(each, timer)));
    const waits = new Map([...heads.keys()].map((execution) => [execution, failures.failed(execution)]));
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
      // Once for each execution, however many of its timers are due.
      const reasons = new Map(lasting.map(({ timer, thrown }) => [timer.execution, thrown]));
      for (const [execution, thrown] of reasons) ports.onError(stuck(execution, thrown));
      if (lasting.length > 0) await putOff(lasting.map(({ timer }) => timer));
      if (passing !== undefined) throw passing.thrown;
      return due.length;
    },
  };
}

function isSame(one: Timer, other: Timer): boolean {
  return one.execution === other.execution && one.name === other.name && one.generation === other.generation;
}
