import { FirebreakError } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { Resource } from '../service.ts';
import { openInbox, type Inbox, type LiveEvent } from './inbox.ts';
import { newsIn, type NewsOf } from './news-in-log.ts';

/**
 * What people are told, while they look. The order is that of the Merkle log: a record gets its place there after it was committed,
 * in whichever process, and none is ever put in before another. So a number is enough to go on from, after any interruption and
 * at any process, without a loss and without a repetition. Nothing is remembered here.
 */

/** How often the log is looked at while somebody listens, in ms: as often as it grows. */
const LOOK_MS = 250;
/** Places read at once. */
const PLACES_AT_ONCE = 1_000;
/** Streams of one person: a browser's tabs, a telephone and a script. */
export const MAX_STREAMS_OF_ONE = 5;
/** Streams of one process: each is a connection that stays. */
export const MAX_STREAMS = 500;
/** Furthest back that somebody can go on from, in places of the log: a second of reading. Beyond that the list is read anew. */
export const MAX_CATCH_UP = 50_000;

export interface LiveNotices {
  /**
   * Listens to what one person is told, from now on (`after: null`) or behind a place that an event named.
   * @throws FirebreakError `rate_limited` where this person has too many streams, `overloaded` where all have. StoreUnavailableError.
   */
  open(userId: string, after: number | null): Promise<Inbox>;
  /** Ends all streams, and lets no more begin. */
  end(): void;
}

export interface LivePorts {
  readonly journal: Pick<JournalReader, 'log' | 'readStream'>;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly closing: AbortSignal;
  onError(thrown: unknown): void;
}

interface Listener {
  readonly userId: string;
  readonly inbox: Inbox;
}

export function createLiveNotices(ports: LivePorts): LiveNotices {
  const { journal, machine, closing } = ports;
  const listeners = new Set<Listener>();
  /** Opened and not listening yet: they count too. */
  const opening = new Map<string, number>();
  let ended = false;
  let isLooking = false;
  /** Places of the log that were looked through; null: nobody listens. */
  let head: number | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  /** Looks through what the log has grown by, one look after the other. */
  function look(): Promise<unknown> {
    const next = turn.then(async () => {
      head ??= await journal.log.size();
      for (;;) {
        const leaves = await journal.log.leaves(head, PLACES_AT_ONCE);
        const news = await newsIn(journal, leaves);
        for (const each of news) for (const listener of listeners) hand(listener, each);
        head += leaves.length;
        if (leaves.length < PLACES_AT_ONCE) return;
      }
    });
    turn = next.catch(() => undefined);
    return next;
  }

  const isWanted = (): boolean => listeners.size > 0 || opening.size > 0;

  async function keepLooking(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    while (isWanted() && !closing.aborted) {
      await machine.sleep(LOOK_MS, closing);
      await look().catch((thrown: unknown) => {
        if (!closing.aborted) ports.onError(thrown);
      });
    }
    isLooking = false;
    head = null;
  }

  /** What one was told behind a place, up to where the looking stands. */
  async function missed(userId: string, after: number, upTo: number): Promise<readonly LiveEvent[]> {
    const events: LiveEvent[] = [];
    for (let from = after; from < upTo; from += PLACES_AT_ONCE) {
      const leaves = await journal.log.leaves(from, Math.min(PLACES_AT_ONCE, upTo - from));
      for (const each of await newsIn(journal, leaves)) if (each.userId === userId) events.push(eventOf(each));
    }
    return events;
  }

  function requireRoom(userId: string): void {
    if (ended) throw new FirebreakError('overloaded', 'The server stops; connect again');
    const own = [...listeners].filter((each) => each.userId === userId).length + (opening.get(userId) ?? 0);
    if (own >= MAX_STREAMS_OF_ONE)
      throw new FirebreakError('rate_limited', `You listen ${MAX_STREAMS_OF_ONE} times already: close one of these`);
    const all = listeners.size + [...opening.values()].reduce((sum, count) => sum + count, 0);
    if (all >= MAX_STREAMS) throw new FirebreakError('overloaded', 'Too many listen here already; try again later');
  }

  async function listen(userId: string, after: number | null): Promise<Inbox> {
    await look();
    const stands = head ?? 0;
    const inbox = openInbox();
    const listener = { userId, inbox };
    // Before what was missed is read: what comes meanwhile waits behind it.
    inbox.hold();
    listeners.add(listener);
    inbox.onClosed(() => listeners.delete(listener));
    void keepLooking();
    try {
      // One that is ahead is of another journal, or of this one before it was set back.
      const isGap = after !== null && (after > stands || stands - after > MAX_CATCH_UP);
      const begun: LiveEvent = { place: stands, type: isGap ? 'reset' : 'hello', data: null };
      inbox.begin([...(after === null || isGap ? [] : await missed(userId, after, stands)), begun]);
      return inbox;
    } catch (thrown) {
      inbox.close();
      throw thrown;
    }
  }

  return {
    async open(userId, after) {
      requireRoom(userId);
      opening.set(userId, (opening.get(userId) ?? 0) + 1);
      try {
        const inbox = await listen(userId, after);
        if (ended) inbox.close();
        return inbox;
      } finally {
        const left = (opening.get(userId) ?? 1) - 1;
        if (left > 0) opening.set(userId, left);
        else opening.delete(userId);
      }
    },
    end() {
      ended = true;
      for (const { inbox } of listeners) inbox.close();
    },
  };
}

function hand({ userId, inbox }: Listener, news: NewsOf): void {
  if (news.userId === userId) inbox.add(eventOf(news));
}

/** Numbered by how much of the log lies behind it. */
function eventOf({ place, type, data }: NewsOf): LiveEvent {
  return { place: place + 1, type, data: data satisfies Resource };
}
