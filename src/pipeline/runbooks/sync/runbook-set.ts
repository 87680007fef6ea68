/** A set of runbooks as a Git commit holds them, however it came here. */

/** How the commit follows the one in force. `unknown`: the history that was at hand ends before it can be told. */
export const HISTORIES = ['first', 'same', 'ahead', 'older', 'rewritten', 'unknown'] as const;
/** `unknown_key`: it is signed, and nobody says by whom. */
export const SIGNATURE_STATES = ['good', 'bad', 'unsigned', 'unknown_key'] as const;

export interface Author {
  readonly name: string;
  readonly email: string;
}

export interface SetOrigin {
  /** What the repository is called. */
  readonly origin: string;
  readonly ref: string;
  /** Folder of the repository; empty: the whole of it. */
  readonly folder: string;
  readonly commitId: string;
  readonly author: Author;
  /** RFC 3339. */
  readonly committedAt: string;
  /** Of the commit, and with it of all files in it. */
  readonly signature: {
    readonly state: (typeof SIGNATURE_STATES)[number];
    readonly signer: string | null;
    readonly key: string | null;
  };
}

export interface RunbookFile {
  readonly path: string;
  /** Object id of its bytes. */
  readonly blob: string;
  /** The last commit that changed it, and who made that. */
  readonly commitId: string;
  readonly author: Author;
  readonly text: string;
}

export interface RunbookSet extends SetOrigin {
  /** The commit that was in force when this one was read; null: none was. */
  readonly previousCommit: string | null;
  readonly history: (typeof HISTORIES)[number];
  readonly files: readonly RunbookFile[];
}
