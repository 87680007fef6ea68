import Sqlite from 'better-sqlite3';

/** How often the file is looked at while executions are under way, in ms: the resolution of the completed times. */
const LOOK_MS = 1;

/**
 * Sees executions end without asking the server: reads the journal's file from outside, as another process may. An
 * end is seen when its record is committed, at most about a millisecond later.
 */
export interface JournalWatch {
  /** Resolves when the record of the execution's end is committed. */
  ended(executionId: string): Promise<void>;
  /** Pages in use times their size. */
  bytes(): number;
  close(): void;
}

interface Row {
  readonly no: number;
  readonly stream: number;
  readonly ended: number;
}

export function watchJournal(file: string): JournalWatch {
  const database = new Sqlite(file, { readonly: true });
  const news = database.prepare<[number], Row>(
    `select no, stream, instr(bytes, '"type":"execution.ended"') > 0 as ended from records where no > ? order by no`,
  );
  const nameOf = database.prepare<[number], { name: string }>('select name from streams where no = ?');
  const waiting = new Map<string, () => void>();
  /** Ends that were seen before anybody asked: the reply to the POST was still under way. */
  const early = new Set<string>();
  let last = database.prepare<[], { no: number }>('select coalesce(max(no), 0) as no from records').get()?.no ?? 0;
  let closed = false;

  function look(): void {
    for (const { no, stream, ended } of news.all(last)) {
      last = no;
      if (ended === 0) continue;
      const id = nameOf.get(stream)?.name.replace('execution/', '') ?? '';
      const resolve = waiting.get(id);
      waiting.delete(id);
      if (resolve === undefined) early.add(id);
      else resolve();
    }
  }
  function keepLooking(): void {
    if (closed) return;
    look();
    setTimeout(keepLooking, LOOK_MS);
  }
  keepLooking();
  return {
    ended: (id) =>
      early.delete(id) ? Promise.resolve() : new Promise((resolve) => void waiting.set(id, () => resolve())),
    bytes: () =>
      Number(database.pragma('page_count', { simple: true })) * Number(database.pragma('page_size', { simple: true })),
    close() {
      closed = true;
      database.close();
    },
  };
}
