import { StoreUnavailableError, type Change, type Journal } from '../../src/journal/journal.ts';

/**
 * FAKE faults between a server and its real journal, on command. Only tests import this file.
 *
 * `error` and `full` refuse before anything is written. A commit that hangs ends when the store is well again: with
 * `hang` it was lost, with `hang, then written` it took place although nobody waits for it any more. `slow` is well.
 */
export const AILMENTS = ['error', 'full', 'hang', 'hang, then written'] as const;
export type Ailment = (typeof AILMENTS)[number];

export interface FaultyJournal {
  readonly through: (journal: Journal) => Journal;
  /** From the `from`-th write from now on nothing is written any more, until `heal`. */
  ail(kind: Ailment, from?: number): void;
  /** The store is well again; resolves when every write that hung has ended. */
  heal(): Promise<void>;
  /** Every commit takes at least this long from now on, in ms; 0: as long as it takes. */
  slow(ms: number): void;
  /** Writes that failed or hung since `ail`. */
  readonly struck: readonly (readonly Change[])[];
  /** Writes that were asked for since the journal was opened. */
  readonly writes: number;
}

export function faultyJournal(): FaultyJournal {
  let ailing: { readonly kind: Ailment; left: number } | null = null;
  let struck: (readonly Change[])[] = [];
  let writes = 0;
  let delayMs = 0;
  let well = Promise.resolve();
  let becomeWell = (): void => undefined;
  const hanging = new Set<Promise<unknown>>();

  async function write<Result>(changes: readonly Change[], work: () => Promise<Result>): Promise<Result> {
    writes += 1;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (ailing === null) return work();
    ailing.left -= 1;
    if (ailing.left > 0) return work();
    struck.push(changes);
    const { kind } = ailing;
    switch (kind) {
      case 'error':
        throw new StoreUnavailableError('a fault of the test', false);
      case 'full':
        throw new StoreUnavailableError('a fault of the test', false, sqliteError('SQLITE_FULL'));
      case 'hang':
      case 'hang, then written': {
        const end = well.then(() => {
          if (kind === 'hang, then written') return work();
          throw new StoreUnavailableError('a fault of the test: it hung and was lost', true);
        });
        hanging.add(end);
        return end.finally(() => hanging.delete(end));
      }
      default:
        return kind;
    }
  }

  return {
    through: (journal) => ({
      ...journal,
      commit: (changes) => write(changes, () => journal.commit(changes)),
      // The log's keeper is no request: it fails with the store, but is not counted.
      log: {
        ...journal.log,
        place: async (...given) => {
          if (ailing !== null) throw new StoreUnavailableError('a fault of the test', false);
          return journal.log.place(...given);
        },
      },
    }),
    ail(kind, from = 1) {
      struck = [];
      ailing = { kind, left: from };
      well = new Promise((resolve) => {
        becomeWell = resolve;
      });
    },
    async heal() {
      ailing = null;
      becomeWell();
      await Promise.allSettled(hanging);
      // The committer hears of it in the turn after.
      await new Promise((resolve) => setImmediate(resolve));
    },
    slow(ms) {
      delayMs = ms;
    },
    get struck() {
      return struck;
    },
    get writes() {
      return writes;
    },
  };
}

function sqliteError(code: string): Error {
  return Object.assign(new Error('database or disk is full'), { code });
}
