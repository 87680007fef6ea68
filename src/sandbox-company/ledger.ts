import { sha256Hex } from '../platform/hash.ts';
import { Refusal } from './company.ts';

/**
 * What really happened here, kept apart from the state: every applied effect in order, how often each key was
 * sent, and the reply that a repeat gets. A test proves "nothing twice, nothing missing" with it.
 */

export interface LedgerEffect {
  readonly seq: number;
  readonly effect: string;
  readonly target: string;
  readonly key: string | null;
  /** Business time, ms since 1970. */
  readonly at: number;
}

export interface StoredReply {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Ledger {
  /** Counts a changing request, whatever becomes of it. */
  countRequest(key: string | null): void;
  /** The reply stored under the key, when the request is the same one; counted as a repeat. */
  replayOf(key: string, fingerprint: string): StoredReply | null;
  /** True when the key was used for another request. */
  isMismatch(key: string, fingerprint: string): boolean;
  record(
    key: string | null,
    fingerprint: string,
    at: number,
    applied: readonly { readonly effect: string; readonly target: string }[],
    reply: StoredReply,
  ): void;
  /** 507 before the work when the ledger is full: it never forgets silently. */
  assertRoom(): void;
  effects(after: number, limit: number): readonly LedgerEffect[];
  counts(): LedgerCounts;
  clear(): void;
}

export interface LedgerCounts {
  readonly effects: number;
  readonly requests: number;
  readonly repeats: number;
  /** Requests and repeats for each key, in order of first use. */
  readonly byKey: ReadonlyMap<string, { readonly requests: number; readonly repeats: number }>;
}

/** Effects and keys that are kept: an hour at 500 effects/s needs 1.8 million, so benchmarks may raise it. */
export const DEFAULT_MAX_LEDGER_ENTRIES = 1_000_000;

/** A name for the request, so that a key that comes with another one is noticed. */
export function fingerprintOf(method: string, path: string, ifMatch: string, body: string): string {
  return sha256Hex(`${method}\n${path}\n${ifMatch}\n${body}`);
}

export function createLedger(maxEntries: number): Ledger {
  const effects: LedgerEffect[] = [];
  const replies = new Map<string, { readonly fingerprint: string; readonly reply: StoredReply }>();
  const byKey = new Map<string, { requests: number; repeats: number }>();
  let requests = 0;
  let repeats = 0;

  return {
    countRequest(key) {
      requests += 1;
      if (key === null) return;
      const count = byKey.get(key);
      if (count !== undefined) count.requests += 1;
      else if (byKey.size < maxEntries) byKey.set(key, { requests: 1, repeats: 0 });
    },
    replayOf(key, fingerprint) {
      const stored = replies.get(key);
      if (stored === undefined || stored.fingerprint !== fingerprint) return null;
      repeats += 1;
      const count = byKey.get(key);
      if (count !== undefined) count.repeats += 1;
      return stored.reply;
    },
    isMismatch(key, fingerprint) {
      const stored = replies.get(key);
      return stored !== undefined && stored.fingerprint !== fingerprint;
    },
    record(key, fingerprint, at, applied, reply) {
      for (const entry of applied) effects.push({ seq: effects.length + 1, ...entry, key, at });
      if (key !== null) replies.set(key, { fingerprint, reply });
    },
    assertRoom() {
      if (effects.length >= maxEntries || replies.size >= maxEntries) {
        throw new Refusal(507, 'ledger_full', `the ledger keeps ${maxEntries} entries and forgets none`);
      }
    },
    effects: (after, limit) => effects.slice(after, after + limit),
    counts: () => ({ effects: effects.length, requests, repeats, byKey }),
    clear() {
      effects.length = 0;
      replies.clear();
      byKey.clear();
      requests = 0;
      repeats = 0;
    },
  };
}
