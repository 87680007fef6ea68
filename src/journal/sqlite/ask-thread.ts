import { Worker } from 'node:worker_threads';
import { StoreUnavailableError } from '../journal.ts';
import {
  errorOf,
  type StoreAnswer,
  type StoreRequest,
  type StoreThreadData,
  type ThreadCall,
} from './store-messages.ts';

/** A thread of the journal: it answers in the order of asking. */
export interface AskedThread {
  /** @throws StoreUnavailableError when the thread dies, and after `close`; whatever the call throws there. */
  ask<Result>(call: ThreadCall): Promise<Result>;
  /** Calls that have no answer yet. */
  readonly waiting: number;
  /** Ends it after what it was asked before; nothing is asked any more. */
  close(): Promise<void>;
}

export interface ThreadOptions {
  readonly program: URL;
  readonly data: StoreThreadData;
  readonly name: string;
  /** What its death means for what it was asked for. */
  readonly gone: { readonly message: string; readonly unknown: boolean };
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts with the first call. A thread that dies fails what it was asked for, and the next call starts another one. */
export function askThread({ program, data, name, gone }: ThreadOptions): AskedThread {
  let worker: Worker | null = null;
  let waiting = new Map<number, Waiting>();
  let last = 0;
  let closed: Promise<void> | null = null;

  function started(): Worker {
    if (worker !== null) return worker;
    const fresh = new Worker(program, { workerData: data, name });
    worker = fresh;
    fresh.on('message', settle);
    fresh.on('error', (thrown) => lose(fresh, thrown));
    fresh.on('exit', () => lose(fresh, new Error('it ended')));
    return fresh;
  }

  function settle(answer: StoreAnswer): void {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    // Nobody waits: the process may end as far as this thread is concerned.
    if (waiting.size === 0) worker?.unref();
    if ('fault' in answer) asked?.reject(errorOf(answer.fault));
    else asked?.resolve(answer.value);
  }

  function lose(lost: Worker, cause: unknown): void {
    if (worker !== lost) return;
    worker = null;
    const unanswered = waiting;
    waiting = new Map();
    for (const { reject } of unanswered.values()) reject(new StoreUnavailableError(gone.message, gone.unknown, cause));
  }

  function send<Result>(call: ThreadCall): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      last += 1;
      // The thread answers a call with what was given for it there.
      waiting.set(last, { resolve: (value) => resolve(value as Result), reject });
      const thread = started();
      if (waiting.size === 1) thread.ref();
      thread.postMessage({ id: last, call } satisfies StoreRequest);
    });
  }

  async function end(): Promise<void> {
    const thread = worker;
    if (thread === null) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    await send({ name: 'close' });
    // Its last answer let go of the process; its end is waited for all the same.
    thread.ref();
    await ended;
  }

  return {
    // A thread that starts after the end would open a file that may be another process's by then.
    ask: (call) =>
      closed === null ? send(call) : Promise.reject(new StoreUnavailableError('the journal is closed', false)),
    get waiting() {
      return waiting.size;
    },
    close: () => (closed ??= end()),
  };
}
