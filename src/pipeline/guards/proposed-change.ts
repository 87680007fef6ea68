import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import type { Word } from '../access/another-person.ts';

/** A change that takes a safeguard away: proposed by one person, confirmed by another, or never in force. */

export const CHANGED_KINDS = ['policy', 'guard'] as const;

/** What would change, and how. It never changes itself: whoever wants something else proposes that. */
export interface ChangeTerms {
  readonly kind: (typeof CHANGED_KINDS)[number];
  /** Id of the policy or the guard. */
  readonly target: string;
  /** The version that was to be replaced; 0: there was none. */
  readonly baseVersion: number;
  /** The whole of it, as it would be. */
  readonly document: Json;
  /** What it takes away. */
  readonly weakens: readonly string[];
  /** Business time from which on nobody can confirm it, ms since 1970. */
  readonly lapsesAt: number;
}

/** Somebody's word, with all accounts that were known to be theirs. */
export interface Signed extends Word {
  readonly accounts: readonly string[];
}

/** Folded from its records, and the body of its row. */
export interface ProposedChange {
  readonly terms: ChangeTerms;
  readonly hash: string;
  readonly proposed: Signed & { readonly at: number };
  readonly confirmed: (Signed & { readonly at: number }) | null;
  readonly rejected: { readonly by: string; readonly reason: string; readonly at: number } | null;
  /** How many records it has. */
  readonly version: number;
}

export const CHANGE_STATUSES = ['PROPOSED', 'CONFIRMED', 'REJECTED', 'LAPSED'] as const;
export type ChangeStatus = (typeof CHANGE_STATUSES)[number];

/** A record of a proposed change's stream, before it is written or after. */
export type ChangeRecord =
  | {
      readonly type: 'change.proposed';
      readonly at: number;
      readonly data: Signed & { readonly change: ChangeTerms; readonly hash: string };
    }
  | { readonly type: 'change.confirmed'; readonly at: number; readonly data: Signed & { readonly hash: string } }
  | {
      readonly type: 'change.rejected';
      readonly at: number;
      readonly data: { readonly by: string; readonly reason: string };
    };

/** What somebody confirms: everything that was proposed, and by whom. */
export function changeHash(id: string, terms: ChangeTerms, by: string): string {
  return contentHash({ by, id, terms });
}

/** One more record. @throws for one that cannot come next: only `proposed-changes.service.ts` writes them. */
export function evolveChange(before: ProposedChange | null, { type, at, data }: ChangeRecord): ProposedChange {
  if (type === 'change.proposed') {
    invariant(before === null, 'a change is proposed once');
    const { change: terms, hash, by, issuedBy, accounts } = data;
    return { terms, hash, proposed: { by, issuedBy, accounts, at }, confirmed: null, rejected: null, version: 1 };
  }
  invariant(before !== null && storedStatusOf(before) === 'PROPOSED', 'a change was proposed, and is not decided');
  const version = before.version + 1;
  if (type === 'change.rejected') return { ...before, rejected: { by: data.by, reason: data.reason, at }, version };
  const { by, issuedBy, accounts } = data;
  return { ...before, confirmed: { by, issuedBy, accounts, at }, version };
}

/** The change that the records of its stream make, or null where there are none. */
export function foldChange(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): ProposedChange | null {
  // What is in such a stream was written as a `ChangeRecord`.
  return records.reduce<ProposedChange | null>(
    (before, record) => evolveChange(before, record as unknown as ChangeRecord),
    null,
  );
}

/** What the row says. Time goes on without a record, so that LAPSED is never stored. */
export function storedStatusOf({ confirmed, rejected }: ProposedChange): Exclude<ChangeStatus, 'LAPSED'> {
  if (rejected !== null) return 'REJECTED';
  return confirmed === null ? 'PROPOSED' : 'CONFIRMED';
}

/** @param now business time, ms since 1970. */
export function statusOf(change: ProposedChange, now: number): ChangeStatus {
  const stored = storedStatusOf(change);
  return stored === 'PROPOSED' && now >= change.terms.lapsesAt ? 'LAPSED' : stored;
}
