import { identitiesOf as identitiesOfPerson, overlaps } from '../access/identities.ts';
import { makerOf, type Approval, type Vote, type Voter } from './approval.ts';
import { identitiesOf } from './voices.ts';

export type WithdrawalRefusal =
  'already_decided' | 'expired' | 'account_disabled' | 'service_account' | 'borrowed_credential' | 'not_voted';

export type WithdrawalCheck =
  | { readonly ok: true; readonly votes: readonly Vote[] }
  | { readonly ok: false; readonly code: WithdrawalRefusal; readonly reason: string };

/**
 * The votes that `voter` may take back now: their own, under whichever login, and what somebody else said in their place. Never
 * after the decision, and a denial decides at once. The first rule that refuses is named; the sentence may be shown. Never throws.
 *
 * @param at when it was received, business time, ms since 1970.
 */
export function canWithdraw(approval: Approval, voter: Voter, at: number): WithdrawalCheck {
  if (approval.status !== 'PENDING')
    return refuse('already_decided', `It was already decided: ${approval.status}. No vote can be taken back.`);
  if (at >= approval.expiresAt) return refuse('expired', 'The time to answer is over.');
  if (voter.disabled) return refuse('account_disabled', 'This account is disabled.');
  if (voter.kind !== 'person') return refuse('service_account', 'Service accounts cannot vote; a person must.');
  const own = identitiesOfPerson(voter);
  const votes = approval.votes.filter((vote) => overlaps(identitiesOf(vote), own));
  if (votes.length === 0) return refuse('not_voted', 'You have no vote here that could be taken back.');
  if (!votes.every((vote) => isTrusted(voter, vote)))
    return refuse('borrowed_credential', 'The key was made by somebody else; use one that you made yourself.');
  return { ok: true, votes };
}

/** Whoever made a key for somebody else has seen its secret: with it goes only what was given with a key of the same maker. */
function isTrusted(voter: Voter, vote: Vote): boolean {
  const maker = makerOf(voter);
  return overlaps(maker, identitiesOfPerson(voter)) || overlaps(maker, makerOf(vote));
}

function refuse(code: WithdrawalRefusal, reason: string): WithdrawalCheck {
  return { ok: false, code, reason };
}
