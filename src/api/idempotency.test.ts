import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../journal/journal.ts';
import { FakeJournal } from '../pipeline/access/fake-journal.ts';
import { createIdempotencyStore, IN_FLIGHT_MS, MAX_UNSETTLED, REPLY_LIFETIME_MS, soleHolder } from './idempotency.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5, 8, 30);
const reply = { status: 201, body: '{"id":"x1"}', location: null };

function setUp() {
  const journal = new FakeJournal();
  const store = createIdempotencyStore(journal, soleHolder('this'));
  let down: StoreUnavailableError | null = null;
  journal.beforeCommit = async () => {
    if (down !== null) throw down;
  };
  const begin = (id: string, now = START) => store.begin({ id, fingerprint: `of ${id}`, now });
  const done = async (id: string, now = START): Promise<void> => {
    const begun = await begin(id, now);
    if (begun.outcome !== 'started') throw new Error(`${id} is ${begun.outcome}`);
    await store.finish({ id, fingerprint: `of ${id}`, now, token: begun.token, reply });
  };
  /** Sweeping goes on behind the request that set it off. */
  const swept = () => new Promise((resolve) => setImmediate(resolve));
  return {
    journal,
    store,
    begin,
    done,
    swept,
    fail(unknown: boolean) {
      down = new StoreUnavailableError('down', unknown);
    },
    recover() {
      down = null;
    },
  };
}

describe('kept replies', () => {
  it('are kept for a day, and removed soon after by whoever comes next', async () => {
    const { journal, begin, done, swept } = setUp();
    for (let hour = 0; hour < 30; hour += 1) await done(`r${hour}`, START + hour * HOUR_MS);
    const now = START + 30 * HOUR_MS;
    expect((await begin('r29', now)).outcome).toBe('replay');
    await swept();
    const left = [...journal.views.values()].map(({ view }) => now - view.at);
    expect(Math.max(...left)).toBeLessThan(REPLY_LIFETIME_MS + 2 * HOUR_MS);
    expect(left.length).toBeGreaterThanOrEqual(24);
    expect((await begin('r10', now)).outcome).toBe('replay');
  });

  it('do not pile up, however many there are and however long nobody came', async () => {
    const { journal, done, swept } = setUp();
    for (let count = 0; count < 350; count += 1) await done(`r${count}`);
    expect(journal.views.size).toBe(350);
    for (const hours of [25, 40, 47, 60, 24 * 30]) {
      const later = setUp();
      for (const [key, held] of journal.views) later.journal.views.set(key, held);
      await later.done('late', START + hours * HOUR_MS);
      for (let turn = 0; turn < 20; turn += 1) await swept();
      // A name of an hour that has come around is in use again: what bears it goes within the day.
      await later.done('later', START + (hours + 25) * HOUR_MS);
      for (let turn = 0; turn < 20; turn += 1) await swept();
      expect([hours, later.journal.views.size <= 2]).toEqual([hours, true]);
    }
  });
});

describe('a request that was cut off', () => {
  it('by the end of the only process is performed again by the next one', async () => {
    const { journal, begin } = setUp();
    expect((await begin('a')).outcome).toBe('started');
    expect((await begin('a', START + 1)).outcome).toBe('in-flight');
    const next = createIdempotencyStore(journal, soleHolder('the next'));
    const of = (fingerprint: string) => next.begin({ id: 'a', fingerprint, now: START + 2 });
    // What the first one may have done stands under this key.
    expect((await of('something else')).outcome).toBe('mismatch');
    const again = await of('of a');
    expect(again.outcome).toBe('started');
    expect((await of('of a')).outcome).toBe('in-flight');
    const token = again.outcome === 'started' ? again.token : 0;
    await next.finish({ id: 'a', fingerprint: 'of a', now: START + 3, token, reply });
    expect(await of('of a')).toEqual({ outcome: 'replay', reply });
  });

  it('is not performed again while its process lives, or is the one that is asked under a new name', async () => {
    const { journal } = setUp();
    const living = new Set(['p1', 'p2']);
    const as = (own: () => string) =>
      createIdempotencyStore(journal, { own, isGone: async (holder) => !living.has(holder) });
    let name = 'p1';
    const [first, second] = [as(() => name), as(() => 'p2')];
    const asked = { id: 'a', fingerprint: 'of a', now: START };
    const begun = await first.begin(asked);
    expect((await second.begin(asked)).outcome).toBe('in-flight');
    living.delete('p1');
    name = 'p3';
    expect((await first.begin(asked)).outcome).toBe('in-flight');
    expect((await second.begin(asked)).outcome).toBe('started');
    // It was late: what it has to say about the entry counts no more.
    const token = begun.outcome === 'started' ? begun.token : 0;
    await first.finish({ ...asked, token, reply });
    expect((await second.begin(asked)).outcome).toBe('in-flight');
  });
});

describe('a store that fails', () => {
  it('while a request ends without success does not keep its repeat waiting', async () => {
    const { store, begin, fail, recover } = setUp();
    const begun = await begin('a');
    fail(false);
    const token = begun.outcome === 'started' ? begun.token : 0;
    await expect(store.abandon({ id: 'a', token, now: START })).rejects.toThrow('down');
    recover();
    expect((await begin('a', START + 1)).outcome).toBe('started');
    // That one is at work now, and nothing of the first is left.
    expect((await begin('a', START + 2)).outcome).toBe('in-flight');
  });

  it('while a reply is kept answers the repeat with that reply', async () => {
    const { begin, done, fail, recover, journal, store } = setUp();
    const begun = await begin('a');
    fail(false);
    const token = begun.outcome === 'started' ? begun.token : 0;
    const finished = { id: 'a', fingerprint: 'of a', now: START, token, reply };
    await expect(store.finish(finished)).rejects.toThrow('down');
    recover();
    expect(await begin('a', START + 1)).toEqual({ outcome: 'replay', reply });
    const other = await store.begin({ id: 'a', fingerprint: 'of something else', now: START + 1 });
    expect(other.outcome).toBe('mismatch');
    await done('b');
    expect(journal.views.size).toBe(2);
  });

  it('while a request begins, and wrote all the same, does not keep its repeat waiting', async () => {
    const { journal, store, begin } = setUp();
    const commit = journal.commit.bind(journal);
    journal.commit = async (changes) => {
      await commit(changes);
      throw new StoreUnavailableError('nobody knows', true);
    };
    await expect(begin('a')).rejects.toThrow('nobody knows');
    journal.commit = commit;
    const again = await store.begin({ id: 'a', fingerprint: 'of a', now: START + 1 });
    expect(again.outcome).toBe('started');
  });

  it('for long fills no memory: beyond a bound a repeat waits as after a crash', async () => {
    const { store, begin, fail, recover } = setUp();
    const ids = Array.from({ length: MAX_UNSETTLED + 1 }, (_, index) => `r${index}`);
    for (const id of ids) await begin(id);
    fail(false);
    for (const id of ids) await store.abandon({ id, token: 1, now: START }).catch(() => undefined);
    recover();
    expect((await begin('r0', START + 1)).outcome).toBe('in-flight');
    expect((await begin(`r${MAX_UNSETTLED}`, START + 1)).outcome).toBe('started');
    expect((await begin('r0', START + IN_FLIGHT_MS)).outcome).toBe('started');
  });
});
