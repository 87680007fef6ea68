import type { Json } from '../../../platform/canonical-json.ts';
import { invariant } from '../../../platform/errors.ts';
import type { View } from '../../../journal/journal.ts';

/** A message that waits for a regulatory contact on a page: what it holds, who may open it, and who has read it when. */

/** How long a page stays open, in ms: two weeks, longer than every first stage of a clock that is counted in hours. */
export const PORTAL_LIFETIME_MS = 14 * 24 * 3_600_000;
/** How long a one-time code can be used, in ms: it is read out in a call. */
export const CODE_LIFETIME_MS = 15 * 60_000;
/** Wrong codes after which the present one is void: 2^50 codes and 5 tries leave nothing to guess. */
export const MAX_WRONG_CODES = 5;
/** Codes of one message: somebody who needs more has another problem. */
export const MAX_CODES = 20;
/** Readings of one message that are kept and allowed. */
export const MAX_READINGS = 100;

/** What waits. It never changes: a later version of the draft is another message. */
export interface PortalMessage {
  readonly contactId: string;
  readonly draftId: string;
  readonly incidentId: string;
  readonly title: string;
  readonly lines: readonly string[];
  /** The draft as it was then, and its SHA-256: what a reading is a receipt of. */
  readonly text: string;
  readonly hash: string;
  readonly expiresAt: number;
}

/** From where somebody came, as far as it is known. */
export interface Origin {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

export interface Reading extends Origin {
  /** `contact/<id>` by a code, or the id of a user by their own session. */
  readonly by: string;
  readonly provenBy: 'code' | 'session';
  readonly hash: string;
  readonly at: number;
}

/** Folded from its records, and the body of its row. */
export interface Portal {
  readonly message: PortalMessage;
  readonly openedAt: number;
  /** The one code that counts now; its digest is keyed, so that the record tells nobody the code. */
  readonly code: {
    readonly digest: string;
    readonly by: string;
    readonly expiresAt: number;
    readonly wrong: number;
  } | null;
  readonly codesIssued: number;
  readonly readings: readonly Reading[];
  readonly revoked: { readonly by: string; readonly reason: string; readonly at: number } | null;
  readonly changedAt: number;
  readonly version: number;
}

export const PORTAL_STATUSES = ['UNREAD', 'READ', 'REVOKED'] as const;
export type PortalStatus = (typeof PORTAL_STATUSES)[number];

/** A record of a message's stream. */
export type PortalRecord = { readonly at: number } & (
  | { readonly type: 'portal.opened'; readonly data: { readonly message: PortalMessage } }
  | {
      readonly type: 'portal.code_issued';
      readonly data: { readonly by: string; readonly digest: string; readonly expiresAt: number };
    }
  | { readonly type: 'portal.refused'; readonly data: Origin & { readonly left: number } }
  | { readonly type: 'portal.read'; readonly data: Omit<Reading, 'at'> }
  | { readonly type: 'portal.revoked'; readonly data: { readonly by: string; readonly reason: string } }
);

/** One record more. @throws for one that cannot come next. */
export function evolvePortal(before: Portal | null, { type, at, data }: PortalRecord): Portal {
  if (type === 'portal.opened') {
    invariant(before === null, 'a message is opened once');
    const nothing = { code: null, codesIssued: 0, readings: [], revoked: null };
    return { message: data.message, openedAt: at, ...nothing, changedAt: at, version: 1 };
  }
  invariant(before !== null && before.revoked === null, 'a message was opened, and is not revoked');
  const next = { ...before, changedAt: at, version: before.version + 1 };
  switch (type) {
    case 'portal.code_issued':
      return { ...next, code: { ...data, wrong: 0 }, codesIssued: before.codesIssued + 1 };
    case 'portal.refused':
      return {
        ...next,
        code: before.code === null || data.left === 0 ? null : { ...before.code, wrong: before.code.wrong + 1 },
      };
    case 'portal.read': {
      // A code is worth one reading.
      const code = data.provenBy === 'code' ? null : before.code;
      return { ...next, code, readings: [...before.readings, { ...data, at }] };
    }
    case 'portal.revoked':
      return { ...next, code: null, revoked: { ...data, at } };
    default:
      return type;
  }
}

/** The message that the records of its stream make, or null where there are none. */
export function foldPortal(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Portal | null {
  // What is in such a stream was written as a `PortalRecord`.
  return records.reduce<Portal | null>(
    (before, record) => evolvePortal(before, record as unknown as PortalRecord),
    null,
  );
}

export function portalStatusOf({ readings, revoked }: Portal): PortalStatus {
  if (revoked !== null) return 'REVOKED';
  return readings.length > 0 ? 'READ' : 'UNREAD';
}

/** Whether anybody can still open it. @param now business time, ms since 1970. */
export function isOpenPortal({ message, revoked, readings }: Portal, now: number): boolean {
  return revoked === null && now < message.expiresAt && readings.length < MAX_READINGS;
}

export function portalStream(id: string): string {
  return `portal/${id}`;
}

/** The row of a message. */
export function portalView(id: string, portal: Portal): Omit<View, 'expectedVersion'> {
  const { incidentId, draftId, contactId } = portal.message;
  return {
    kind: 'portal',
    id,
    status: portalStatusOf(portal),
    subject: contactId,
    parent: incidentId,
    ref: draftId,
    at: portal.openedAt,
    body: portal as unknown as Json, // plain JSON by its type
  };
}
