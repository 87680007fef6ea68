import { identitiesOf } from '../access/identities.ts';
import type { Reversibility } from '../actions/contract.ts';
import type { GlassInForce } from '../guards/break-glass.ts';
import { SEVERITIES, type ActionType, type Severity } from '../vocabulary.ts';
import { exclusionOf, type Approval, type Ballot, type Voter, type VoteRefusal } from './approval.ts';

/**
 * Whether one person may decide alone, because two others said so beforehand and nobody who may approve can be reached. Every
 * rule that keeps people from deciding about themselves stays as it is.
 */

export type GlassRefusal =
  | Extract<
      VoteRefusal,
      | 'already_decided'
      | 'expired'
      | 'intent_changed'
      | 'account_disabled'
      | 'service_account'
      | 'role_missing'
      | 'requester'
      | 'subject'
      | 'author'
      | 'borrowed_credential'
      | 'not_named'
      | 'passkey_needed'
    >
  | 'wrong_door'
  | 'not_declared'
  | 'declaration_ended'
  | 'used_up'
  | 'paused'
  | 'not_a_gate'
  | 'action_not_declared'
  | 'risk_not_declared'
  | 'irreversible'
  | 'above_floor';

export type GlassCheck =
  { readonly ok: true } | { readonly ok: false; readonly code: GlassRefusal; readonly reason: string };

/** What the approval is about. */
export interface GlassSubject {
  /** Only a gate: neither a question nor a full hour. */
  readonly isGate: boolean;
  readonly actionType: ActionType;
  readonly riskLevel: Severity;
  readonly reversibility: Reversibility;
  /** More targets than one person decides about, or one that is protected. */
  readonly isAboveFloor: boolean;
}

/** Who asks, with what, and what was known then. */
export interface GlassUse extends Ballot {
  readonly voter: Voter;
  /** Absent: an API key. */
  readonly provenBy?: string;
  readonly declaration: GlassInForce | null;
  /** Which use within a day it is, counted from 1. */
  readonly use: number;
  readonly paused: boolean;
}

/** The first rule that refuses is named; the sentence may be shown. Never throws. */
export function canBreakGlass(approval: Approval, subject: GlassSubject, given: GlassUse): GlassCheck {
  return openness(approval, given) ?? ownership(approval, given) ?? declared(subject, given) ?? { ok: true };
}

type Refused = GlassCheck & { readonly ok: false };

/** Whether there is anything left to decide, as it was shown. */
function openness(approval: Approval, given: GlassUse): Refused | null {
  if (approval.status !== 'PENDING') return refuse('already_decided', `It was already decided: ${approval.status}.`);
  if (approval.votes.some(({ decision }) => decision === 'DENY'))
    return refuse('already_decided', 'It was denied: nobody breaks a denial.');
  if (given.at >= approval.expiresAt) return refuse('expired', 'The time to answer is over.');
  if (given.intentHash !== approval.intentHash)
    return refuse('intent_changed', 'What is to be approved changed since it was shown; look at it again.');
  if (approval.requirePasskey === true)
    return refuse('passkey_needed', 'A passkey is needed to approve this, and nobody decides alone without one.');
  if (given.paused) return refuse('paused', 'Everything is paused: two people have to resume it first.');
  return null;
}

/** Whether it is this person, by something that only they have, and none of those whom it concerns. */
function ownership(approval: Approval, { voter, provenBy }: GlassUse): Refused | null {
  if (voter.disabled) return refuse('account_disabled', 'This account is disabled.');
  if (voter.kind !== 'person') return refuse('service_account', 'A service account cannot; a person must.');
  if (voter.mayVote === false) return refuse('role_missing', 'No role of this person includes approval.vote.');
  if (provenBy !== undefined && provenBy !== 'session')
    return refuse('wrong_door', 'Only by a session or by a key of your own, never by a link or from a chat.');
  if (voter.issuedBy !== voter.userId)
    return refuse('borrowed_credential', 'Somebody else made this key; use one that you made yourself.');
  const excluded = exclusionOf(approval, identitiesOf(voter));
  // Its codes are those of a vote that concerns the voter.
  return excluded === null ? null : refuse(excluded.code as GlassRefusal, excluded.reason);
}

/** Whether two people said beforehand that this person may, for this. */
function declared(subject: GlassSubject, { declaration, voter, use, at }: GlassUse): Refused | null {
  if (declaration === null)
    return refuse('not_declared', 'No break-glass is declared: two people have to, beforehand.');
  if (at >= declaration.expiresAt) return refuse('declaration_ended', 'The declaration has ended.');
  if (!declaration.people.includes(voter.userId))
    return refuse('not_named', 'The declaration does not name this account.');
  if (!subject.isGate) return refuse('not_a_gate', 'Only a gate can be broken: neither a question nor a full hour.');
  if (!declaration.actionTypes.includes(subject.actionType))
    return refuse('action_not_declared', `It is not declared for ${subject.actionType}.`);
  if (SEVERITIES.indexOf(subject.riskLevel) > SEVERITIES.indexOf(declaration.maxRiskLevel))
    return refuse(
      'risk_not_declared',
      `It is declared up to ${declaration.maxRiskLevel}, and this is ${subject.riskLevel}.`,
    );
  if (subject.reversibility === 'irreversible' && !declaration.irreversible)
    return refuse('irreversible', 'It cannot be undone, and the declaration does not say that it may be done.');
  if (subject.isAboveFloor)
    return refuse(
      'above_floor',
      'It is about a protected identity, or about more targets than one person decides about.',
    );
  if (use > declaration.usesPerDay)
    return refuse('used_up', `It may be used ${declaration.usesPerDay} times a day, and was.`);
  return null;
}

function refuse(code: GlassRefusal, reason: string): Refused {
  return { ok: false, code, reason };
}
