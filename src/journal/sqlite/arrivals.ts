import type { Database } from 'better-sqlite3';
import type { Event } from '../../pipeline/events/event.ts';
import type { ArrivalLog } from '../journal.ts';
import { staleness } from './stale.ts';

/**
 * Batches by the last row of `events` each of them wrote: there is one writer, so the rows of a batch stand one after
 * the other.
 */
export function arrivalStatements(database: Database): { add(arrival: number): void; log: ArrivalLog } {
  const newest = database.prepare<[], { batch: number }>('select batch from arrivals order by batch desc limit 1');
  const insert = database.prepare<[number]>(
    'insert into arrivals (batch, last_event) values (?, (select coalesce(max(no), 0) from events))',
  );
  const last = database.prepare<[number], { last_event: number }>(
    'select last_event from arrivals where batch <= ? order by batch desc limit 1',
  );
  const batches = database.prepare<[number, number], { batch: number; last_event: number }>(
    'select batch, last_event from arrivals where batch > ? order by batch limit ?',
  );
  const bodies = database.prepare<[number, number], { body: string }>(
    'select body from events where no > ? and no <= ? order by no',
  );
  const newestBatch = (): number => newest.get()?.batch ?? 0;
  return {
    add(arrival) {
      if (arrival !== newestBatch() + 1) throw staleness(`batch ${arrival}`);
      insert.run(arrival);
    },
    log: {
      newest: async () => newestBatch(),
      async after(arrival, limit) {
        const found: { arrival: number; events: readonly Event[] }[] = [];
        let from = last.get(arrival)?.last_event ?? 0;
        let count = 0;
        for (const { batch, last_event: to } of batches.all(arrival, limit)) {
          // This adapter wrote them, from values of this type.
          const events = bodies.all(from, to).map(({ body }) => JSON.parse(body) as Event);
          found.push({ arrival: batch, events });
          from = to;
          count += events.length;
          if (count >= limit) break;
        }
        return found;
      },
    },
  };
}
