import type { Journal, StoredView, View, ViewKind } from '../journal/journal.ts';
import type { JsonObject } from '../platform/canonical-json.ts';

/** How rows are compared with the records that they follow from: by one source for each kind of thing. */

/** A row that the API shows and that does not follow from the records. */
export interface ForgedRow {
  readonly kind: ViewKind;
  readonly id: string;
  /** The stream whose records say otherwise. */
  readonly stream: string;
  readonly problem: string;
}

/** What a row must be, folded from records: null when there must be none. */
export interface ExpectedRow {
  readonly kind: ViewKind;
  readonly id: string;
  readonly stream: string;
  readonly row: {
    /** What lists filter by. */
    readonly columns: Partial<Record<'status' | 'type' | 'severity' | 'subject' | 'parent' | 'ref', string | null>>;
    /** Members that must be equal; others are only shown (a timeline) or may lag behind (accounts). */
    readonly members: JsonObject;
    readonly membersOf: (view: StoredView) => JsonObject;
  } | null;
}

export interface RowSource {
  readonly kinds: readonly ViewKind[];
  rows(journal: Journal): AsyncGenerator<ExpectedRow | ForgedRow>;
}

export function expectedFrom(view: View, stream: string, members: JsonObject): ExpectedRow {
  const { kind, id, status = null, type = null, severity = null, subject = null, parent = null, ref = null } = view;
  const columns = { status, type, severity, subject, parent, ref };
  return { kind, id, stream, row: { columns, members, membersOf: bodyOf } };
}

export function bodyOf({ body }: StoredView): JsonObject {
  return objectOf(body);
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Rows and records hold objects where they are asked for; what holds none has no members that could be equal. */
export function objectOf(value: StoredView['body']): JsonObject {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : {}; // safe: the line above
}

export function asJson(value: object): StoredView['body'] {
  // Incidents, exemptions, users and keys are plain JSON by their types.
  return value as StoredView['body'];
}
