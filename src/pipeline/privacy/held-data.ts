import type { Journal } from '../../journal/journal.ts';
import type { Json } from '../../platform/canonical-json.ts';
import type { Event } from '../events/event.ts';
import { shownTime } from '../service.ts';
import { streamsOfPerson } from './person-streams.ts';

/** Rows and events read at once. */
const PAGE = 500;
/** Kinds of rows that are of an account, and are found by it. */
const KINDS = ['incident', 'finding', 'execution', 'approval', 'hold'] as const;
/** Those of them that follow from records. */
const RECORDED = ['incident', 'execution', 'approval'] as const;

export interface HeldDataPorts {
  readonly journal: Pick<Journal, 'listViews' | 'longReads' | 'listEvents'>;
  /** The records of a stream with this person's texts; those of others read `[somebody else]`. */
  readonly recordsOf: (stream: string, person: string) => AsyncIterable<HeldRecord>;
  /** Pseudonym of an account; null: no record holds texts of it. */
  readonly personOf: (account: string) => Promise<string | null>;
}

export interface HeldRecord {
  readonly stream: string;
  readonly seq: number;
  readonly type: string;
  readonly at: number;
  readonly data: Json;
}

/** One line of what is held on somebody. */
export type HeldLine = { readonly what: string } & { readonly [member: string]: Json };

/**
 * Everything that is held on an account: rows, records, events, and the names of artefacts; nothing of anybody else. Artefacts
 * themselves are fetched one by one: each fetch is in their custody.
 *
 * @param until events up to this business time.
 */
export async function* heldOn(account: string, until: number, ports: HeldDataPorts): AsyncGenerator<HeldLine> {
  const { journal } = ports;
  const person = await ports.personOf(account);
  yield { what: 'account', account, person, at: shownTime(until) };
  for (const kind of KINDS) {
    for (let skip = 0; ; skip += PAGE) {
      const { items } = await journal.longReads.listViews({ kind, subject: account, limit: PAGE, skip });
      for (const { id, at, body } of items) {
        // What the records tell by person is not told whole: others stand in it too.
        const isTold = person !== null && RECORDED.some((each) => each === kind);
        yield { what: 'row', kind, id, at: shownTime(at), ...(isTold ? {} : { body }) };
        if (kind === 'incident') yield* artefactsOf(id, journal);
      }
      if (items.length < PAGE) break;
    }
  }
  if (person !== null) yield* recordsOf(person, ports);
  yield* eventsOf(account, until, journal);
  // Whoever gets less knows that it broke off.
  yield { what: 'end' };
}

async function* artefactsOf(incidentId: string, journal: HeldDataPorts['journal']): AsyncGenerator<HeldLine> {
  for (let skip = 0; ; skip += PAGE) {
    const { items } = await journal.listViews({ kind: 'evidence', parent: incidentId, limit: PAGE, skip });
    for (const { id, at, body } of items) yield { what: 'artefact', id, at: shownTime(at), body };
    if (items.length < PAGE) return;
  }
}

async function* recordsOf(person: string, { journal, recordsOf: read }: HeldDataPorts): AsyncGenerator<HeldLine> {
  for (const stream of await streamsOfPerson(journal, person))
    for await (const { at, ...record } of read(stream, person)) yield { what: 'record', ...record, at: shownTime(at) };
}

async function* eventsOf(account: string, until: number, journal: HeldDataPorts['journal']): AsyncGenerator<HeldLine> {
  const seen = new Set<string>();
  let limit = PAGE;
  for (let from = 0; ;) {
    const events = await journal.listEvents({ from, to: until, limit });
    const fresh = events.map(({ event }) => event).filter((event) => !seen.has(nameOf(event)));
    for (const event of fresh)
      if (event.subject?.id === account || event.actor?.id === account)
        yield { what: 'event', at: shownTime(event.time), event: event as unknown as Json }; // plain JSON by its type
    const last = events.at(-1)?.event;
    if (last === undefined || events.length < limit) return;
    // Events of one instant may be parted by the page, or be more than one page.
    if (fresh.length === 0) limit *= 2;
    if (last.time > from) seen.clear();
    for (const { event } of events) if (event.time === last.time) seen.add(nameOf(event));
    from = last.time;
  }
}

function nameOf({ source, id }: Event): string {
  return `${source}\n${id}`;
}
