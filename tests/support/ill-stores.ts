import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { openJournalFile } from './server.ts';

/**
 * Ways in which a real SQLite file under a running server cannot be written, each with its cure. Only tests import
 * this file.
 */
export interface IllStore {
  /** Where the server keeps its data. */
  readonly dataDir: string;
  sicken(): Promise<void>;
  cure(): Promise<void>;
  remove(): void;
}

/** A file system of a few MB that really is full. Null where this process may not mount one. */
export function fullDisk(megabytes = 12): IllStore | null {
  const dataDir = temporary();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dataDir]);
  if (mounted.status !== 0) {
    rmSync(dataDir, { recursive: true });
    return null;
  }
  const ballast = join(dataDir, 'ballast');
  return {
    dataDir,
    async sicken() {
      // To the last page: a file that is cut off by the end of the disk takes all that is left.
      const { bfree, bsize } = statfsSync(dataDir);
      writeFileSync(ballast, Buffer.alloc(bfree * bsize));
      if (statfsSync(dataDir).bfree > 0) throw new Error('the disk of the test is not full');
    },
    cure: async () => rmSync(ballast),
    remove() {
      spawnSync('umount', ['--lazy', dataDir]);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The file held by another program, which began to write and does not end. */
export function lockedFile(): IllStore {
  const dataDir = temporary();
  let other: Database | null = null;
  return {
    dataDir,
    async sicken() {
      other = openJournalFile(dataDir);
      other.exec('begin immediate');
    },
    async cure() {
      other?.close();
    },
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  };
}

/** The data directory taken away from under the server, and put back. */
export function movedDirectory(): IllStore {
  const dataDir = temporary();
  return {
    dataDir,
    sicken: async () => renameSync(dataDir, `${dataDir}-away`),
    cure: async () => renameSync(`${dataDir}-away`, dataDir),
    remove() {
      for (const name of [dataDir, `${dataDir}-away`]) rmSync(name, { recursive: true, force: true });
    },
  };
}

/**
 * NOT the real thing: the server's own connection is told to behave as on a read-only file, or as if the disk ended
 * here. The operating system lets nobody make a file read-only under who has it open.
 */
export function toldTo(pragma: { readonly sick: string; readonly well: string }): IllStore {
  const dataDir = temporary();
  const caught = catchConnections();
  const onJournal = (text: string): void => {
    for (const connection of caught.connections) {
      if (connection.open && connection.name === join(dataDir, 'journal.sqlite')) connection.pragma(text);
    }
  };
  return {
    dataDir,
    sicken: async () => onJournal(pragma.sick),
    cure: async () => onJournal(pragma.well),
    remove() {
      caught.release();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Every connection of this process says a pragma when it is opened; that is when it is noticed. */
function catchConnections(): { readonly connections: ReadonlySet<Database>; release(): void } {
  // The same class that the server loads: both require it from the same installed package.
  const Driver = createRequire(import.meta.url)('better-sqlite3') as { readonly prototype: Database };
  const connections = new Set<Database>();
  const { pragma } = Driver.prototype;
  Driver.prototype.pragma = function (this: Database, ...given) {
    connections.add(this);
    return pragma.apply(this, given);
  };
  return {
    connections,
    release() {
      Driver.prototype.pragma = pragma;
    },
  };
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'firebreak-ill-'));
}
