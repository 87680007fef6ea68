import { messageOf } from '../platform/errors.ts';
import { StoreUnavailableError, type Change, type ChangeResult, type Journal } from './journal.ts';

/** Most changes in one commit: the writer is never held longer than a few tens of ms. */
const MAX_CHANGES_PER_COMMIT = 256;

/** Most changes that may wait; beyond it the journal is overloaded and says so instead of eating memory. */
const MAX_WAITING_CHANGES = 20_000;

interface Waiting {
  readonly change: Change;
  readonly resolve: (result: ChangeResult) => void;
  readonly reject: (thrown: unknown) => void;
}

/** The one door to the journal: every commit of the process goes through `submit`. */
export interface GroupCommitter {
  /**
   * Resolves when the change is on disk, or stale. Changes submitted while a commit runs share the next one.
   * @throws StoreUnavailableError when the store cannot be written.
   */
  submit(change: Change): Promise<ChangeResult>;
  /** True while something waits or is being written. */
  readonly busy: boolean;
}

/**
 * Puts changes that arrive together into one commit. A commit starts as soon as the loop is free: waiting for
 * company was measured to cost latency and to give nothing.
 *
 * @param afterDoubt called after the first commit that succeeds after one of which it is unknown whether it took
 * place: what that one committed is on disk perhaps, and nobody acts on it.
 */
export function groupCommitter(journal: Pick<Journal, 'commit'>, afterDoubt: () => void = () => {}): GroupCommitter {
  let waiting: Waiting[] = [];
  let running = false;
  let doubtful = false;

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MAX_CHANGES_PER_COMMIT);
      waiting = waiting.slice(MAX_CHANGES_PER_COMMIT);
      await commitBatch(watched, batch);
    }
    running = false;
  }

  const watched: Pick<Journal, 'commit'> = {
    async commit(changes) {
      try {
        const results = await journal.commit(changes);
        if (doubtful) {
          doubtful = false;
          afterDoubt();
        }
        return results;
      } catch (thrown) {
        doubtful ||= thrown instanceof StoreUnavailableError && thrown.unknown;
        throw thrown;
      }
    },
  };

  return {
    get busy() {
      return running;
    },
    submit(change) {
      if (waiting.length >= MAX_WAITING_CHANGES) {
        return Promise.reject(new StoreUnavailableError('too many changes wait for the journal', false));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ change, resolve, reject });
        if (running) return;
        running = true;
        setImmediate(() => void flush());
      });
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
