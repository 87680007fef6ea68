import { Worker } from 'node:worker_threads';
import { StoreUnavailableError } from '../journal.ts';
import {
  errorOf,
  type StoreAnswer,
  type StoreCall,
  type StoreRequest,
  type StoreThreadData,
} from './store-messages.ts';
import type { StoreThread } from './store.ts';

/** The thread's program; null where this runs uncompiled, because a thread loads no TypeScript by itself. */
export const STORE_THREAD = import.meta.url.endsWith('.js') ? new URL('./store-thread.js', import.meta.url) : null;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Writes in a thread of its own, in the order of asking. A thread that dies fails what it was asked for as unknown, and
 * the next call starts another one.
 */
export function startStoreThread(data: StoreThreadData, program: URL): StoreThread {
  let worker: Worker | null = null;
  let waiting = new Map<number, Waiting>();
  let last = 0;

  function started(): Worker {
    if (worker !== null) return worker;
    const fresh = new Worker(program, { workerData: data, name: 'journal' });
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

  function lose(gone: Worker, cause: unknown): void {
    if (worker !== gone) return;
    worker = null;
    const lost = waiting;
    waiting = new Map();
    for (const { reject } of lost.values()) {
      reject(new StoreUnavailableError('the journal: the thread that writes it is gone', true, cause));
    }
  }

  function ask<Result>(call: StoreCall): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      last += 1;
      // The thread answers a call with what the store gave for it.
      waiting.set(last, { resolve: (value) => resolve(value as Result), reject });
      const thread = started();
      if (waiting.size === 1) thread.ref();
      thread.postMessage({ id: last, call } satisfies StoreRequest);
    });
  }

  return {
    commit: (...given) => ask({ name: 'commit', given }),
    place: (...given) => ask({ name: 'place', given }),
    addCheckpoint: (...given) => ask({ name: 'addCheckpoint', given }),
    removeStreams: (...given) => ask({ name: 'removeStreams', given }),
    removeEvents: (...given) => ask({ name: 'removeEvents', given }),
    async close() {
      const thread = worker;
      if (thread === null) return;
      const ended = new Promise((resolve) => thread.once('exit', resolve));
      await ask({ name: 'close' });
      // Its last answer let go of the process; its end is waited for all the same.
      thread.ref();
      await ended;
    },
  };
}
