import type { Journal } from '../../src/journal/journal.ts';
import type { FakeTarget } from './fake-target.ts';

/**
 * Stops a process at the n-th point it passes: before and after each commit, before each call of a target and
 * between its effect and its answer. A stopped process goes nowhere: whatever it waits for never comes.
 */
export interface Crasher {
  /** Resolves when the point is reached. */
  readonly stopped: Promise<void>;
  /** Points passed so far, by their names. */
  readonly passed: readonly string[];
  through(journal: Journal): Journal;
  /** Watches the calls of this process. The target itself lives on. */
  watch(target: FakeTarget, faults?: Faults): void;
}

/** Faults of a target, by call: they happen to whichever process makes the call. */
export interface Faults {
  before?(call: string): Promise<void>;
  after?(call: string): Promise<void>;
}

/** @param at the point at which the process stops, from 1; 0 for never. */
export function crasher(at: number): Crasher {
  const passed: string[] = [];
  let stop: () => void;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  let dead = false;
  const point = async (name: string): Promise<void> => {
    passed.push(name);
    if (passed.length === at) {
      dead = true;
      stop();
    }
    if (dead) await new Promise(() => {});
  };
  return {
    stopped,
    passed,
    through: (journal) => ({
      ...journal,
      async commit(changes) {
        await point('before a commit');
        const results = await journal.commit(changes);
        await point('after a commit');
        return results;
      },
    }),
    watch(target, faults = {}) {
      target.gate = async (call) => {
        await point(`before ${call}`);
        await faults.before?.(call);
      };
      target.after = async (call) => {
        await point(`after ${call}`);
        await faults.after?.(call);
      };
    },
  };
}
