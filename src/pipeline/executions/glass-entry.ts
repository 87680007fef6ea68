import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { View } from '../../journal/journal.ts';
import { shownTime, type Resource } from '../service.ts';

/** The entry that stays of every use of break-glass. Nothing takes it out: a review is written beside it. */
export interface GlassEntry {
  readonly id: string;
  readonly by: string;
  readonly declarationId: string;
  readonly declarationVersion: number;
  readonly approvalId: string;
  readonly executionId: string;
  readonly actionType: string;
  readonly riskLevel: string;
  readonly intentHash: string;
  readonly reason: string;
  /** Business time, ms since 1970. */
  readonly at: number;
}

export interface GlassReview {
  readonly by: string;
  readonly issuedBy: string;
  readonly note: string;
  readonly at: number;
}

export interface ReviewedEntry {
  readonly entry: GlassEntry;
  /** Each by another person than who used it; the first one makes it reviewed. */
  readonly reviews: readonly GlassReview[];
}

export type GlassRecord =
  | { readonly type: 'glass.used'; readonly at: number; readonly data: { readonly entry: GlassEntry } }
  | { readonly type: 'glass.reviewed'; readonly at: number; readonly data: Omit<GlassReview, 'at'> };

export function glassStream(id: string): string {
  return `break-glass/${id}`;
}

/** The entry that the records of its stream make. @throws for records that are none of such a stream. */
export function foldGlass(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): ReviewedEntry {
  // What is in such a stream was written as a `GlassRecord`.
  const [first, ...reviews] = records as unknown as readonly GlassRecord[];
  invariant(first?.type === 'glass.used', 'an entry begins with the use');
  return reviews.reduce<ReviewedEntry>(
    (before, record) => {
      invariant(record.type === 'glass.reviewed', 'after the use come reviews');
      return { ...before, reviews: [...before.reviews, { ...record.data, at: record.at }] };
    },
    { entry: first.data.entry, reviews: [] },
  );
}

export const UNREVIEWED = 'UNREVIEWED';

/** The row of the list. There is none without it, and no version of it is gone. */
export function glassView({ entry, reviews }: ReviewedEntry): View {
  const { id, actionType, riskLevel, by, approvalId, executionId, at } = entry;
  return {
    kind: 'break-glass',
    id,
    expectedVersion: reviews.length,
    status: reviews.length === 0 ? UNREVIEWED : 'REVIEWED',
    type: actionType,
    severity: riskLevel,
    subject: by,
    parent: approvalId,
    ref: executionId,
    at,
    body: { entry, reviews } as unknown as Json, // plain JSON by its type
  };
}

export function shownGlass({ entry, reviews }: ReviewedEntry): Resource {
  return {
    ...entry,
    at: shownTime(entry.at),
    status: reviews.length === 0 ? UNREVIEWED : 'REVIEWED',
    reviews: reviews.map(({ by, note, at }) => ({ by, note, at: shownTime(at) })),
  };
}
