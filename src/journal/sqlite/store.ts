import type { Database } from 'better-sqlite3';
import type { ChangeResult, Checkpoint, EventKey, PlacedLeaf, RemovedStream } from '../journal.ts';
import { guard } from './faults.ts';
import { logWriter } from './log-writer.ts';
import { ownFiles, type FileIdentity } from './own-files.ts';
import { removal } from './retention.ts';
import type { ChangeRows } from './rows.ts';
import { makeWriter } from './writer.ts';

/**
 * How long a commit waits for somebody else's lock on the file, in ms. Everything else that is to be written waits with
 * it, so this is short: who wanted the commit asks again.
 */
export const COMMIT_BUSY_TIMEOUT_MS = 100;

/**
 * Everything that writes the file of a journal, each call one transaction that is on disk when it returns.
 * @throws StoreUnavailableError.
 */
export interface Store {
  commit(changes: readonly ChangeRows[]): readonly ChangeResult[];
  place(expectedSize: number, leaves: readonly PlacedLeaf[]): boolean;
  addCheckpoint(checkpoint: Checkpoint): boolean;
  removeStreams(streams: readonly RemovedStream[]): readonly string[];
  removeEvents(keys: readonly EventKey[]): number;
}

/** The same, wherever it is done: the answers come later. */
export type StoreThread = {
  readonly [Name in keyof Store]: (...given: Parameters<Store[Name]>) => Promise<ReturnType<Store[Name]>>;
} & { close(): Promise<void> };

/** @param identities the files as they were when the journal was opened. */
export function makeStore(database: Database, identities: readonly FileIdentity[]): Store {
  const files = ownFiles(identities);
  const writer = makeWriter(database);
  const log = logWriter(database);
  const { removeStreams, removeEvents } = removal(database);
  const checked = <Result>(work: () => Result): Result =>
    guard(() => {
      files.check();
      return work();
    });
  return {
    commit: (changes) => checked(() => writer.commit(changes)),
    place: (expectedSize, leaves) => checked(() => log.place(expectedSize, leaves)),
    addCheckpoint: (checkpoint) => checked(() => log.addCheckpoint(checkpoint)),
    removeStreams: (streams) => checked(() => removeStreams(streams)),
    removeEvents: (keys) => checked(() => removeEvents(keys)),
  };
}

/** Writes in the thread that asks: for commands, and for tests that want every step in one place. */
export function storeHere(store: Store): StoreThread {
  return {
    commit: async (changes) => store.commit(changes),
    place: async (expectedSize, leaves) => store.place(expectedSize, leaves),
    addCheckpoint: async (checkpoint) => store.addCheckpoint(checkpoint),
    removeStreams: async (streams) => store.removeStreams(streams),
    removeEvents: async (keys) => store.removeEvents(keys),
    close: async () => undefined,
  };
}
