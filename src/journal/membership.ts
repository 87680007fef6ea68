import type { Json } from '../platform/canonical-json.ts';

/** An effect that is owed, as it stands in its queue. */
export interface QueuedEffect {
  readonly execution: string;
  readonly name: string;
  readonly body: Json;
  /** Of one that was claimed: nobody has held it yet, so whatever it asks for was never begun. */
  readonly unbegun?: true;
}

/**
 * A process that has not said for so long that it lives is taken for dead, in ms of the store's clock, and what it
 * held goes to others. Its executions go on within 5 s of its end: this, and the next look of a living process.
 */
export const LEASE_MS = 3_000;

/** How often a process says that it lives, in ms: several may be lost before the lease runs out. */
export const BEAT_MS = 500;

/**
 * How long before the end of its lease a process stops sending calls, in ms: what it has sent by then was sent while
 * nobody else could hold the same effect. Half a second for what it takes to send; the rest is the newest beats, which a crash
 * of PostgreSQL forgets (commits of the last 600 ms: three times `wal_writer_delay`).
 */
export const SEND_MARGIN_MS = 1_100;

/** Work that one process at a time does for all: the Merkle log and its checkpoints, and timers. */
export type Duty = 'log' | 'timers';

/**
 * One process among those that share a journal. Executions have no owner: any process applies an input to any of
 * them. Only what is done in the outside world is held: the process whose commit demands an effect holds it, and a
 * process that is gone loses what it held.
 */
export interface Membership {
  /** Names this process among the living. Another one after the process had been taken for dead. */
  readonly processId: string;
  /** True while nobody else can have taken over what this process holds; judged by the monotonic clock, without asking. */
  holds(): boolean;
  /**
   * Says that this process lives. When it had been taken for dead it joins anew under another id, and holds nothing
   * of what it held before. @throws StoreUnavailableError.
   */
  beat(): Promise<void>;
  /**
   * Takes over effects that nobody living holds: those of the dead, and those committed by a process that performs
   * none. An effect is taken over by one process only. @throws StoreUnavailableError.
   */
  claim(limit: number): Promise<readonly QueuedEffect[]>;
  /** Effects that this process holds, at most `limit` of them. */
  held(limit: number): Promise<readonly QueuedEffect[]>;
  /** Whether the duty is this process's: taken when nobody living has it. @throws StoreUnavailableError. */
  leads(duty: Duty): Promise<boolean>;
  /**
   * Calls `news` when others may have left something to claim, until `closing`. A hint only: it may come late, for
   * nothing or never, and who hears it claims as it does from time to time anyway. Never rejects. Absent where nobody
   * tells.
   */
  readonly listen?: (news: () => void, closing: AbortSignal) => Promise<void>;
  /** Runs work on one target one after the other, over all processes. */
  withTarget<Result>(target: string, work: () => Promise<Result>): Promise<Result>;
  /** Says goodbye: others need not wait for the lease to run out. */
  leave(): Promise<void>;
}
