import { contentHash } from '../../platform/hash.ts';
import {
  detectorStateKey,
  type ArrivalLog,
  type Change,
  type DetectorStateWrite,
  type JournalReader,
} from '../../journal/journal.ts';
import type { DetectionContext, FindingChange, Rule } from '../detections/detector.ts';
import { observeBatch, runDetectors, type DetectionResult } from '../detections/run.ts';
import type { Event } from '../events/event.ts';
import { ALL_RULES, DetectorMemory, type MemoryWrites } from './detector-memory.ts';

/** Events that a replay reads and judges at once: what the loop is held for stays far below a second. */
const REPLAY_EVENTS = 1_000;

/** Keys written in one commit where all of them have to be on disk at once. */
const MAX_WRITES = 2_000;

/** Where the mark stands among the detector states. */
const MARK = { rule: '#', key: 'mark' } as const;

/** Up to which batch everything is on disk, and the rules by which all batches after it were judged. */
interface Mark {
  readonly version: number;
  readonly upTo: number;
  readonly rules: readonly Rule[];
}

/** What a batch adds to its commit, and to the memory after it. */
export interface PlannedMove {
  readonly change: Change;
  /** To be called when the commit is on disk. */
  committed(): void;
}

/**
 * Keeps the detector memory of a process in step with its journal.
 *
 * Where the journal keeps the order of batches, nobody else takes events in, and a batch is numbered one after the
 * batch that the memory includes: a memory that is wrong makes the commit stale. Rows follow behind; a start reads the
 * mark and judges the batches after it again, by the rules of then. Where other processes take events in too, each
 * batch writes what it touched, each row under the version it was computed from.
 */
export interface MemoryKeeper {
  /**
   * The memory as of the newest batch. A replay that finds something the journal does not hold answers it as `owed`:
   * to be treated as found by the next batch.
   */
  ready(judging: Judging): Promise<{ readonly memory: DetectorMemory; readonly owed: readonly FindingChange[] }>;
  /** Reads the rows of the keys that are not in memory. */
  load(memory: DetectorMemory, keys: readonly string[]): Promise<void>;
  chosenKeys(memory: DetectorMemory): Promise<number>;
  plan(memory: DetectorMemory, result: DetectionResult, events: number, touchedAt: number): PlannedMove;
  /** The commit is under way, was stale, or nobody knows whether it took place: the memory is compared with the journal before it is used again. */
  doubt(planned: Change): void;
  /** Forgets the memory altogether. */
  reset(): void;
  /** Writes everything that rows do not hold yet, and the mark: a stopped process then leaves a journal that can be copied. */
  flush(): Promise<void>;
  /** Rows are about to be deleted by the time of their last use. */
  beforeForgetting(): Promise<void>;
}

/** What batches are judged by now. */
export interface Judging {
  readonly rules: readonly Rule[];
  readonly context: DetectionContext;
}

export function memoryKeeper(
  journal: Pick<JournalReader, 'detectorStates' | 'chosenStateCount' | 'view' | 'arrivals'>,
  submit: (change: Change) => Promise<{ readonly status: string }>,
): MemoryKeeper {
  const { arrivals } = journal;
  let memory: DetectorMemory | null = null;
  let mark: Mark | null = null;
  let current: readonly Rule[] = [];
  let owed: FindingChange[] = [];
  /** The keys a commit writes of which it is not known yet whether it took place. */
  let doubted: readonly string[] | null = null;
  let storedChosen: number | null = null;

  async function ready(judging: Judging) {
    if (memory !== null && doubted !== null) {
      if (arrivals === undefined) memory.drop(doubted);
      else if ((await arrivals.newest()) !== memory.arrival) memory = null;
    }
    doubted = null;
    memory ??= await begin(judging);
    if (arrivals !== undefined && judging.rules !== current) await changeRules(memory, judging.rules);
    return { memory, owed };
  }

  async function begin({ rules, context }: Judging): Promise<DetectorMemory> {
    storedChosen = null;
    owed = [];
    if (arrivals === undefined) return new DetectorMemory(0);
    mark = await storedMark(journal);
    current = mark?.rules ?? rules;
    const begun = new DetectorMemory(mark?.upTo ?? (await arrivals.newest()));
    await replay(begun, arrivals, current, context);
    return begun;
  }

  /** Judges the batches again that rows do not hold yet. */
  async function replay(
    begun: DetectorMemory,
    log: ArrivalLog,
    rules: readonly Rule[],
    context: DetectionContext,
  ): Promise<void> {
    for (;;) {
      const batches = await log.after(begun.arrival, REPLAY_EVENTS);
      if (batches.length === 0) return;
      for (const { arrival, events } of batches) {
        const { observed, keys } = observeBatch(events, rules, context);
        await load(begun, keys);
        const groups = observed.groups.filter(({ key }) => !begun.includes(key, arrival));
        const result = runDetectors({
          events,
          rules,
          context,
          observed: { ...observed, groups },
          loadState: begun.reader(rules),
          receivedAt: latestReceipt(events),
          chosenKeysStored: 0,
        });
        owed.push(...(await unknownOf(journal, result.changes)));
        begun.moved(result.states, arrival, latestReceipt(events));
      }
    }
  }

  /** All batches after the mark are judged by one set of rules: what was judged by others goes to disk first. */
  async function changeRules(present: DetectorMemory, rules: readonly Rule[]): Promise<void> {
    if (contentHash(rules) !== contentHash(current)) {
      while (present.unwrittenKeys > 0) await writeAll(present);
      mark = mark === null ? null : { ...mark, upTo: -1 };
    }
    current = rules;
  }

  async function writeAll(present: DetectorMemory): Promise<void> {
    const all = present.allWrites(MAX_WRITES);
    try {
      const { status } = await submit({ appends: [], detectorStates: all.writes });
      if (status !== 'applied') throw new Error('the rows of the detector memory are not those it was read from');
      present.written(all);
    } catch (thrown) {
      memory = null;
      throw thrown;
    }
  }

  async function load(present: DetectorMemory, keys: readonly string[]): Promise<void> {
    const missing = present.missing(keys);
    if (missing.length === 0) return;
    const rows = await journal.detectorStates(missing.map((key) => ({ rule: ALL_RULES, key })));
    for (const key of missing) {
      const row = rows.get(detectorStateKey(ALL_RULES, key));
      if (row !== undefined) present.remember(key, row);
    }
  }

  /** The mark moves with the rows it speaks of; the first batch by new rules brings them along. */
  function markWrite(
    present: DetectorMemory,
    { upTo }: MemoryWrites,
  ): { write: DetectorStateWrite; next: Mark } | null {
    const to = mark === null || mark.upTo === -1 ? present.arrival : upTo;
    if (to === null || to === mark?.upTo) return null;
    const next = { version: (mark?.version ?? 0) + 1, upTo: to, rules: current };
    const body = {
      upTo: to,
      rules: current.map(({ ruleId, ruleType, conditions }) => ({ ruleId, ruleType, conditions })),
    };
    const write = {
      ...MARK,
      expectedVersion: next.version - 1,
      chosen: false,
      touchedAt: Number.MAX_SAFE_INTEGER,
      body,
    };
    return { write, next };
  }

  function settled(): void {
    doubted = null;
    owed = [];
  }

  function planBehind(
    present: DetectorMemory,
    result: DetectionResult,
    events: number,
    touchedAt: number,
  ): PlannedMove {
    const rows = present.nextWrites(events, result.states.length);
    const moving = events === 0 ? null : markWrite(present, rows);
    const arrival = present.arrival + 1;
    if (events === 0) return { change: { appends: [] }, committed: settled };
    return {
      change: { appends: [], arrival, detectorStates: moving === null ? rows.writes : [...rows.writes, moving.write] },
      committed() {
        settled();
        if (moving !== null) mark = moving.next;
        if (storedChosen !== null) storedChosen += rows.writes.filter(isNewChosen).length;
        present.written(rows);
        present.moved(result.states, arrival, touchedAt);
      },
    };
  }

  function planThrough(present: DetectorMemory, result: DetectionResult, touchedAt: number): PlannedMove {
    const rows = present.writesAfter(result.states, touchedAt);
    return {
      change: { appends: [], detectorStates: rows.writes },
      committed() {
        settled();
        present.moved(result.states, 0, touchedAt);
        present.written(rows);
      },
    };
  }

  return {
    ready,
    load,
    async chosenKeys(present) {
      if (arrivals === undefined) return journal.chosenStateCount();
      storedChosen ??= await journal.chosenStateCount();
      return storedChosen + present.newChosenKeys;
    },
    plan: (present, result, events, touchedAt) =>
      arrivals === undefined ? planThrough(present, result, touchedAt) : planBehind(present, result, events, touchedAt),
    doubt(planned) {
      doubted = (planned.detectorStates ?? []).map(({ key }) => key);
    },
    reset() {
      memory = null;
    },
    async flush() {
      if (memory === null || arrivals === undefined) return;
      const present = memory;
      while (present.unwrittenKeys > 0) await writeAll(present);
      const moving = markWrite(present, { writes: [], keys: [], upTo: present.arrival });
      if (moving === null) return;
      const { status } = await submit({ appends: [], detectorStates: [moving.write] });
      if (status === 'applied') mark = moving.next;
      else memory = null;
    },
    async beforeForgetting() {
      // A row that is old although its key was just used must not go: its newest state would stand alone.
      while (memory !== null && memory.unwrittenKeys > 0) await writeAll(memory);
      memory?.dropWritten();
      storedChosen = null;
    },
  };
}

function isNewChosen({ expectedVersion, chosen }: DetectorStateWrite): boolean {
  return chosen && expectedVersion === 0;
}

async function storedMark(journal: Pick<JournalReader, 'detectorStates'>): Promise<Mark | null> {
  const row = (await journal.detectorStates([MARK])).get(detectorStateKey(MARK.rule, MARK.key));
  if (row === undefined) return null;
  const { upTo, rules } = row.body as unknown as Pick<Mark, 'upTo' | 'rules'>; // written by `markWrite`
  return { version: row.version, upTo, rules };
}

/**
 * The number of the newest batch whose events no start will read again, or null where none ever does: what retention may
 * take out.
 */
export async function neededUpTo(journal: Pick<JournalReader, 'detectorStates' | 'arrivals'>): Promise<number | null> {
  if (journal.arrivals === undefined) return null;
  return (await storedMark(journal))?.upTo ?? 0;
}

/** What the batch found when it was taken in stands in the journal already. */
async function unknownOf(
  journal: Pick<JournalReader, 'view'>,
  changes: readonly FindingChange[],
): Promise<readonly FindingChange[]> {
  const unknown: FindingChange[] = [];
  for (const change of changes) {
    if ((await journal.view('finding', change.finding.id)) === null) unknown.push(change);
  }
  return unknown;
}

function latestReceipt(events: readonly Event[]): number {
  return events.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
}
