import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { Journal, View } from '../../journal/journal.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { DEDUPE_HORIZON_MS } from '../../platform/limits.ts';
import type { Event } from '../events/event.ts';
import { accountIdentity } from '../persons/owners.ts';
import type { PersonKeys } from '../persons/person-keys.ts';
import { erasureChange, erasureIn } from './erasures.service.ts';
import { statusOf, type Erasure, type ErasureRecord, type ErasureStatus } from './erasure.ts';
import type { Need } from './needs.ts';
import { streamsOfPerson } from './person-streams.ts';

/** Rows read at once. */
const PAGE = 500;
/** Rows deleted in one commit. */
const ROWS_PER_COMMIT = 100;
/** Events read at once. */
const EVENTS_PER_READ = 1_000;
/** Tries to write the rows of one stream while others write them too. */
const MAX_STALE_RETRIES = 50;

export interface EraserPorts {
  readonly journal: Pick<Journal, 'listViews' | 'view' | 'retention'>;
  readonly committer: Pick<GroupCommitter, 'submit'>;
  readonly keys: PersonKeys;
  /** What this process remembers of the person is forgotten: whose it is, its key, and what was folded from these streams. */
  readonly forget: (person: string, streams: readonly string[]) => void;
  /** Resolves when no other process writes for somebody because it has not heard that they are detached; false: this process closes. */
  readonly othersForgot: () => Promise<boolean>;
  readonly needsOf: (account: string) => Promise<readonly Need[]>;
  readonly stillNeeding: (person: string) => Promise<readonly Need[]>;
  /** The rows of a stream, made anew from what its records say up to `seq`; none where it lies in an archive. */
  readonly rowsOf: (stream: string) => Promise<{ readonly seq: number; readonly rows: readonly View[] }>;
  /** Up to which batch of events nothing is needed any more to go on; null where batches are not counted. */
  readonly neededUpTo: () => Promise<number | null>;
  readonly now: () => number;
  /** One that cannot go on keeps no other waiting. */
  readonly onError: (thrown: unknown) => void;
}

export interface Eraser {
  /** Goes on with everything that may go on. */
  round(): Promise<void>;
  /** Destroys once more the keys of those whose erasure is done: a store of keys that was restored from a backup knows them again. */
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

  /**
   * The key, and what was made of the texts. False: not yet. Something began between the last look and the moment from which on nothing
   * new is written for the person (that is waited for, too), or this process closes.
   */
  async function eraseTexts({ account, begun }: Erasure): Promise<boolean> {
    const person = begun?.person ?? null;
    if (person !== null) {
      await keys.detach(person);
      ports.forget(person, []);
      if (!(await ports.othersForgot())) return false;
      if ((await ports.stillNeeding(person)).length > 0) return false;
      await keys.erase(person, now());
    }
    const streams = person === null ? [] : await streamsOfPerson(journal, person);
    if (person !== null) ports.forget(person, streams);
    await rewrite(account, streams);
    return true;
  }

  /** The rows of streams as their records read now, and none of findings. */
  async function rewrite(account: string, streams: readonly string[]): Promise<void> {
    for (const stream of streams) await rewriteStream(stream);
    const findings = await findingsOf(account);
    for (let from = 0; from < findings.length; from += ROWS_PER_COMMIT)
      await committer.submit({ appends: [], views: findings.slice(from, from + ROWS_PER_COMMIT) });
  }

  /** What happens to a stream while its records are read has written newer rows: they are read again then. */
  async function rewriteStream(stream: string): Promise<void> {
    for (let tries = 0; tries < MAX_STALE_RETRIES; tries += 1) {
      const { seq, rows } = await ports.rowsOf(stream);
      if (rows.length === 0) return;
      // Appends nothing, and is stale when somebody else did.
      const unmoved = { stream, expectedSeq: seq, records: [] };
      if ((await committer.submit({ appends: [unmoved], views: rows })).status === 'applied') return;
    }
    throw new FirebreakError('overloaded', `The rows of ${stream} are written by too many at once`);
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
      if (!(await eraseTexts(erasure))) return;
      await eraseEvents(erasure.account);
      cleared.add(id);
    }
    const at = Math.max(now(), erasure.changedAt);
    if (erasure.eventsAfter === null || at < erasure.eventsAfter) return;
    await eraseEvents(erasure.account);
    await append(id, erasure, { type: 'erasure.done', at, data: { person: erasure.begun?.person ?? null } });
    cleared.delete(id);
  }

  /** All at once: what is done of one changes which page the others are on. */
  async function erasuresIn(...statuses: readonly ErasureStatus[]): Promise<readonly (readonly [string, Erasure])[]> {
    const found: [string, Erasure][] = [];
    for (const status of statuses) {
      for (let skip = 0; ; skip += PAGE) {
        const { items } = await journal.listViews({ kind: 'erasure', status, limit: PAGE, skip });
        for (const item of items) found.push([item.id, erasureIn(item)]);
        if (items.length < PAGE) break;
      }
    }
    return found;
  }

  return {
    async again() {
      const persons = (await erasuresIn('DONE')).flatMap(([, { begun }]) => begun?.person ?? []);
      for (const { id, key } of (await keys.load(persons)).values()) if (key !== null) await keys.erase(id, now());
    },
    async round() {
      for (const [id] of await erasuresIn('WAITING', 'ERASING')) await goOn(id).catch(ports.onError);
    },
  };
}

function concerns({ subject, actor }: Event, account: string): boolean {
  return subject?.id === account || actor?.id === account;
}
