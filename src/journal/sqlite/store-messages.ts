import { StoreUnavailableError } from '../journal.ts';
import type { LongReadRows } from './long-reads.ts';
import type { FileIdentity } from './own-files.ts';
import type { Store } from './store.ts';

/** What a thread is given when it starts. */
export interface StoreThreadData {
  readonly file: string;
  readonly identities: readonly FileIdentity[];
}

/** Calls of a `Store` and of `LongReadRows`, as they go to a thread. A thread is asked for one kind of them only. */
export type StoreCall = CallOf<Store, keyof Store>;
export type ReadCall = CallOf<LongReadRows, keyof LongReadRows>;
export type ThreadCall = StoreCall | ReadCall | { readonly name: 'close' };

type CallOf<Calls extends Record<Names, (...given: never[]) => unknown>, Names extends keyof Calls> = {
  readonly [Name in Names]: { readonly name: Name; readonly given: Parameters<Calls[Name]> };
}[Names];

export interface StoreRequest {
  readonly id: number;
  readonly call: ThreadCall;
}

/** The answer to the request of that id. */
export type StoreAnswer =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly fault: Fault };

/** An error on its way between threads: of a class of our own nothing but its members would arrive. */
interface Fault {
  readonly message: string;
  /** Whether it may have been written; null: the store is well, it was the caller's mistake. */
  readonly unknown: boolean | null;
  readonly stack: string | undefined;
}

export function faultOf(thrown: unknown): Fault {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const unknown = thrown instanceof StoreUnavailableError ? thrown.unknown : null;
  return { message: error.message, unknown, stack: error.stack };
}

export function errorOf({ message, unknown, stack }: Fault): Error {
  if (unknown !== null) return new StoreUnavailableError(message, unknown);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
