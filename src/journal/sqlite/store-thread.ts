import type { Database } from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../platform/errors.ts';
import { StoreUnavailableError } from '../journal.ts';
import { guard } from './faults.ts';
import { makeLongReads, type LongReadRows } from './long-reads.ts';
import { openDatabase, openToRead } from './open.ts';
import { ownFiles } from './own-files.ts';
import {
  faultOf,
  type StoreAnswer,
  type StoreRequest,
  type StoreThreadData,
  type ThreadCall,
} from './store-messages.ts';
import { COMMIT_BUSY_TIMEOUT_MS, makeStore, type Store } from './store.ts';

/**
 * The program of the journal's threads. One writes: a sync of the disk takes longer than everything else of a commit, and
 * nothing of the server has to stand still for it. One reads what takes long. Each opens what it is asked for.
 */
const { file, identities } = workerData as StoreThreadData; // by `askThread`, the only one who starts it
const files = ownFiles(identities);
const port = parentPort;
let writing: { readonly database: Database; readonly store: Store } | null = null;
let reading: { readonly database: Database; readonly reads: LongReadRows } | null = null;

/** Opened with the first call, and anew after an error of the disk: what SQLite still held of it cannot be trusted. */
function store(): Store {
  writing ??= guard(() => {
    const database = openDatabase(file);
    database.pragma(`busy_timeout = ${COMMIT_BUSY_TIMEOUT_MS}`);
    return { database, store: makeStore(database, identities) };
  });
  return writing.store;
}

/** The same for reading. A file in the place of the own one is another journal. */
function reads(): LongReadRows {
  reading ??= guard(() => {
    files.check();
    const database = openToRead(file);
    return { database, reads: makeLongReads(database) };
  });
  return reading.reads;
}

function letGo(): void {
  const held = [writing, reading];
  [writing, reading] = [null, null];
  for (const open of held) open?.database.close();
}

function perform(call: ThreadCall): unknown {
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
    case 'viewRows':
      return reads().viewRows(...call.given);
    case 'leafHashes':
      return reads().leafHashes(...call.given);
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
