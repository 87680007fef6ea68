import { askThread } from './ask-thread.ts';
import type { StoreCall, StoreThreadData } from './store-messages.ts';
import type { StoreThread } from './store.ts';

/** The threads' program; null where this runs uncompiled, because a thread loads no TypeScript by itself. */
export const STORE_THREAD = import.meta.url.endsWith('.js') ? new URL('./store-thread.js', import.meta.url) : null;

/** Writes in a thread of its own, in the order of asking. What a thread that died was asked for may have been written. */
export function startStoreThread(data: StoreThreadData, program: URL): StoreThread {
  const gone = { message: 'the journal: the thread that writes it is gone', unknown: true };
  const thread = askThread({ program, data, name: 'journal', gone });
  const ask = <Result>(call: StoreCall): Promise<Result> => thread.ask(call);
  return {
    commit: (...given) => ask({ name: 'commit', given }),
    place: (...given) => ask({ name: 'place', given }),
    addCheckpoint: (...given) => ask({ name: 'addCheckpoint', given }),
    removeStreams: (...given) => ask({ name: 'removeStreams', given }),
    removeEvents: (...given) => ask({ name: 'removeEvents', given }),
    close: () => thread.close(),
  };
}
