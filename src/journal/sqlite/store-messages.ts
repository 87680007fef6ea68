import { StoreUnavailableError } from '../journal.ts';
import type { FileIdentity } from './own-files.ts';
import type { Store } from './store.ts';

/** What the thread is given when it starts. */
export interface StoreThreadData {
  readonly file: string;
  readonly identities: readonly FileIdentity[];
}

/** A call of a `Store`, as it goes to the thread. */
export type StoreCall =
  | { readonly [Name in keyof Store]: { readonly name: Name; readonly given: Parameters<Store[Name]> } }[keyof Store]
  | { readonly name: 'close' };

export interface StoreRequest {
  readonly id: number;
  readonly call: StoreCall;
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
