import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cutConnections } from '../tests/support/postgres-place.ts';
import { startCluster } from '../tests/support/postgres.ts';
import type { Draw } from './draw.ts';

export type StoreKind = 'sqlite' | 'postgres';

/** Where the servers of a run keep their journal, and what can be done to it. */
export interface Store {
  /** How many servers may share it; more are refused. */
  readonly maxServers: number;
  /** Data directory of every server: replicas share the key of the log. */
  readonly dataDir: string;
  /** Settings of every server, and of the command line that reads the journal. */
  readonly env: Readonly<Record<string, string>>;
  /** Longest time that a stopped process is usually left stopped, in ms: longer than its lease where it has one. */
  readonly longestStopMs: number;
  /**
   * How long one stands still that others shall have got over, in ms: they take its work over when its lease is out, wait
   * until its calls can land no more (their time limit and 5 s), and settle them. Null where there are no others.
   */
  readonly overtakenMs: readonly [number, number] | null;
  /** Lets something happen to the store itself while the servers run; false when nothing did. */
  disturb(draw: Draw): Promise<boolean>;
  close(): Promise<void>;
}

/** @throws Error when there is no PostgreSQL on this machine. */
export async function openStore(kind: StoreKind, directory: string): Promise<Store> {
  const dataDir = join(directory, 'data');
  return kind === 'sqlite' ? sqliteStore(dataDir) : postgresStore(dataDir);
}

function sqliteStore(dataDir: string): Store {
  return {
    maxServers: 1,
    dataDir,
    env: {},
    longestStopMs: 600,
    overtakenMs: null,
    disturb: async () => false,
    close: async () => undefined,
  };
}

/** A cluster of the run's own, whose connections are cut and which is crashed and started again. */
async function postgresStore(dataDir: string): Promise<Store> {
  const cluster = await startCluster();
  const url = await cluster.database();
  return {
    maxServers: 16,
    dataDir,
    // Few calls at a time, so that some wait in memory whenever a process is stopped.
    env: { DATABASE_URL: url, CONNECTOR_MAX_CONCURRENT: '3' },
    // The lease is 3 s; who stands still for longer has been taken for dead.
    longestStopMs: 5_000,
    overtakenMs: [11_500, 13_000],
    async disturb(draw) {
      const lot = draw.integer(0, 99);
      if (lot >= 12) return false;
      if (lot >= 3) {
        await cutConnections(cluster, url);
        return true;
      }
      await cluster.stop();
      await pause(draw.integer(0, 1_500));
      await cluster.start();
      return true;
    },
    close: () => cluster.remove(),
  };
}
