import { NO_CRASH_POINTS, type CrashPoints } from '../platform/crash-points.ts';
import { messageOf } from '../platform/errors.ts';
import type { Machine } from '../platform/machine.ts';
import { StoreUnavailableError, type Change, type ChangeResult, type Journal } from './journal.ts';

/** Most changes in one commit: the writer is never held longer than a few tens of ms. */
const MAX_CHANGES_PER_COMMIT = 256;

/** Most changes that may wait; beyond it the journal is overloaded and says so instead of eating memory. */
export const MAX_WAITING_CHANGES = 20_000;

/**
 * How long a caller waits for a commit, in ms of machine time, until it hears that the store does not answer. Whoever
 * came while that commit ran hears it at the same moment, so that no request waits for 2 s. SQLite commits within one
 * turn of the loop and never comes near it; a database behind a network that is gone does.
 */
export const COMMIT_DEADLINE_MS = 1_000;

interface Waiting {
  readonly change: Change;
  readonly resolve: (result: ChangeResult) => void;
  readonly reject: (thrown: unknown) => void;
}

/** The one door to the journal: every commit of the process goes through `submit`. */
export interface GroupCommitter {
  /**
   * Resolves when the change is on disk, or stale. Changes submitted while a commit runs share the next one.
   * @throws StoreUnavailableError when the store cannot be written, or does not answer within a second. Then nothing
   *   more is begun until it has answered, so that commits keep their order whatever becomes of that one.
   */
  submit(change: Change): Promise<ChangeResult>;
  /** True while something waits or is being written. */
  readonly busy: boolean;
  /** Changes that wait for the next commit. */
  readonly waiting: number;
  /** True since a commit failed, or was not answered in time, until one succeeds and its batch has ended. */
  readonly ailing: boolean;
}

/**
 * Puts changes that arrive together into one commit. A commit starts as soon as the loop is free: waiting for
 * company was measured to cost latency and to give nothing.
 *
 * @param afterOutage called when all of a batch has ended of which a commit succeeded, after one that did not: what failed may be on
 * disk all the same, and what had to be put off while nothing could be written can be taken up again.
 */
export function groupCommitter(
  journal: Pick<Journal, 'commit'>,
  machine: Machine,
  afterOutage: () => void = () => {},
  points: CrashPoints = NO_CRASH_POINTS,
): GroupCommitter {
  let waiting: Waiting[] = [];
  let running = false;
  let ailing = false;
  let unanswered = false;
  /** Whether something of the batch under way was committed, and nothing of it was lost since. */
  let landed = false;

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_CHANGES_PER_COMMIT);
      waiting = waiting.slice(MAX_CHANGES_PER_COMMIT);
      const inTime = machine.after(COMMIT_DEADLINE_MS, () => giveUpOn(batch));
      landed = false;
      await commitBatch(watched, batch);
      inTime();
      unanswered = false;
      if (ailing && landed) recover();
    }
    running = false;
  }

  /** Not before the end of a batch: the parts of one that was split land one after the other, and nobody waits for them any more. */
  function recover(): void {
    ailing = false;
    afterOutage();
  }

  /** The commit goes on to its end, whatever that is; nobody waits for it any more. */
  function giveUpOn(batch: readonly Waiting[]): void {
    ailing = true;
    unanswered = true;
    for (const { reject } of batch) reject(new StoreUnavailableError('the journal does not answer', true));
    const behind = waiting;
    waiting = [];
    for (const { reject } of behind) reject(new StoreUnavailableError('the journal does not answer', false));
  }

  function enqueue(change: Change): Promise<ChangeResult> {
    if (unanswered) return Promise.reject(new StoreUnavailableError('the journal does not answer', false));
    if (waiting.length >= MAX_WAITING_CHANGES) {
      return Promise.reject(new StoreUnavailableError('too many changes wait for the journal', false));
    }
    return new Promise((resolve, reject) => {
      waiting.push({ change, resolve, reject });
      if (running) return;
      running = true;
      void machine.turn().then(flush);
    });
  }

  const watched: Pick<Journal, 'commit'> = {
    async commit(changes) {
      try {
        const begun = points.at('commit.begun');
        if (begun !== undefined) await begun;
        const results = await journal.commit(changes);
        const durable = points.at('commit.durable');
        if (durable !== undefined) await durable;
        landed = true;
        return results;
      } catch (thrown) {
        if (thrown instanceof StoreUnavailableError) {
          ailing = true;
          landed = false;
        }
        throw thrown;
      }
    },
  };

  return {
    get busy() {
      return running;
    },
    get waiting() {
      return waiting.length;
    },
    get ailing() {
      return ailing;
    },
    submit(change) {
      const decided = points.at('commit.decided');
      return decided === undefined ? enqueue(change) : decided.then(() => enqueue(change));
    },
  };
}

async function commitBatch(journal: Pick<Journal, 'commit'>, batch: readonly Waiting[]): Promise<void> {
  try {
    const results = await journal.commit(batch.map(({ change }) => change));
    batch.forEach(({ resolve, reject }, index) => {
      const result = results[index];
      if (result === undefined) reject(new Error('the journal gave no answer for a change'));
      else resolve(result);
    });
  } catch (thrown) {
    await afterFailure(journal, batch, thrown);
  }
}

/** A store that is down fails everybody; a member the store refuses fails alone: the batch is split to find it. */
async function afterFailure(
  journal: Pick<Journal, 'commit'>,
  batch: readonly Waiting[],
  thrown: unknown,
): Promise<void> {
  if (thrown instanceof StoreUnavailableError || batch.length === 1) {
    for (const { reject } of batch) reject(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
    return;
  }
  const middle = batch.length >> 1;
  await commitBatch(journal, batch.slice(0, middle));
  await commitBatch(journal, batch.slice(middle));
}
