import { eventKey, type JournalReader } from '../../journal/journal.ts';
import type { FindingChange } from '../detections/detector.ts';
import type { AcceptedEvent, Event } from '../events/event.ts';
import { conflictFinding } from './own-findings.ts';

/** Characters of the raw hash that tell two contents of one event id apart. */
const CONFLICT_HASH_LENGTH = 16;

export type Verdict = 'accepted' | 'duplicate';

export interface SortedEvents {
  /** Events that were not known, in the order given. */
  readonly fresh: readonly AcceptedEvent[];
  /** For each event given. */
  readonly verdicts: readonly Verdict[];
  /** A finding for each id that came back with other content. */
  readonly conflicts: readonly FindingChange[];
}

/** Duplicates drop out; an id that comes back with other content is kept under an id of its own. */
export async function sortOut(
  journal: Pick<JournalReader, 'knownEvents'>,
  events: readonly AcceptedEvent[],
  withPlace: (event: Event) => Event,
): Promise<SortedEvents> {
  const known = await knownAmong(journal, events);
  if (known === NOTHING_KNOWN) {
    return {
      fresh: events.map(({ event, raw }) => ({ event: withPlace(event), raw })),
      verdicts: events.map(() => 'accepted'),
      conflicts: [],
    };
  }
  const fresh: AcceptedEvent[] = [];
  const conflicts: FindingChange[] = [];
  const verdicts = events.map((accepted): Verdict => {
    const own = take(accepted, accepted.event.id, known);
    if (own === 'conflict') {
      const event = { ...accepted.event, id: conflictId(accepted.event) };
      if (take({ ...accepted, event }, event.id, known) !== 'fresh') return 'duplicate';
      fresh.push({ ...accepted, event: withPlace(event) });
      conflicts.push(conflictFinding(event, accepted.event.id));
      return 'accepted';
    }
    if (own === 'duplicate') return 'duplicate';
    fresh.push({ ...accepted, event: withPlace(accepted.event) });
    return 'accepted';
  });
  return { fresh, verdicts, conflicts };
}

/** Nothing was seen before, and the batch repeats no id: nearly every batch. */
const NOTHING_KNOWN = new Map<string, string>();

/** Raw hashes of what is stored already; the ids that conflicts are kept under are asked for only where there are any. */
async function knownAmong(
  journal: Pick<JournalReader, 'knownEvents'>,
  events: readonly AcceptedEvent[],
): Promise<Map<string, string>> {
  const known = new Map(await journal.knownEvents(events.map(({ event }) => event)));
  const ids = new Set(events.map(({ event }) => eventKey(event.source, event.id)));
  if (known.size === 0 && ids.size === events.length) return NOTHING_KNOWN;
  const first = new Map(known);
  const conflicting = events.filter((accepted) => take(accepted, accepted.event.id, first) === 'conflict');
  if (conflicting.length === 0) return known;
  const kept = await journal.knownEvents(
    conflicting.map(({ event }) => ({ source: event.source, id: conflictId(event) })),
  );
  return new Map([...known, ...kept]);
}

function take({ event }: AcceptedEvent, id: string, known: Map<string, string>): 'fresh' | 'duplicate' | 'conflict' {
  const key = eventKey(event.source, id);
  const hash = known.get(key);
  if (hash === undefined) {
    known.set(key, event.rawHash);
    return 'fresh';
  }
  return hash === event.rawHash ? 'duplicate' : 'conflict';
}

function conflictId(event: Event): string {
  return `${event.id}~${event.rawHash.slice(0, CONFLICT_HASH_LENGTH)}`;
}
