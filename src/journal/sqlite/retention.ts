import type { Database } from 'better-sqlite3';
import type { AcceptedEvent, Event } from '../../pipeline/events/event.ts';
import type { EventKey, OldEvents, RemovedStream } from '../journal.ts';

/** Takes out what an archive holds, as `RetentionStore` says. */
export interface Removal {
  removeStreams(streams: readonly RemovedStream[]): readonly string[];
  removeEvents(keys: readonly EventKey[]): number;
}

/**
 * The newest record and the newest event stay whatever they are: SQLite gives the number of a last row that is gone to
 * the next one, and numbers say what was placed and what has arrived.
 */
export function removal(database: Database): Removal {
  const stream = database.prepare<[string], { no: number; seq: number; hash: string }>(
    'select no, seq, hash from streams where name = ?',
  );
  const unplaced = database.prepare<[number], { n: number }>(
    `select count(*) as n from records where stream = ?
     and no > coalesce((select cast(value as integer) from meta where key = 'placed'), 0)`,
  );
  const owed = database.prepare<[{ execution: string }], { n: number }>(
    `select (select count(*) from timers where execution = @execution)
          + (select count(*) from effects where execution = @execution) as n`,
  );
  const newest = database.prepare<[], { stream: number }>('select stream from records order by no desc limit 1');
  const openDoor = database.prepare<[number]>('update streams set seq = -seq where no = ?');
  const removeRecords = database.prepare<[number]>('delete from records where stream = ?');
  const removeView = database.prepare<[string, string]>('delete from views where kind = ? and id = ?');
  const mark = database.prepare<[string, number, string]>(
    `insert into views (kind, id, version, at, body) values ('archived', ?, 1, ?, ?)
     on conflict (kind, id) do update set version = views.version + 1, at = excluded.at, body = excluded.body`,
  );
  const removeEvent = database.prepare<[string, string]>(
    'delete from events where source = ? and id = ? and no < (select max(no) from events)',
  );
  function remove({ stream: name, seq, hash, execution, views, marker }: RemovedStream): boolean {
    const row = stream.get(name);
    if (row === undefined || row.seq !== seq || row.hash !== hash) return false;
    if ((unplaced.get(row.no)?.n ?? 0) > 0 || newest.get()?.stream === row.no) return false;
    if (execution !== null && (owed.get({ execution })?.n ?? 0) > 0) return false;
    openDoor.run(row.no);
    removeRecords.run(row.no);
    for (const { kind, id } of views) removeView.run(kind, id);
    mark.run(name, marker.at, JSON.stringify(marker.body));
    return true;
  }
  const removeAll = database.transaction((streams: readonly RemovedStream[]) =>
    streams.filter(remove).map(({ stream: name }) => name),
  );
  const removeEvents = database.transaction((keys: readonly EventKey[]) =>
    keys.reduce((count, { source, id }) => count + removeEvent.run(source, id).changes, 0),
  );
  return {
    removeStreams: (streams) => removeAll.immediate(streams),
    removeEvents: (keys) => removeEvents.immediate(keys),
  };
}

/** As `RetentionStore.oldEvents`. */
export function oldEventsReader(database: Database): (query: OldEvents) => readonly AcceptedEvent[] {
  const oldEvents = database.prepare<[OldEventsRow], { body: string; raw: Buffer }>(
    `select body, raw from events
     where (time, source, id) > (@time, @source, @id) and time < @before
       and no <= coalesce((select last_event from arrivals where batch <= @upToArrival order by batch desc limit 1), 0)
       and no < (select max(no) from events)
     order by time, source, id limit @limit`,
  );

  return ({ before, upToArrival, after, limit }) => {
    const { time, source, id } = after ?? { time: Number.MIN_SAFE_INTEGER, source: '', id: '' };
    const last = upToArrival ?? Number.MAX_SAFE_INTEGER;
    const rows = oldEvents.all({ before, upToArrival: last, time, source, id, limit });
    // This adapter wrote them, from values of this type.
    return rows.map(({ body, raw }): AcceptedEvent => ({ event: JSON.parse(body) as Event, raw }));
  };
}

interface OldEventsRow {
  readonly before: number;
  readonly upToArrival: number;
  readonly time: number;
  readonly source: string;
  readonly id: string;
  readonly limit: number;
}
