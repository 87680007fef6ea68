import type { Database } from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../platform/errors.ts';
import { StoreUnavailableError } from '../journal.ts';
import { guard } from './faults.ts';
import { openDatabase } from './open.ts';
import {
  faultOf,
  type StoreAnswer,
  type StoreCall,
  type StoreRequest,
  type StoreThreadData,
} from './store-messages.ts';
import { COMMIT_BUSY_TIMEOUT_MS, makeStore, type Store } from './store.ts';

/**
 * The thread that writes the journal. A sync of the disk takes longer than everything else of a commit, and nothing of
 * the server has to stand still for it here.
 */
const { file, identities } = workerData as StoreThreadData; // by `startStoreThread`, the only one who starts it
const port = parentPort;
let open: { readonly database: Database; readonly store: Store } | null = null;

/** Opened with the first call, and anew after an error of the disk: what SQLite still held of it cannot be trusted. */
function store(): Store {
  open ??= guard(() => {
    const database = openDatabase(file);
    database.pragma(`busy_timeout = ${COMMIT_BUSY_TIMEOUT_MS}`);
    return { database, store: makeStore(database, identities) };
  });
  return open.store;
}

function letGo(): void {
  const held = open;
  open = null;
  held?.database.close();
}

function perform(call: StoreCall): unknown {
  switch (call.name) {
    case 'commit':
      return store().commit(...call.given);
    case 'place':
      return store().place(...call.given);
    case 'addCheckpoint':
      return store().addCheckpoint(...call.given);
    case 'removeStreams':
      return store().removeStreams(...call.given);
    case 'removeEvents':
      return store().removeEvents(...call.given);
    case 'close':
      letGo();
      return null;
  }
}

function answerTo({ id, call }: StoreRequest): StoreAnswer {
  try {
    return { id, value: perform(call) };
  } catch (thrown) {
    if (thrown instanceof StoreUnavailableError && thrown.unknown) tryToLetGo();
    return { id, fault: faultOf(thrown) };
  }
}

function tryToLetGo(): void {
  try {
    letGo();
  } catch (thrown) {
    process.stderr.write(`the journal could not be closed after an error of the disk: ${messageOf(thrown)}\n`);
  }
}

port?.on('message', (request: StoreRequest) => {
  port.postMessage(answerTo(request));
  if (request.call.name === 'close') port.close();
});
