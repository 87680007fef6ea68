import { sha256Hex } from '../../platform/hash.ts';
import type { Machine } from '../../platform/machine.ts';
import { connect, endOf, openLine, type Address } from './connection.ts';

/**
 * Hints between the processes of one journal: NOTIFY after a commit that left something for others, LISTEN where
 * somebody would else find it by the next look. Nothing rests on a hint. It may be late, lost or for nothing, and
 * whoever hears one does what the next look would have done anyway.
 */

/** Shortest time between two notifications of one process, in ms: what is left meanwhile shares the next one. */
export const TELL_SPACING_MS = 20;
/** Pause after a notification that could not be sent, in ms: a server in trouble is not asked at each commit. */
const AFTER_FAILURE_MS = 1_000;

/** Pause before a lost connection for listening is replaced, in ms. It doubles up to the longest while none comes about. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;

/**
 * How often the server is asked whether it is still there, in ms: nothing else is ever said on this connection, and a
 * router forgets one that idles for some minutes without telling either end.
 */
const STILL_THERE_MS = 30_000;

/** What processes of one journal listen to; journals in one database do not wake each other. 42 of 63 possible bytes. */
export function newsChannel(journalId: string): string {
  return `firebreak_${sha256Hex(journalId).slice(0, 32)}`;
}

export interface NewsPorts {
  readonly address: Address;
  readonly machine: Machine;
  readonly journalId: string;
}

/** Tells others that something was left for them. */
export interface Teller {
  /** To be called after the commit. Answers at once and never fails; what is told shortly one after the other is told once. */
  tell(): void;
  close(): Promise<void>;
}

/**
 * At most one notification is on its way and one owed. On a connection of its own, opened by the first: inside of a
 * deciding transaction NOTIFY would take a lock of the whole server until that has committed.
 */
export function openTeller({ address, machine, journalId }: NewsPorts): Teller {
  const line = openLine(address, () => 'teller');
  const closing = new AbortController();
  const text = `notify ${newsChannel(journalId)}`;
  let owed = false;
  let telling: Promise<void> | null = null;

  async function sendOne(): Promise<boolean> {
    try {
      await line.run((client) => client.query(text));
      return true;
    } catch {
      // Others find it by their next look.
      line.drop();
      return false;
    }
  }

  async function tellAll(): Promise<void> {
    while (owed && !closing.signal.aborted) {
      owed = false;
      const sent = await sendOne();
      await machine.sleep(sent ? TELL_SPACING_MS : AFTER_FAILURE_MS, closing.signal);
    }
    telling = null;
  }

  return {
    tell() {
      owed = true;
      if (!closing.signal.aborted) telling ??= tellAll();
    },
    async close() {
      closing.abort();
      await line.close();
      await telling;
    },
  };
}

/** Hears what others tell. */
export interface Ear {
  /**
   * Calls `news` for each notification, and whenever one may have been missed, until `closing` or `close`; a connection
   * that is lost is replaced. Never rejects.
   */
  listen(news: () => void, closing: AbortSignal): Promise<void>;
  close(): void;
}

/** @param purpose names the session: one with the name of its process is ended with it when that is taken for dead. */
export function openEar({ address, machine, journalId }: NewsPorts, purpose: () => string): Ear {
  const closed = new AbortController();
  const text = `listen ${newsChannel(journalId)}`;

  /** Listens on one connection until it is lost. True when it came about. */
  async function listenOnce(news: () => void, over: AbortSignal): Promise<boolean> {
    const client = await connect(address, purpose()).catch(() => null);
    if (client === null) return false;
    let heard = false;
    const lost = new AbortController();
    const lose = (): void => lost.abort();
    client.on('error', lose);
    client.on('end', lose);
    client.on('notification', news);
    over.addEventListener('abort', lose);
    try {
      await client.query(text);
      heard = true;
      // What was told while nobody listened.
      news();
      while (!over.aborted && !lost.signal.aborted) {
        await machine.sleep(STILL_THERE_MS, lost.signal);
        if (!lost.signal.aborted) await client.query('select 1');
      }
    } catch {
      // Lost: whoever listens is woken again when there is another one.
    } finally {
      over.removeEventListener('abort', lose);
      endOf(client);
    }
    return heard;
  }

  return {
    async listen(news, closing) {
      const over = AbortSignal.any([closing, closed.signal]);
      let pause = FIRST_PAUSE_MS;
      while (!over.aborted) {
        pause = (await listenOnce(news, over)) ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
        await machine.sleep(pause, over);
      }
    },
    close: () => closed.abort(),
  };
}
