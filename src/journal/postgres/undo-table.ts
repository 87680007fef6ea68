/** Rows by key as a batch sees them: what was there before it, and over that what its members wrote so far. */
export interface UndoTable<Row> {
  get(key: string): Row | null;
  /** Null deletes. */
  set(key: string, row: Row | null): void;
  /** All rows as they are now. */
  rows(): Iterable<readonly [string, Row]>;
  /** Keys that were written, each with its row before the batch and after it; in the order of their first writing. */
  changes(): readonly { readonly key: string; readonly before: Row | null; readonly after: Row | null }[];
}

/** What a member wrote, so that it can be taken back when the member turns out to be stale. */
export interface UndoLog {
  table<Row>(before: ReadonlyMap<string, Row>): UndoTable<Row>;
  /** From here on it is another member that writes. */
  begin(): void;
  /** Takes back what was written since `begin`. */
  rollBack(): void;
}

export function undoLog(): UndoLog {
  let steps: (() => void)[] = [];
  return {
    table<Row>(before: ReadonlyMap<string, Row>): UndoTable<Row> {
      const written = new Map<string, Row | null>();
      const get = (key: string): Row | null => {
        const own = written.get(key);
        return own === undefined ? (before.get(key) ?? null) : own;
      };
      return {
        get,
        set(key, row) {
          const own = written.get(key);
          steps.push(() => (own === undefined ? written.delete(key) : written.set(key, own)));
          written.set(key, row);
        },
        *rows() {
          for (const [key, row] of before) if (!written.has(key)) yield [key, row] as const;
          for (const [key, row] of written) if (row !== null) yield [key, row] as const;
        },
        changes: () =>
          [...written]
            .map(([key, after]) => ({ key, before: before.get(key) ?? null, after }))
            .filter((change) => change.before !== null || change.after !== null),
      };
    },
    begin() {
      steps = [];
    },
    rollBack() {
      for (const step of steps.reverse()) step();
      steps = [];
    },
  };
}
