import { describe, expect, it } from 'vitest';
import { guessedKnownEvents } from './known-events.ts';

const ASKED = [{ source: 's', id: 'a' }];

function journalWith(known: ReadonlyMap<string, string>) {
  let reads = 0;
  return {
    knownEvents: async () => {
      reads += 1;
      return known;
    },
    reads: () => reads,
  };
}

describe('events that may be known', () => {
  it('are not looked for until a guess was wrong', async () => {
    const journal = journalWith(new Map([['s\na', 'hash']]));
    const known = guessedKnownEvents(journal);
    expect((await known.knownEvents(ASKED)).size).toBe(0);
    expect(journal.reads()).toBe(0);
    known.wasStale();
    expect(await known.knownEvents(ASKED)).toEqual(new Map([['s\na', 'hash']]));
  });

  it('are looked for as long as some are known, and for a while behind', async () => {
    const repeated = journalWith(new Map([['s\na', 'hash']]));
    const known = guessedKnownEvents(repeated);
    known.wasStale();
    for (let batch = 0; batch < 200; batch += 1) await known.knownEvents(ASKED);
    expect(repeated.reads()).toBe(200);

    const fresh = journalWith(new Map());
    const guessing = guessedKnownEvents(fresh);
    guessing.wasStale();
    for (let batch = 0; batch < 200; batch += 1) await guessing.knownEvents(ASKED);
    expect(fresh.reads()).toBe(64);
  });
});
