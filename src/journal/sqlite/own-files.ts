import { statSync } from 'node:fs';
import { StoreUnavailableError } from '../journal.ts';

/** The files of an open database, as they were found in their folder when it was opened. */
export interface OwnFiles {
  /**
   * Two looks into the folder, some microseconds. @throws StoreUnavailableError when a file is not the one that is
   * open: what is written to a file that was removed is gone with the process, though every write succeeds.
   */
  check(): void;
}

/** A file that is not there at the beginning (a database in memory) is not looked for. */
export function ownFiles(file: string): OwnFiles {
  const known = [file, `${file}-wal`].map((name) => ({ name, found: found(name) }));
  return {
    check() {
      for (const { name, found: first } of known) {
        if (first === null || found(name) === first) continue;
        throw new StoreUnavailableError(`the journal: ${name} was moved, removed or replaced; put it back`, false);
      }
    },
  };
}

function found(name: string): string | null {
  const stat = statSync(name, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev} ${stat.ino}`;
}
