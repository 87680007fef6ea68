import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detectorStateKey, eventKey, type Change, type Journal, type View } from '../../src/journal/journal.ts';
import { FIRST_PREV, sealRecord } from '../../src/pipeline/audit/record.ts';
import type { AcceptedEvent, Event } from '../../src/pipeline/events/event.ts';
import { normaliseEvent } from '../../src/pipeline/events/normalise-event.ts';

/** A place where a journal can be opened, closed and opened again. */
export interface Place {
  open(): Promise<Journal>;
  /** Removes everything; no journal is open any more. */
  remove(): Promise<void>;
}

/** Business time of everything in these tests. */
export const AT = Date.UTC(2026, 10, 21, 3, 0, 0);

/** Every adapter of the journal's port keeps these promises; a new one is tested by calling this with its place. */
export function journalConformance(name: string, place: () => Place): void {
  describe(`the journal port: ${name}`, () => {
    let there: Place;
    let journal: Journal;
    beforeEach(async () => {
      there = place();
      journal = await there.open();
    });
    afterEach(async () => {
      await journal.close();
      await there.remove();
    });
    const reopen = async (): Promise<void> => {
      await journal.close();
      journal = await there.open();
    };
    const statuses = async (...changes: readonly Change[]): Promise<string[]> =>
      (await journal.commit(changes)).map(({ status }) => status);

    recordPromises(() => journal, statuses, reopen);
    rowPromises(() => journal, statuses, reopen);
    logPromises(() => journal, statuses, reopen);
  });
}

type Statuses = (...changes: readonly Change[]) => Promise<string[]>;

/** A change that appends to one stream. */
export function append(stream: string, expectedSeq: number, ...ats: readonly number[]): Change {
  const records = ats.map((at, index) => ({ type: 'execution.advanced', v: 1, at, data: { index } }));
  return { appends: [{ stream, expectedSeq, records }] };
}

export function rows(more: Omit<Change, 'appends'>): Change {
  return { appends: [], ...more };
}

function recordPromises(journal: () => Journal, statuses: Statuses, reopen: () => Promise<void>): void {
  describe('records', () => {
    it('begin with the birth of the journal, which stays what it was', async () => {
      const { id, createdAt, accelerated } = journal();
      const [birth] = await journal().readStream('config');
      expect(birth?.record).toMatchObject({ type: 'journal.created', seq: 1, data: { journalId: id, accelerated } });
      await reopen();
      expect(journal()).toMatchObject({ id, createdAt, accelerated });
      expect(await journal().readStream('config')).toEqual([birth]);
    });

    it('are sealed in a chain for each stream, exactly as they are read', async () => {
      const results = await journal().commit([append('s/1', 0, AT, AT + 1), append('s/2', 0, AT)]);
      const sealed = await journal().readStream('s/1');
      expect(results[0]).toEqual({ status: 'applied', hashes: sealed.map(({ hash }) => hash) });
      expect(sealed.map(({ record }) => [record.seq, record.prev])).toEqual([
        [1, FIRST_PREV],
        [2, sealed[0]?.hash],
      ]);
      for (const { record, bytes, hash } of sealed) expect(sealRecord(record)).toEqual({ record, bytes, hash });
      expect(await journal().streamHead('s/1')).toEqual({ seq: 2, hash: sealed[1]?.hash });
      expect(await journal().streamHead('s/none')).toBe(null);
      expect((await journal().readStream('s/1', 1)).map(({ record }) => record.seq)).toEqual([2]);
      expect(await journal().streams('s/')).toEqual(['s/1', 's/2']);
    });

    it('never go back in time within a stream', async () => {
      await statuses(append('s', 0, AT + 500));
      await statuses(append('s', 1, AT));
      expect((await journal().readStream('s')).map(({ record }) => record.at)).toEqual([AT + 500, AT + 500]);
    });

    it('of a stale member are not written, and the others of the batch are', async () => {
      await statuses(append('s', 0, AT));
      expect(await statuses(append('a', 0, AT), append('s', 0, AT), append('b', 0, AT))).toEqual([
        'applied',
        'stale',
        'applied',
      ]);
      expect(await statuses(append('s', 2, AT))).toEqual(['stale']);
      expect(await journal().readStream('s')).toHaveLength(1);
    });

    it('may follow each other in one batch', async () => {
      expect(await statuses(append('s', 0, AT), append('s', 1, AT), append('s', 1, AT))).toEqual([
        'applied',
        'applied',
        'stale',
      ]);
    });

    it('of a member that turns out stale at its end are taken back with everything else of it', async () => {
      await statuses(rows({ views: [view('one', 0)] }));
      const change = { ...append('s', 0, AT), timers: [timer('t', 5)], views: [view('two', 0), view('one', 0)] };
      expect(await statuses(change)).toEqual(['stale']);
      expect(await journal().readStream('s')).toEqual([]);
      expect(await journal().view('finding', 'two')).toBe(null);
      expect(await journal().nextTimerDue()).toBe(null);
    });

    it('that cannot be written fail their batch, of which nothing stays', async () => {
      const spoiled: Change = {
        appends: [
          {
            stream: 's',
            expectedSeq: 0,
            records: [{ type: 'execution.advanced', v: 1, at: AT, data: { n: Number.NaN } }],
          },
        ],
      };
      await expect(journal().commit([append('before', 0, AT), spoiled])).rejects.toThrow('is not a safe integer');
      expect(await journal().streams('before')).toEqual([]);
      expect(await statuses(append('before', 0, AT))).toEqual(['applied']);
    });

    it('are there after the journal was opened again, and the newest one tells the time', async () => {
      await statuses(append('s', 0, AT + 7));
      await reopen();
      expect(await journal().readStream('s')).toHaveLength(1);
      expect(await journal().newestRecordAt()).toBe(AT + 7);
      expect(await statuses(append('s', 0, AT))).toEqual(['stale']);
    });
  });
}

function view(id: string, expectedVersion: number | null, more: Partial<View> = {}): View {
  return { kind: 'finding', id, expectedVersion, at: AT, body: { id }, ...more };
}

function timer(name: string, due: number | null, generation = 1) {
  return { execution: 'exe_1', name, generation, due };
}

export function accepted(id: string, time: number, text = id): AcceptedEvent {
  const json = {
    id,
    time: new Date(time).toISOString(),
    kind: 'login',
    actor: 'anna',
    outcome: 'success',
    note: text,
  };
  const raw = new TextEncoder().encode(JSON.stringify(json));
  const context = { format: 'firebreak' as const, source: 'test:1', receivedAt: AT, deliveryId: id };
  const normalised = normaliseEvent({ bytes: raw, json }, context);
  if (!normalised.ok) throw new Error(normalised.reason);
  return { event: normalised.event, raw };
}

function rowPromises(journal: () => Journal, statuses: Statuses, reopen: () => Promise<void>): void {
  describe('views', () => {
    it('are written when the version is the expected one, or when none is expected', async () => {
      expect(await statuses(rows({ views: [view('a', 0)] }))).toEqual(['applied']);
      expect(await statuses(rows({ views: [view('a', 0)] }))).toEqual(['stale']);
      expect(await statuses(rows({ views: [view('a', 1, { body: 'new' })] }))).toEqual(['applied']);
      expect(await statuses(rows({ views: [view('a', null)] }))).toEqual(['applied']);
      expect(await journal().view('finding', 'a')).toMatchObject({ id: 'a', version: 3, body: { id: 'a' } });
    });

    it('give up their unique key when they are written without it or deleted', async () => {
      const held = { uniqueKey: 'user:anna' };
      expect(await statuses(rows({ views: [view('a', 0, held)] }))).toEqual(['applied']);
      expect(await statuses(rows({ views: [view('b', 0, held)] }))).toEqual(['stale']);
      expect(await statuses(rows({ views: [view('b', 0, { ...held, kind: 'incident' })] }))).toEqual(['applied']);
      expect(await journal().viewByUniqueKey('finding', 'user:anna')).toMatchObject({ id: 'a' });
      // In one change: the one gives it up before the other takes it.
      expect(await statuses(rows({ views: [view('a', 1, { uniqueKey: null }), view('b', 0, held)] }))).toEqual([
        'applied',
      ]);
      expect(await statuses(rows({ views: [view('b', 1, { body: null })] }))).toEqual(['applied']);
      expect(await journal().viewByUniqueKey('finding', 'user:anna')).toBe(null);
      expect(await journal().view('finding', 'b')).toBe(null);
    });

    it('are listed newest first, by what they are filtered by', async () => {
      const many = Array.from({ length: 5 }, (_, index) =>
        view(`v${index}`, 0, { at: AT + (index % 2), status: index < 3 ? 'OPEN' : 'CLOSED', parent: `p${index % 2}` }),
      );
      await statuses(rows({ views: many }));
      const list = async (more: object) => {
        const query = { kind: 'finding', limit: 2, skip: 0, ...more } as const;
        const page = await journal().listViews(query);
        expect(await journal().longReads.listViews(query)).toEqual(page);
        return [page.items.map(({ id }) => id), page.total];
      };
      expect(await list({})).toEqual([['v3', 'v1'], 5]);
      expect(await list({ skip: 4 })).toEqual([['v0'], 5]);
      expect(await list({ skip: 5 })).toEqual([[], 5]);
      expect(await list({ status: 'CLOSED' })).toEqual([['v3', 'v4'], 2]);
      expect(await list({ status: 'CLOSED', skip: 9 })).toEqual([[], 2]);
      expect(await list({ kind: 'user' })).toEqual([[], 0]);
      expect(await list({ status: 'OPEN', parent: 'p0' })).toEqual([['v2', 'v0'], 2]);
      expect(await list({ status: "x' or '1'='1" })).toEqual([[], 0]);
    });

    it('are not found under a name that holds a NUL character, which is no fault of the store', async () => {
      await statuses(rows({ views: [view('a', 0, { uniqueKey: 'k', subject: 's' })] }));
      expect(await journal().view('finding', 'a\0')).toBe(null);
      expect(await journal().viewByUniqueKey('finding', 'k\0')).toBe(null);
      const page = await journal().listViews({ kind: 'finding', subject: 's\0', limit: 9, skip: 0 });
      expect(page).toEqual({ items: [], total: 0 });
      expect(await journal().streamHead('s\0')).toBe(null);
    });
  });

  describe('long reads', () => {
    it('show what was committed before they were asked, and nothing that was not', async () => {
      const shown = async (): Promise<unknown> => {
        const { items, total } = await journal().longReads.listViews({ kind: 'finding', limit: 9, skip: 0 });
        return [total, items.map(({ id, version, body }) => [id, version, body])];
      };
      expect(await shown()).toEqual([0, []]);
      for (let version = 0; version < 20; version += 1) {
        expect(await statuses(rows({ views: [view('a', version, { body: { version } })] }))).toEqual(['applied']);
        expect(await shown()).toEqual([1, [['a', version + 1, { version }]]]);
      }
      expect(await statuses(rows({ views: [view('b', 0), view('a', 1)] }))).toEqual(['stale']);
      expect(await shown()).toEqual([1, [['a', 20, { version: 19 }]]]);
      expect(await statuses(rows({ views: [view('a', 20, { body: null })] }))).toEqual(['applied']);
      expect(await shown()).toEqual([0, []]);
    });
  });

  describe('objects', () => {
    it('are kept once under their hash', async () => {
      await statuses(rows({ objects: [{ hash: 'h', body: { first: true } }] }));
      await statuses(rows({ objects: [{ hash: 'h', body: { first: false } }] }));
      await reopen();
      expect(await journal().object('h')).toEqual({ first: true });
      expect(await journal().object('none')).toBe(null);
    });
  });

  describe('timers and effects', () => {
    it('are set, moved and removed by name, and due in the order of their times', async () => {
      await statuses(rows({ timers: [timer('b', 20), timer('a', 20), timer('c', 10)] }));
      await statuses(rows({ timers: [timer('c', 30, 2), timer('none', null)] }));
      expect(await journal().nextTimerDue()).toBe(20);
      expect((await journal().dueTimers(30, 10)).map(({ name, generation }) => [name, generation])).toEqual([
        ['a', 1],
        ['b', 1],
        ['c', 2],
      ]);
      expect(await journal().dueTimers(19, 10)).toEqual([]);
      expect(await journal().dueTimers(30, 2)).toHaveLength(2);
      await statuses(rows({ timers: ['a', 'b', 'c'].map((name) => timer(name, null)) }));
      expect(await journal().nextTimerDue()).toBe(null);
    });

    it('are queued until they are removed, across an opening', async () => {
      const effect = (execution: string, name: string, body: { kind: string } | null) => ({ execution, name, body });
      await statuses(rows({ effects: [effect('e2', 'b', { kind: 'x' }), effect('e1', 'b', { kind: 'x' })] }));
      await statuses(rows({ effects: [effect('e2', 'b', null), effect('e1', 'a', { kind: 'y' })] }));
      await reopen();
      expect(await journal().queuedEffects()).toEqual([
        { execution: 'e1', name: 'a', body: { kind: 'y' } },
        { execution: 'e1', name: 'b', body: { kind: 'x' } },
      ]);
    });
  });

  describe('detector states', () => {
    it('are stale at another version, and counted when their key was chosen by strangers', async () => {
      const state = (key: string, expectedVersion: number, chosen: boolean) =>
        rows({
          detectorStates: [{ rule: 'r', key, expectedVersion, chosen, touchedAt: 5, body: { expectedVersion } }],
        });
      expect(await statuses(state('a', 0, false), state('b', 0, true), state('a', 0, false))).toEqual([
        'applied',
        'applied',
        'stale',
      ]);
      expect(await statuses(state('a', 1, false))).toEqual(['applied']);
      const found = await journal().detectorStates([
        { rule: 'r', key: 'a' },
        { rule: 'r', key: 'none' },
      ]);
      expect([...found]).toEqual([[detectorStateKey('r', 'a'), { version: 2, body: { expectedVersion: 1 } }]]);
      expect(await journal().chosenStateCount()).toBe(1);
    });

    it('are forgotten by kind and time of their last use', async () => {
      const state = (key: string, chosen: boolean, touchedAt: number) =>
        rows({ detectorStates: [{ rule: 'r', key, expectedVersion: 0, chosen, touchedAt, body: {} }] });
      await statuses(state('old', true, 5), state('new', true, 6), state('person', false, 5));
      await statuses(rows({ forgottenStates: [{ chosen: true, before: 6 }] }));
      const keys = ['old', 'new', 'person'].map((key) => ({ rule: 'r', key }));
      expect([...(await journal().detectorStates(keys)).keys()].sort()).toEqual([
        detectorStateKey('r', 'new'),
        detectorStateKey('r', 'person'),
      ]);
    });
  });

  describe('events', () => {
    it('are kept once, with their bytes, and told by time', async () => {
      const late = accepted('late', AT - 1_000);
      const events = [accepted('b', AT), accepted('a', AT), late];
      expect(await statuses(rows({ events }))).toEqual(['applied']);
      expect(await statuses(rows({ events: [accepted('c', AT), accepted('a', AT, 'other')] }))).toEqual(['stale']);
      expect(await journal().eventCount()).toBe(3);
      const found = await journal().event('test:1', 'late');
      expect(found?.event).toEqual(late.event);
      expect([...(found?.raw ?? [])]).toEqual([...late.raw]);
      const listed = await journal().listEvents({ from: AT - 1_000, to: AT, limit: 2 });
      expect(listed.map(({ event }: { event: Event }) => event.id)).toEqual(['late', 'a']);
      const known = await journal().knownEvents([
        { source: 'test:1', id: 'a' },
        { source: 'test:2', id: 'a' },
      ]);
      expect([...known]).toEqual([[eventKey('test:1', 'a'), events[1]?.event.rawHash]]);
    });
  });
}

function logPromises(journal: () => Journal, statuses: Statuses, reopen: () => Promise<void>): void {
  describe('the log', () => {
    const leaf = (position: number, stream: string, seq: number) => ({
      position,
      stream,
      seq,
      leafHash: 'ab'.repeat(32),
    });

    it('gives records their places once, in one order', async () => {
      const { log } = journal();
      await statuses(append('s', 0, AT, AT));
      const waiting = await log.unsequenced(10);
      expect(waiting.map(({ stream, seq }) => [stream, seq])).toEqual([
        ['config', 1],
        ['s', 1],
        ['s', 2],
      ]);
      expect(await log.unsequenced(1)).toHaveLength(1);
      expect(await log.place(1, [leaf(1, 'config', 1)])).toBe(false);
      expect(await log.place(0, [leaf(0, 'config', 1), leaf(1, 's', 1)])).toBe(true);
      expect(await log.place(0, [leaf(0, 's', 2)])).toBe(false);
      expect((await log.unsequenced(10)).map(({ seq }) => seq)).toEqual([2]);
      await expect(log.place(2, [leaf(2, 'nowhere', 1)])).rejects.toThrow('nowhere');
      await reopen();
      expect(await journal().log.size()).toBe(2);
      expect(await journal().log.leaves(1, 5)).toEqual([{ position: 1, stream: 's', seq: 1 }]);
      expect(await journal().log.leafHashes(0, 2)).toEqual(['ab'.repeat(32), 'ab'.repeat(32)]);
      expect(await journal().longReads.leafHashes(1, 9)).toEqual(['ab'.repeat(32)]);
    });

    it('keeps the first checkpoint of a size', async () => {
      const { log } = journal();
      expect(await log.addCheckpoint({ size: 5, at: AT, note: 'first' })).toBe(true);
      expect(await log.addCheckpoint({ size: 5, at: AT, note: 'second' })).toBe(false);
      expect(await log.addCheckpoint({ size: 3, at: AT, note: 'smaller' })).toBe(true);
      expect((await log.checkpoints()).map(({ size, note }) => [size, note])).toEqual([
        [3, 'smaller'],
        [5, 'first'],
      ]);
    });

    it('shows the rows of a stream exactly as they are stored', async () => {
      await statuses(append('s', 0, AT));
      const [sealed] = await journal().readStream('s');
      expect(await journal().log.recordRows('s')).toEqual([{ seq: 1, bytes: sealed?.bytes, hash: sealed?.hash }]);
    });
  });
}
