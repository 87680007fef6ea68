import { FirebreakError } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import type { Change } from '../../journal/journal.ts';
import type { Fact } from './core/facts.ts';
import type { NewInput } from './core/inputs.ts';
import type { ExecutionState } from './core/state.ts';

/**
 * Inputs that may wait for their executions: several times what requests, timers and calls under way can hand in at
 * once. Beyond it who hands in is told so; what must not be lost is handed in again.
 */
export const MAX_WAITING_INPUTS = 20_000;

/** What became of an input: its facts are recorded, on disk. */
export interface Applied {
  readonly facts: readonly Fact[];
  readonly state: ExecutionState;
}

/** What is committed together with an input, where that leads to such a fact; nothing of it where it does not. */
export interface Together {
  readonly fact: Fact['type'];
  readonly change: Pick<Change, 'appends' | 'views'>;
}

/** Somebody else was faster, with the execution or with what goes together with its input: prepare it anew. */
export class StaleTogether extends Error {
  override readonly name = 'StaleTogether';
}

export interface Letter {
  readonly input: NewInput;
  readonly together?: Together | undefined;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Inputs on their way to their executions. */
export interface Mailboxes {
  /**
   * Hands an input in. Resolves when what it led to is on disk.
   * @throws FirebreakError `overloaded`; `StaleTogether` where something goes together with it and was not prepared on what is.
   */
  submit(executionId: string, input: NewInput, together?: Together): Promise<Applied>;
  /** What has just been committed here is begun by who committed it; then it is the turn of `work`. */
  inTurn(executionId: string, work: () => Promise<void>): Promise<void>;
  /** Nothing of the execution is taken up meanwhile; what comes in waits. `work` must hand in nothing for it. */
  alone(executionId: string, work: () => Promise<void>): Promise<void>;
  /** Inputs that wait. */
  readonly waiting: number;
  readonly idle: boolean;
}

/** Collects what comes in for one execution while it is busy, and delivers it together. @param deliver never throws. */
export function createMailboxes(
  machine: Machine,
  deliver: (executionId: string, letters: readonly Letter[]) => Promise<void>,
): Mailboxes {
  const mailboxes = new Map<string, Letter[]>();
  /** Executions whose inputs are being taken up, each with the end of it. */
  const busy = new Map<string, Promise<void>>();
  let waiting = 0;

  function drain(executionId: string): void {
    if (!busy.has(executionId)) busy.set(executionId, drainAll(executionId));
  }

  async function drainAll(executionId: string): Promise<void> {
    try {
      // Answers of the same turn of the loop are taken up together, so that they leave no trace of their race.
      await machine.turn();
      for (let letters = take(executionId); letters.length > 0; letters = take(executionId)) {
        await deliver(executionId, letters);
      }
    } finally {
      busy.delete(executionId);
    }
  }

  function take(executionId: string): Letter[] {
    const letters = mailboxes.get(executionId) ?? [];
    mailboxes.delete(executionId);
    waiting -= letters.length;
    return letters;
  }

  return {
    submit(executionId, input, together) {
      if (waiting >= MAX_WAITING_INPUTS) {
        return Promise.reject(new FirebreakError('overloaded', 'Too many inputs wait for their executions'));
      }
      waiting += 1;
      return new Promise((resolve, reject) => {
        const letters = mailboxes.get(executionId) ?? [];
        letters.push({ input, together, resolve, reject });
        mailboxes.set(executionId, letters);
        drain(executionId);
      });
    },
    async inTurn(executionId, work) {
      await machine.turn();
      // A commit may take its time: this waits for its end and does not ask again and again.
      while (busy.has(executionId)) await busy.get(executionId);
      await work();
    },
    async alone(executionId, work) {
      await machine.turn();
      while (busy.has(executionId)) await busy.get(executionId);
      const done = work();
      busy.set(
        executionId,
        done.catch(() => undefined),
      );
      try {
        await done;
      } finally {
        busy.delete(executionId);
        if (mailboxes.has(executionId)) drain(executionId);
      }
    },
    get waiting() {
      return waiting;
    },
    get idle() {
      return mailboxes.size === 0 && busy.size === 0;
    },
  };
}
