import type { EventKey, JournalReader } from '../../journal/journal.ts';

/**
 * Batches that are looked for in the journal after one that held what was known already. Senders that repeat themselves
 * do so for a while: a poller that overlaps, a queue that delivers again.
 */
const LOOKED_FOR_BATCHES = 64;

/** Which events are stored already, or a guess of it that the commit corrects. */
export interface KnownEvents extends Pick<JournalReader, 'knownEvents'> {
  /** A batch that was decided by the last answer was stale: the next answers are looked up. */
  wasStale(): void;
}

/**
 * Guesses that nothing is known, as long as that has proven right: nearly every batch is new, and looking its ids up
 * touched as many pages of the journal as inserting them (a tenth of the cost of an event). A guess that was wrong costs
 * a second decision and nothing else: an event that is stored makes the commit stale, which then changes nothing.
 *
 * Only for a journal into which one process takes events, where stale means just that.
 */
export function guessedKnownEvents(journal: Pick<JournalReader, 'knownEvents'>): KnownEvents {
  let lookedFor = 0;
  return {
    async knownEvents(ids: readonly EventKey[]) {
      if (lookedFor === 0) return NOTHING;
      const known = await journal.knownEvents(ids);
      lookedFor = known.size > 0 ? LOOKED_FOR_BATCHES : lookedFor - 1;
      return known;
    },
    wasStale() {
      lookedFor = LOOKED_FOR_BATCHES;
    },
  };
}

/** Looks everything up: where other processes take events in too. */
export function lookedUpKnownEvents(journal: Pick<JournalReader, 'knownEvents'>): KnownEvents {
  return { knownEvents: (ids) => journal.knownEvents(ids), wasStale: () => undefined };
}

const NOTHING: ReadonlyMap<string, string> = new Map();
