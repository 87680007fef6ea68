import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { View } from '../../journal/journal.ts';
import type { Word } from '../access/another-person.ts';
import { ERASED } from '../persons/personal-texts.ts';

/** The erasure of one person: asked for by one, agreed to by another, waiting for what needs the person, and then done. */
export interface Erasure {
  /** The account; `[erased]` when all is done. */
  readonly account: string;
  readonly reason: string;
  /** A ticket or a letter; null: none. */
  readonly reference: string | null;
  readonly requested: Word & { readonly at: number };
  readonly confirmed: (Word & { readonly at: number }) | null;
  readonly withdrawn: { readonly by: string; readonly reason: string; readonly at: number } | null;
  /** From here on it cannot be taken back: the key is being destroyed. */
  readonly begun: {
    readonly at: number;
    /** Whom the key was of: a pseudonym; null: no record held texts under one. */
    readonly person: string | null;
    readonly streams: number;
  } | null;
  /** Events that are needed to tell repeats go when they are old enough: business time from which on they do. */
  readonly eventsAfter: number | null;
  readonly done: { readonly at: number } | null;
  readonly changedAt: number;
  /** How many records it has. */
  readonly version: number;
}

export type ErasureRecord = { readonly at: number } & (
  | {
      readonly type: 'erasure.requested';
      readonly data: Word & { readonly account: string; readonly reason: string; readonly reference: string | null };
    }
  | { readonly type: 'erasure.confirmed'; readonly data: Word }
  | { readonly type: 'erasure.withdrawn'; readonly data: { readonly by: string; readonly reason: string } }
  | {
      readonly type: 'erasure.begun';
      readonly data: { readonly person: string | null; readonly streams: number; readonly eventsAfter: number };
    }
  | { readonly type: 'erasure.done'; readonly data: { readonly person: string | null } }
);

export const ERASURE_STATUSES = ['REQUESTED', 'WAITING', 'ERASING', 'DONE', 'WITHDRAWN'] as const;
export type ErasureStatus = (typeof ERASURE_STATUSES)[number];

export function erasureStream(id: string): string {
  return `erasure/${id}`;
}

/** `WAITING`: agreed to, and something may still need the person. `ERASING`: it cannot be taken back any more. */
export function statusOf({ confirmed, withdrawn, begun, done }: Erasure): ErasureStatus {
  if (withdrawn !== null) return 'WITHDRAWN';
  if (done !== null) return 'DONE';
  if (begun !== null) return 'ERASING';
  return confirmed === null ? 'REQUESTED' : 'WAITING';
}

/** One record more. @throws for one that cannot come next. */
export function evolveErasure(before: Erasure | null, { type, at, data }: ErasureRecord): Erasure {
  if (type === 'erasure.requested') {
    invariant(before === null, 'an erasure is asked for once');
    const { account, reason, reference, by, issuedBy } = data;
    const nothing = { confirmed: null, withdrawn: null, begun: null, eventsAfter: null, done: null };
    return { account, reason, reference, requested: { by, issuedBy, at }, ...nothing, changedAt: at, version: 1 };
  }
  invariant(
    before !== null && before.withdrawn === null && before.done === null,
    'an erasure was asked for, and goes on',
  );
  const next = { ...before, changedAt: at, version: before.version + 1 };
  switch (type) {
    case 'erasure.confirmed':
      invariant(before.confirmed === null, 'an erasure is agreed to once');
      return { ...next, confirmed: { ...data, at } };
    case 'erasure.withdrawn':
      invariant(before.begun === null, 'what has begun is not taken back');
      return { ...next, withdrawn: { ...data, at } };
    case 'erasure.begun':
      invariant(before.confirmed !== null && before.begun === null, 'it begins once, when it was agreed to');
      // The account itself is needed until its last events are found.
      return {
        ...next,
        ...(data.person === null ? {} : { reason: ERASED, reference: before.reference === null ? null : ERASED }),
        begun: { at, person: data.person, streams: data.streams },
        eventsAfter: data.eventsAfter,
      };
    case 'erasure.done':
      invariant(before.begun !== null, 'what is done had begun');
      return { ...next, ...(data.person === null ? {} : { account: ERASED }), done: { at } };
  }
}

/** The erasure that the records of its stream make, or null where there are none. */
export function foldErasure(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Erasure | null {
  // What is in such a stream was written as an `ErasureRecord`.
  return (records as unknown as readonly ErasureRecord[]).reduce<Erasure | null>(evolveErasure, null);
}

/** The row of the list. */
export function erasureView(id: string, erasure: Erasure): View {
  return {
    kind: 'erasure',
    id,
    expectedVersion: null,
    status: statusOf(erasure),
    at: erasure.requested.at,
    body: erasure as unknown as Json, // plain JSON by its type
  };
}
