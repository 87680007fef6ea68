import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Journal, View } from '../../journal/journal.ts';
import { DEDUPE_HORIZON_MS } from '../../platform/limits.ts';
import type { Event } from '../events/event.ts';
import { accountIdentity } from '../persons/owners.ts';
import type { PersonKeys } from '../persons/person-keys.ts';
import { erasureChange, erasureIn } from './erasures.service.ts';
import { statusOf, type Erasure, type ErasureRecord } from './erasure.ts';
import type { Need } from './needs.ts';
import { streamsOfPerson } from './person-streams.ts';

/** Rows read at once. */
const PAGE = 500;
/** Rows written in one commit. */
const ROWS_PER_COMMIT = 100;
/** Events read at once. */
const EVENTS_PER_READ = 1_000;
/** Erasures taken up in one round; the rest waits for the next. */
const MAX_PER_ROUND = 100;

export interface EraserPorts {
  readonly journal: Pick<Journal, 'listViews' | 'view' | 'retention'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly keys: PersonKeys;
  /** What is remembered of the person is forgotten: key, folded executions, whatever else was read from these streams. */
  readonly forget: (person: string | null, streams: readonly string[]) => void;
  readonly needsOf: (account: string) => Promise<readonly Need[]>;
  /** The rows of streams, made anew from what their records say now. */
  readonly rowsOf: (streams: readonly string[]) => AsyncIterable<View>;
  /** Up to which batch of events nothing is needed any more to go on; null where batches are not counted. */
  readonly neededUpTo: () => Promise<number | null>;
  readonly now: () => number;
}

export interface Eraser {
  /** Goes on with everything that may go on. */
  round(): Promise<void>;
  /** Destroys once more the keys of those who are erased: a store of keys that was restored from a backup knows them again. */
  again(): Promise<void>;
}

/**
 * Erases what was agreed to, as soon as nothing needs the person. First on record, then the key, then what was made of the texts: a
 * crash between two steps repeats the later one.
 */
export function createEraser(ports: EraserPorts): Eraser {
  const { journal, committer, keys, now } = ports;
  /** What only waits for its last events: after a restart it is gone over once more. */
  const cleared = new Set<string>();

  async function append(id: string, before: Erasure, record: ErasureRecord): Promise<Erasure | null> {
    const { change, erasure } = erasureChange(id, before, record);
    const result = await committer.submit(change);
    // Somebody else has gone on with it.
    return result.status === 'applied' ? erasure : null;
  }

  async function begin(id: string, erasure: Erasure): Promise<Erasure | null> {
    if ((await ports.needsOf(erasure.account)).length > 0) return null;
    const person = (await keys.find(accountIdentity(erasure.account)))?.id ?? null;
    const streams = person === null ? 0 : (await streamsOfPerson(journal, person)).length;
    const at = Math.max(now(), erasure.changedAt);
    const data = { person, streams, eventsAfter: at + DEDUPE_HORIZON_MS };
    return append(id, erasure, { type: 'erasure.begun', at, data });
  }

  /** The key, and what was made of the texts. */
  async function eraseTexts({ account, begun }: Erasure): Promise<void> {
    const person = begun?.person ?? null;
    const streams = person === null ? [] : await streamsOfPerson(journal, person);
    if (person !== null) await keys.erase(person, now());
    ports.forget(person, streams);
    let page: View[] = [];
    const write = async (row: View): Promise<void> => {
      page.push(row);
      if (page.length >= ROWS_PER_COMMIT) await flush();
    };
    const flush = async (): Promise<void> => {
      const views = page;
      page = [];
      if (views.length > 0) await committer.submit({ appends: [], views });
    };
    for await (const row of ports.rowsOf(streams)) await write(row);
    for (const finding of await findingsOf(account)) await write(finding);
    await flush();
  }

  /** What a rule found is told by the incident's record; its row names the account. */
  async function findingsOf(account: string): Promise<readonly View[]> {
    const found: View[] = [];
    for (let skip = 0; ; skip += PAGE) {
      const { items } = await journal.listViews({ kind: 'finding', subject: account, limit: PAGE, skip });
      for (const { id, at } of items) found.push({ kind: 'finding', id, expectedVersion: null, at, body: null });
      if (items.length < PAGE) return found;
    }
  }

  /** Events of the account that are older than repeats are told. */
  async function eraseEvents(account: string): Promise<void> {
    const upToArrival = await ports.neededUpTo();
    const before = now() - DEDUPE_HORIZON_MS;
    let after: Event | null = null;
    for (;;) {
      const events = await journal.retention.oldEvents({ before, upToArrival, after, limit: EVENTS_PER_READ });
      const own = events.map(({ event }) => event).filter((event) => concerns(event, account));
      if (own.length > 0) await journal.retention.removeEvents(own);
      after = events.at(-1)?.event ?? null;
      if (after === null || events.length < EVENTS_PER_READ) return;
    }
  }

  async function goOn(id: string): Promise<void> {
    const view = await journal.view('erasure', id);
    if (view === null) return;
    let erasure: Erasure | null = erasureIn(view);
    if (statusOf(erasure) === 'WAITING') erasure = await begin(id, erasure);
    if (erasure === null || statusOf(erasure) !== 'ERASING') return;
    if (!cleared.has(id)) {
      await eraseTexts(erasure);
      await eraseEvents(erasure.account);
      cleared.add(id);
    }
    const at = Math.max(now(), erasure.changedAt);
    if (erasure.eventsAfter === null || at < erasure.eventsAfter) return;
    await eraseEvents(erasure.account);
    await append(id, erasure, { type: 'erasure.done', at, data: { person: erasure.begun?.person ?? null } });
    cleared.delete(id);
  }

  return {
    async again() {
      for (const status of ['ERASING', 'DONE'] as const) {
        for (let skip = 0; ; skip += PAGE) {
          const { items } = await journal.listViews({ kind: 'erasure', status, limit: PAGE, skip });
          const persons = items.map((item) => erasureIn(item).begun?.person ?? null).filter((id) => id !== null);
          for (const { id, key } of (await keys.load(persons)).values()) if (key !== null) await keys.erase(id, now());
          if (items.length < PAGE) break;
        }
      }
    },
    async round() {
      for (const status of ['WAITING', 'ERASING'] as const) {
        const { items } = await journal.listViews({ kind: 'erasure', status, limit: MAX_PER_ROUND, skip: 0 });
        for (const { id } of items) await goOn(id);
      }
    },
  };
}

function concerns({ subject, actor }: Event, account: string): boolean {
  return subject?.id === account || actor?.id === account;
}
