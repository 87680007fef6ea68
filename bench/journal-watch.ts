import Sqlite from 'better-sqlite3';

/** How often the file is looked at while an end is waited for, in ms: the resolution of the completed times. */
const LOOK_MS = 1;

/** Sees executions end without asking the server: reads its journal from outside, as another process may. */
export interface JournalWatch {
  /** Resolves when the end of the execution is committed and was seen, a few milliseconds later at most. */
  ended(executionId: string): Promise<void>;
  /** What the journal takes on the disk. */
  bytes(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Watches a file. The watch takes time of the cores that the server also needs, so it only looks while somebody waits,
 * and of what is new only the records that end an execution leave SQLite.
 */
export function watchFile(file: string): JournalWatch {
  const database = new Sqlite(file, { readonly: true });
  const newest = database.prepare<[], number>('select max(no) from records').pluck();
  const ends = database
    .prepare<[number, number], string>(
      `select s.name from records r join streams s on s.no = r.stream
       where r.no > ? and r.no <= ? and instr(r.bytes, '"type":"execution.ended"') > 0`,
    )
    .pluck();
  const waiting = new Map<string, () => void>();
  /** Ends that were seen before anybody asked: the reply to the POST was still under way. */
  const early = new Set<string>();
  let last = newest.get() ?? 0;
  let timer: NodeJS.Timeout | null = null;

  function look(): void {
    timer = null;
    const now = newest.get() ?? 0;
    const streams = now === last ? [] : ends.all(last, now);
    last = now;
    for (const stream of streams) {
      const id = stream.replace('execution/', '');
      const resolve = waiting.get(id);
      waiting.delete(id);
      if (resolve === undefined) early.add(id);
      else resolve();
    }
    if (waiting.size > 0) timer = setTimeout(look, LOOK_MS);
  }
  return {
    ended(id) {
      if (early.delete(id)) return Promise.resolve();
      timer ??= setTimeout(look, LOOK_MS);
      return new Promise((resolve) => void waiting.set(id, () => resolve()));
    },
    bytes: async () =>
      Number(database.pragma('page_count', { simple: true })) * Number(database.pragma('page_size', { simple: true })),
    async close() {
      if (timer !== null) clearTimeout(timer);
      database.close();
    },
  };
}
