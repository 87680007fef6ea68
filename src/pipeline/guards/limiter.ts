import type { Json } from '../../platform/canonical-json.ts';
import type { Clock } from '../../platform/clock.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, RecordDraft } from '../../journal/journal.ts';
import type { JournalRecord } from '../audit/record.ts';
import { untilApplied } from '../service.ts';
import type { ActionType } from '../vocabulary.ts';

/** The window over which actions of a type are counted, in ms of business time. */
export const WINDOW_MS = 3_600_000;

/** What is to be counted. */
export interface Asked {
  readonly executionId: string;
  /** Name of the action instance within its execution. */
  readonly countedAs: string;
  readonly actionType: ActionType;
  /** Targets that it is for. */
  readonly count: number;
  readonly perHour: number;
  /** A person has allowed it: it is counted, whatever the hour holds. */
  readonly approved: boolean;
}

export interface Limiter {
  /**
   * Counts an action, once however often it is asked, unless its hour is full. Over all processes: who comes second counts anew.
   * @throws StoreUnavailableError, FirebreakError `overloaded`.
   */
  reserve(asked: Asked): Promise<{ readonly granted: boolean; readonly used: number }>;
}

/** An action that counts. */
interface Entry {
  /** The action instance: a repeat after a crash, and a person's retry, count nothing. */
  readonly id: string;
  readonly at: number;
  readonly count: number;
}

/** The row of an action type: what its hour holds, and how many records its stream has. */
export interface LimiterRow {
  readonly entries: readonly Entry[];
  readonly version: number;
}

export interface LimiterPorts {
  readonly journal: Pick<JournalReader, 'view'>;
  readonly committer: GroupCommitter;
  readonly clock: Pick<Clock, 'now'>;
}

export function limiterStream(actionType: string): string {
  return `limiter/${actionType}`;
}

/** Builds the limiter. Each action that is counted is a record; the row is what the records of an hour say. */
export function createLimiter({ journal, committer, clock }: LimiterPorts): Limiter {
  // Of one process one after the other: side by side they would only make each other count anew.
  const turns = keyedSemaphore(1);

  async function attempt({ executionId, countedAs, actionType, count, perHour, approved }: Asked) {
    const view = await journal.view('limiter', actionType);
    const row = view === null ? EMPTY : (view.body as unknown as LimiterRow); // written below
    const at = clock.now();
    const id = `${executionId}|${countedAs}`;
    const standing = standingAt(row.entries, at);
    const used = standing.reduce((sum, entry) => sum + entry.count, 0);
    const done = { status: 'applied', hashes: [] } as const;
    if (standing.some((entry) => entry.id === id)) return { result: done, answer: { granted: true, used } };
    if (!approved && used + count > perHour) return { result: done, answer: { granted: false, used } };
    const record: RecordDraft = { type: 'guard.reserved', v: 1, at, data: { approved, at, count, id, perHour, used } };
    const next = counted(row, { id, at, count });
    const result = await committer.submit({
      appends: [{ stream: limiterStream(actionType), expectedSeq: row.version, records: [record] }],
      views: [
        {
          kind: 'limiter',
          id: actionType,
          expectedVersion: row.version,
          at,
          body: next as unknown as Json, // plain JSON by its type
        },
      ],
    });
    return { result, answer: { granted: true, used: used + count } };
  }

  return { reserve: (asked) => turns.run(asked.actionType, () => untilApplied(() => attempt(asked))) };
}

/** The row as the records of its stream say it, oldest first. */
export function limiterRowOf(records: readonly Pick<JournalRecord, 'data'>[]): LimiterRow {
  return records.reduce((row, { data }) => counted(row, data as unknown as Entry), EMPTY); // written by `reserve`
}

function counted({ entries, version }: LimiterRow, { id, at, count }: Entry): LimiterRow {
  return { entries: [...standingAt(entries, at), { at, count, id }], version: version + 1 };
}

/** Those of the last hour. */
function standingAt(entries: readonly Entry[], at: number): readonly Entry[] {
  return entries.filter((entry) => at - entry.at < WINDOW_MS);
}

const EMPTY: LimiterRow = { entries: [], version: 0 };
