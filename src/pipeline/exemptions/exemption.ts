import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import { contentHash } from '../../platform/hash.ts';
import type { Word } from '../access/another-person.ts';
import type { GateExemption } from '../playbooks/plan.ts';
import type { ActionType } from '../vocabulary.ts';
import type { AppliesTo } from './proposal.ts';

/** What two people agree on. It never changes: whoever wants something else proposes that. */
export interface Terms {
  readonly policyId: string;
  readonly policyVersion: number;
  readonly gateName: string;
  /** Content hash of the gate as it read: from a gate that reads otherwise nobody is exempt. */
  readonly gateHash: string;
  readonly appliesTo: AppliesTo;
  readonly reason: string;
  /** Business times, ms since 1970. */
  readonly expiresAt: number;
  /** From here on nobody can confirm it any more. */
  readonly lapsesAt: number;
}

/** Somebody's word on an exemption, with all accounts that were known to be theirs. */
export interface Signature extends Word {
  readonly accounts: readonly string[];
  readonly at: number;
}

/** Folded from its records, and the body of its row. */
export interface Exemption {
  readonly terms: Terms;
  readonly hash: string;
  readonly proposed: Signature;
  readonly confirmed: Signature | null;
  readonly revoked: { readonly by: string; readonly reason: string; readonly at: number } | null;
  /** How many records it has. */
  readonly version: number;
}

export const EXEMPTION_STATUSES = ['PROPOSED', 'IN_FORCE', 'EXPIRED', 'REVOKED'] as const;
export type ExemptionStatus = (typeof EXEMPTION_STATUSES)[number];

/** A record of an exemption's stream, before it is written or after. */
export type ExemptionRecord =
  | { readonly type: 'exemption.proposed'; readonly at: number; readonly data: Word & Proposed }
  | { readonly type: 'exemption.confirmed'; readonly at: number; readonly data: Word & Confirmed }
  | {
      readonly type: 'exemption.revoked';
      readonly at: number;
      readonly data: { readonly by: string; readonly reason: string };
    };
interface Proposed {
  readonly exemption: Terms;
  readonly accounts: readonly string[];
  readonly hash: string;
}
type Confirmed = Omit<Proposed, 'exemption'>;

/** What somebody confirms: everything that was proposed, and by whom. */
export function proposalHash(id: string, terms: Terms, by: string): string {
  return contentHash({ by, id, terms });
}

/** One more record. @throws for one that cannot come next: only `exemptions.service.ts` writes them. */
export function evolveExemption(before: Exemption | null, { type, at, data }: ExemptionRecord): Exemption {
  if (type === 'exemption.proposed') {
    invariant(before === null, 'an exemption is proposed once');
    const { exemption: terms, hash, by, issuedBy, accounts } = data;
    return { terms, hash, proposed: { by, issuedBy, accounts, at }, confirmed: null, revoked: null, version: 1 };
  }
  invariant(before !== null && before.revoked === null, 'an exemption was proposed, and is not revoked');
  const version = before.version + 1;
  if (type === 'exemption.revoked') return { ...before, revoked: { by: data.by, reason: data.reason, at }, version };
  const { by, issuedBy, accounts } = data;
  return { ...before, confirmed: { by, issuedBy, accounts, at }, version };
}

/** The exemption that the records of its stream make, or null where there are none. */
export function foldExemption(
  records: readonly { readonly type: string; readonly at: number; readonly data: { readonly [key: string]: Json } }[],
): Exemption | null {
  // What is in such a stream was written as an `ExemptionRecord`.
  return records.reduce<Exemption | null>(
    (before, record) => evolveExemption(before, record as unknown as ExemptionRecord),
    null,
  );
}

/** What the row of the list says. Time goes on without a record, so that EXPIRED is never stored. */
export function storedStatusOf({ confirmed, revoked }: Exemption): Exclude<ExemptionStatus, 'EXPIRED'> {
  if (revoked !== null) return 'REVOKED';
  return confirmed === null ? 'PROPOSED' : 'IN_FORCE';
}

/** @param now business time, ms since 1970. */
export function statusOf(exemption: Exemption, now: number): ExemptionStatus {
  const stored = storedStatusOf(exemption);
  const { expiresAt, lapsesAt } = exemption.terms;
  if (stored === 'PROPOSED') return now < lapsesAt ? stored : 'EXPIRED';
  if (stored === 'IN_FORCE') return now < expiresAt ? stored : 'EXPIRED';
  return stored;
}

/** An exemption that two people agreed on, with what is decided when a plan is made. */
export interface ExemptionInForce extends GateExemption {
  readonly policyId: string;
  readonly gateName: string;
  readonly gateHash: string;
  readonly playbookIds?: readonly string[];
  readonly actionTypes?: readonly ActionType[];
}

/** What plans are bound to, of one that is confirmed. */
export function inForceOf(id: string, { terms, proposed, confirmed }: Exemption): ExemptionInForce {
  invariant(confirmed !== null, 'an exemption in force was confirmed');
  const { policyId, gateName, gateHash, appliesTo, expiresAt } = terms;
  const accounts = [...new Set([...proposed.accounts, ...confirmed.accounts])].sort();
  return {
    id,
    policyId,
    gateName,
    gateHash,
    proposedBy: proposed.by,
    confirmedBy: confirmed.by,
    accounts,
    expiresAt,
    ...appliesTo,
  };
}
