import type { Json, JsonObject } from '../../../platform/canonical-json.ts';
import type { StoredView, View } from '../../../journal/journal.ts';
import type { RunbookSet, SetOrigin } from './runbook-set.ts';

/** What was last taken from Git, as the journal holds it. */

export const SOURCE_STREAM = 'runbook-source/git';
export const SOURCE_ID = 'git';

export interface SyncedChange {
  readonly what: 'added' | 'changed' | 'retired';
  readonly id: string;
  /** In the repository; null: it is not there any more. */
  readonly path: string | null;
  /** The version that was made, or the one that was retired. */
  readonly version: number;
}

export interface StoredSource {
  readonly source: SetOrigin & Pick<RunbookSet, 'previousCommit' | 'history'>;
  /** Who says so: the server that read the repository, or the caller who sent what it read. */
  readonly readBy: 'server' | 'sender';
  /** Whether an older commit, or a history that could not be told, was asked for on purpose. */
  readonly allowOlder: boolean;
  readonly files: readonly { readonly id: string; readonly path: string; readonly blob: string }[];
  readonly changes: readonly SyncedChange[];
  readonly by: string;
  /** Business time, ms since 1970. */
  readonly at: number;
  /** The record that says so. */
  readonly seq: number;
}

export function sourceView(stored: StoredSource, expectedVersion: number): View {
  return { kind: 'runbook-source', id: SOURCE_ID, expectedVersion, at: stored.at, body: sourceAsJson(stored) };
}

export function sourceOf(view: StoredView): StoredSource {
  // Only `sourceView` writes these bodies.
  return view.body as unknown as StoredSource;
}

export function sourceAsJson(stored: Partial<StoredSource>): { readonly [key: string]: Json } {
  return stored as unknown as JsonObject; // plain JSON by its type
}
