import { StoreUnavailableError, type LongReads } from '../journal.ts';
import { askThread } from './ask-thread.ts';
import type { ReadCall, StoreThreadData } from './store-messages.ts';
import { pageOf, type ViewRows } from './view-pages.ts';

/**
 * Long reads that wait in memory. In a journal of 100,000 executions the slowest takes 0.2 s, so that the last of them
 * waits 10 s: who asks then is told to come back.
 */
export const MAX_WAITING_READS = 50;

/** Reads in a thread of its own, on a connection that cannot write, in the order of asking. */
export function startReadThread(
  data: StoreThreadData,
  program: URL,
): { readonly longReads: LongReads; close(): Promise<void> } {
  const gone = { message: 'the journal: the thread that reads it is gone', unknown: false };
  const thread = askThread({ program, data, name: 'journal reads', gone });
  function ask<Result>(call: ReadCall): Promise<Result> {
    if (thread.waiting < MAX_WAITING_READS) return thread.ask(call);
    return Promise.reject(new StoreUnavailableError('too many long reads wait for the journal', false));
  }
  return {
    longReads: {
      listViews: async (query) => pageOf(await ask<ViewRows>({ name: 'viewRows', given: [query] })),
      leafHashes: (...given) => ask({ name: 'leafHashes', given }),
    },
    close: () => thread.close(),
  };
}
