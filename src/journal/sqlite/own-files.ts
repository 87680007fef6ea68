import { statSync } from 'node:fs';
import { StoreUnavailableError } from '../journal.ts';

/** A file of an open database as it was found in its folder when it was opened; null: it was not there. */
export interface FileIdentity {
  readonly name: string;
  readonly found: string | null;
}

/** The files of an open database, as they were found in their folder when it was opened. */
export interface OwnFiles {
  /**
   * Two looks into the folder, some microseconds. @throws StoreUnavailableError when a file is not the one that is
   * open: what is written to a file that was removed is gone with the process, though every write succeeds.
   */
  check(): void;
}

/** Who the files of a database are now. One that is not there (a database in memory) is not looked for later. */
export function identify(file: string): readonly FileIdentity[] {
  return [file, `${file}-wal`].map((name) => ({ name, found: found(name) }));
}

export function ownFiles(identities: readonly FileIdentity[]): OwnFiles {
  return {
    check() {
      for (const { name, found: first } of identities) {
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
