import type { Json } from '../../platform/canonical-json.ts';
import type { StoredView, View } from '../../journal/journal.ts';
import { shownTime, type Answer } from '../service.ts';
import type { Severity } from '../vocabulary.ts';
import type { Author, SetOrigin } from './sync/runbook-set.ts';

/** Runbooks as the journal holds them: the text as it was put, and what was made of it. */

export interface RunbookDocument {
  /** The text, byte for byte. */
  readonly source: string;
  readonly format: 'yaml' | 'json';
  /** SHA-256 of the text as UTF-8, hexadecimal. */
  readonly sha256: string;
  readonly enabled: boolean;
  /** From its metadata; null where that does not say. */
  readonly name: string | null;
  readonly owner: string | null;
  readonly declaredVersion: string | null;
  readonly complianceTags: readonly string[];
  readonly playbooks: readonly { readonly severity: Severity; readonly playbookId: string }[];
  /** The commit that it was taken from. Absent: somebody put it. */
  readonly git?: GitOrigin;
}

/** Where a version comes from, as `firebreak sync` took it. */
export interface GitOrigin extends Omit<SetOrigin, 'folder'> {
  readonly path: string;
  /** Object id of its bytes. */
  readonly blob: string;
  /** The last commit that changed the file, and who made that; `commit` is the one that was synced. */
  readonly changedIn: { readonly commitId: string; readonly author: Author };
}

export interface StoredRunbook {
  readonly document: RunbookDocument;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly savedBy: string;
}

export function runbookStream(id: string): string {
  return `runbook/${id}`;
}

/** The row of a runbook; null hides it. */
export function runbookView(id: string, stored: StoredRunbook, expectedVersion: number): View {
  return {
    kind: 'runbook',
    id,
    expectedVersion,
    status: stored.document.enabled ? 'ENABLED' : 'DISABLED',
    at: stored.createdAt,
    body: stored as unknown as Json, // plain JSON by its type
  };
}

export function runbookOf(view: StoredView): StoredRunbook {
  // Only `runbookView` writes these bodies.
  return view.body as unknown as StoredRunbook;
}

/** What a record of a version says of it. */
export function runbookOfRecord(
  record: { readonly at: number; readonly data: Json },
  createdAt: number,
): StoredRunbook {
  // Only `runbooks.service.ts` writes these records.
  const { document, version, by } = record.data as unknown as {
    readonly document: RunbookDocument;
    readonly version: number;
    readonly by: string;
  };
  return { document, version, createdAt, updatedAt: record.at, savedBy: by };
}

/** @param whole with the text; lists leave it out */
export function shownRunbook(id: string, stored: StoredRunbook, whole: boolean): Answer['data'] {
  const { document, version, createdAt, updatedAt, savedBy } = stored;
  const { source, complianceTags, playbooks, git, ...rest } = document;
  return {
    id,
    ...rest,
    complianceTags: [...complianceTags],
    playbooks: playbooks.map((each) => ({ ...each })),
    ...(git === undefined ? {} : { git: git as unknown as Json }), // plain JSON by its type
    ...(whole ? { source } : {}),
    version,
    createdAt: shownTime(createdAt),
    updatedAt: shownTime(updatedAt),
    savedBy,
  };
}
