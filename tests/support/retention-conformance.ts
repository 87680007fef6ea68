import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Change, Journal, RemovedStream, View } from '../../src/journal/journal.ts';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { accepted, append, AT, rows, type Place } from './journal-conformance.ts';

/** What may be taken out, and what stays whatever is asked: of every adapter out of which something is ever taken. */
export function retentionConformance(name: string, place: () => Place): void {
  describe(`retention: ${name}`, () => {
    let there: Place;
    let opened: Journal;
    beforeEach(async () => {
      there = place();
      opened = await there.open();
    });
    afterEach(async () => {
      await opened.close();
      await there.remove();
    });
    const journal = (): Journal => opened;
    const reopen = async (): Promise<void> => {
      await opened.close();
      opened = await there.open();
    };
    const statuses = async (...changes: readonly Change[]): Promise<string[]> =>
      (await opened.commit(changes)).map(({ status }) => status);
    const STREAM = 'execution/exe_1';
    const view = (kind: View['kind'], id: string): View => ({ kind, id, expectedVersion: null, at: AT, body: { id } });

    /** Gives every record its place, under a hash that nobody looks at here. */
    async function placeAll(): Promise<void> {
      const { log } = journal();
      const size = await log.size();
      const waiting = await log.unsequenced(100);
      const leaves = waiting.map(({ stream, seq }, index) => ({
        position: size + index,
        stream,
        seq,
        leafHash: 'ab'.repeat(32),
      }));
      expect(await log.place(size, leaves)).toBe(true);
    }

    async function named(stream = STREAM): Promise<RemovedStream> {
      const head = await journal().streamHead(stream);
      const views = [{ kind: 'execution', id: 'exe_1' } as const, { kind: 'approval', id: 'apr_1' } as const];
      const marker = { at: AT, body: { archive: 'name' } };
      return { stream, seq: head?.seq ?? 0, hash: head?.hash ?? '', execution: 'exe_1', views, marker };
    }

    it('takes out a stream with its rows and leaves a mark, and its places in the log stay', async () => {
      await statuses(append(STREAM, 0, AT, AT), append('execution/exe_2', 0, AT), {
        appends: [],
        views: [view('execution', 'exe_1'), view('approval', 'apr_1'), view('execution', 'exe_2')],
      });
      await placeAll();
      const { retention, log } = journal();
      const leaves = await log.leaves(0, 10);
      expect(await retention.removeStreams([await named()])).toEqual([STREAM]);
      await reopen();
      expect(await journal().readStream(STREAM)).toEqual([]);
      expect(await journal().log.recordRows(STREAM)).toEqual([]);
      expect(await journal().streamHead(STREAM)).toBe(null);
      expect(await journal().streams('execution/')).toEqual(['execution/exe_2']);
      expect(await journal().view('execution', 'exe_1')).toBe(null);
      expect(await journal().view('approval', 'apr_1')).toBe(null);
      expect(await journal().view('execution', 'exe_2')).not.toBe(null);
      expect(await journal().view('archived', STREAM)).toMatchObject({ at: AT, body: { archive: 'name' } });
      expect(await journal().log.leaves(0, 10)).toEqual(leaves);
      // Whoever remembers it cannot go on with it, and nobody can begin it anew.
      expect(await statuses(append(STREAM, 2, AT), append(STREAM, 0, AT))).toEqual(['stale', 'stale']);
      await statuses(append('execution/exe_2', 1, AT));
      expect((await journal().log.unsequenced(10)).map(({ stream, seq }) => [stream, seq])).toEqual([
        ['execution/exe_2', 2],
      ]);
    });

    it('takes out nothing that went on, has no place yet, or is owed something', async () => {
      await statuses(append(STREAM, 0, AT), append('s', 0, AT));
      const early = await named();
      const { retention } = journal();
      expect(await retention.removeStreams([early])).toEqual([]);
      await placeAll();
      const timer = { execution: 'exe_1', name: 't', generation: 1 };
      await statuses(rows({ timers: [{ ...timer, due: AT }] }));
      expect(await retention.removeStreams([early])).toEqual([]);
      await statuses(rows({ timers: [{ ...timer, due: null }] }));
      await statuses(rows({ effects: [{ execution: 'exe_1', name: 'e', body: {} }] }));
      expect(await retention.removeStreams([early])).toEqual([]);
      await statuses(rows({ effects: [{ execution: 'exe_1', name: 'e', body: null }] }));
      await statuses(append(STREAM, 1, AT));
      await placeAll();
      expect(await retention.removeStreams([early, { ...(await named()), hash: 'ab'.repeat(32) }])).toEqual([]);
      expect(await journal().readStream(STREAM)).toHaveLength(2);
      expect(await journal().view('archived', STREAM)).toBe(null);
    });

    it('takes out old events in their order, a page at a time', async () => {
      const at = (id: string, time: number): AcceptedEvent => accepted(id, AT + time);
      await statuses(
        rows({ events: [at('c', 2), at('a', 1), at('b', 1), at('d', 3), at('e', 9)], ...firstArrival(journal()) }),
      );
      const { retention } = journal();
      const query = { before: AT + 3, upToArrival: journal().arrivals === undefined ? null : 1, limit: 2 };
      const ids = (found: readonly AcceptedEvent[]): readonly string[] => found.map(({ event }) => event.id);
      const first = await retention.oldEvents({ ...query, after: null });
      expect(ids(first)).toEqual(['a', 'b']);
      const last = first.at(-1)?.event;
      const after = last === undefined ? null : { time: last.time, source: last.source, id: last.id };
      expect(ids(await retention.oldEvents({ ...query, after }))).toEqual(['c']);
      const keys = first.map(({ event: { source, id } }) => ({ source, id }));
      expect(await retention.removeEvents(keys)).toBe(2);
      expect(await retention.removeEvents(keys)).toBe(0);
      expect(ids(await retention.oldEvents({ ...query, after: null }))).toEqual(['c']);
      expect(await journal().eventCount()).toBe(3);
    });
  });
}

/** Where batches are numbered, events belong to one. */
function firstArrival({ arrivals }: Journal): Pick<Change, 'arrival'> {
  return arrivals === undefined ? {} : { arrival: 1 };
}
