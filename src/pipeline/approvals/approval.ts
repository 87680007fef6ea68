import { canonicalAccount, identitiesOf, overlaps } from '../access/identities.ts';
import type { PlanGate, Requirement } from '../playbooks/plan.ts';
import type { Role } from '../vocabulary.ts';
import type { AutomaticAnswer } from './automatic.ts';
import { deniesApproval, isAwaited, peopleNeeded, seatedServices, type AskedService } from './external-approver.ts';
import { coversRequirements, type Candidate } from './quorum.ts';
import { countsFor, type Login } from './seats.ts';

/** What a request to people is: whom it needs, whom it excludes, and who has answered so far. Plain data. */
export interface Approval {
  readonly id: string;
  /** What was shown: see `intentHash`. A vote for another hash is refused. */
  readonly intentHash: string;
  /** Every gate that asks for it, kept whole for the record. Empty for a question. */
  readonly gates: readonly PlanGate[];
  /** Disjoint: one person fills at most one place of all of them together. */
  readonly requirements: readonly Requirement[];
  /** Total of different people who must approve; at least 1. */
  readonly requiredApprovers: number;
  /** Who asked for the execution: a user id, or `engine` for an automatic one. */
  readonly requester: string;
  /** Accounts that the incident is about: nobody decides about their own. */
  readonly subjectIds: readonly string[];
  /** Who wrote or last changed the step that is to be approved. */
  readonly authorIds: readonly string[];
  readonly votes: readonly Vote[];
  /** Services outside that are asked as well, and what they said. Absent: none. */
  readonly services?: readonly AskedService[];
  /** Gates that their own conditions answered. Where no other asks, `gates` are these. Absent: none. */
  readonly automatic?: readonly AutomaticAnswer[];
  /** Steps by which it is escalated as long as it is not decided, in their order. Absent: none. */
  readonly escalationPath?: PlanGate['escalationPath'];
  /** The steps that were taken. Absent: none. */
  readonly escalations?: readonly Escalation[];
  /** Business time after which no vote counts, ms since 1970. */
  readonly expiresAt: number;
  readonly status: ApprovalStatus;
}

export const APPROVAL_STATUSES = ['PENDING', 'APPROVED', 'DENIED', 'EXPIRED', 'VOIDED'] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export interface Escalation {
  readonly level: number;
  readonly delayMs: number;
  readonly escalateTo: string;
  /** Business time, ms since 1970. */
  readonly at: number;
}

/** Somebody who wants to vote, as known at that moment. */
export interface Voter {
  readonly userId: string;
  readonly kind: 'person' | 'service';
  readonly roles: readonly Role[];
  readonly disabled: boolean;
  /** The accounts this person is elsewhere, other logins here included. */
  readonly linkedAccounts: readonly string[];
  /** Who made the credential that is used: that person has seen its secret, and could be voting. */
  readonly issuedBy: string;
  /** Other accounts of whoever made it. Absent: the voter did, or it was not asked (records of the first version). */
  readonly issuerAccounts?: readonly string[];
}

/** An answer that was admitted by `canVote`, with what made the voter eligible at that moment. */
export interface Vote {
  readonly userId: string;
  readonly kind: 'person' | 'service';
  readonly roles: readonly Role[];
  readonly linkedAccounts: readonly string[];
  readonly issuedBy: string;
  readonly issuerAccounts?: readonly string[];
  readonly decision: 'APPROVE' | 'DENY';
  readonly intentHash: string;
  /** Business time, ms since 1970. */
  readonly at: number;
  readonly comment: string | null;
  /** How the voter proved who they are. Absent: by an API key. */
  readonly provenBy?: string;
}

/** The present verdict; `approved` and `denied` are final. */
export type Verdict = 'pending' | 'approved' | 'denied';

export type VoteRefusal =
  | 'already_decided'
  | 'expired'
  | 'intent_changed'
  | 'account_disabled'
  | 'service_account'
  | 'requester'
  | 'subject'
  | 'author'
  | 'already_voted'
  | 'borrowed_credential'
  | 'role_missing'
  | 'not_named';

export type VoteCheck =
  { readonly ok: true } | { readonly ok: false; readonly code: VoteRefusal; readonly reason: string };

/** What the voter was shown, and when the vote was received (business time, ms since 1970). */
export interface Ballot {
  readonly intentHash: string;
  readonly at: number;
}

/**
 * Whether `voter` may answer `approval` now, for approving and denying alike. The first rule that refuses is
 * named; the sentence may be shown to the voter. Never throws.
 *
 * Identities are compared in canonical form (NFC, lower case) with the voter's linked accounts included, so that a
 * second login of the requester, of the subject or of somebody who has voted is the same person.
 */
export function canVote(approval: Approval, voter: Voter, ballot: Ballot): VoteCheck {
  if (approval.status !== 'PENDING') return refuse('already_decided', `It was already decided: ${approval.status}.`);
  if (countVotes(approval) !== 'pending')
    return refuse('already_decided', 'It was already decided by the votes given.');
  if (ballot.at >= approval.expiresAt) return refuse('expired', 'The time to answer is over.');
  if (ballot.intentHash !== approval.intentHash) {
    return refuse('intent_changed', 'What is to be approved changed since it was shown; look at it again.');
  }
  if (voter.disabled) return refuse('account_disabled', 'This account is disabled.');
  if (voter.kind !== 'person') return refuse('service_account', 'Service accounts cannot vote; a person must.');
  const identities = identitiesOf(voter);
  const excluded = exclusionOf(approval, identities);
  if (excluded !== null) return excluded;
  if (approval.votes.some((vote) => overlaps(identitiesOf(vote), identities))) {
    return refuse('already_voted', 'This person has already voted, under this or another login.');
  }
  if (isBorrowed(approval, voter, identities)) {
    return refuse('borrowed_credential', BORROWED);
  }
  if (isAsked(approval, voter)) return { ok: true };
  const roles = requiredRoles(approval);
  if (voter.roles.some((role) => roles.includes(role)))
    return refuse(
      'not_named',
      'Of the people with this role only those whom the gate names may answer, and you are not one.',
    );
  return refuse('role_missing', `One of these roles is needed: ${roles.join(', ')}.`);
}

/**
 * The verdict of the votes given: any deny wins; `approved` needs `requiredApprovers` different people, and a
 * distinct one of them for each place of each requirement. A function of the *set* of votes: their order does not
 * matter, and votes admitted by `canVote` never turn an approval back.
 *
 * A service outside that the gates name is heard by its recorded answer alone: its deny is one, where it has a place its
 * approval fills that place, and where it has none its answer is awaited.
 *
 * Eligibility is checked again here (approve votes of services, excluded people, other intents, or received at or
 * after the expiry count nothing), so that a fault in a caller cannot approve anything.
 */
export function countVotes(approval: Approval): Verdict {
  if (approval.votes.some((vote) => vote.decision === 'DENY')) return 'denied';
  if (deniesApproval(approval)) return 'denied';
  if (isAwaited(approval)) return 'pending';
  const people = [...peopleOf(approval.votes.filter((vote) => counts(approval, vote))), ...seatedServices(approval)];
  if (people.length < Math.max(1, approval.requiredApprovers)) return 'pending';
  if (approval.services !== undefined && people.filter(({ human }) => human).length < peopleNeeded(approval.gates))
    return 'pending';
  return coversRequirements(approval.requirements, people, escalatedMsOf(approval)) ? 'approved' : 'pending';
}

/** Roles that a voter may have, each once, sorted, without those to whom it was escalated. */
export function requiredRoles(approval: Pick<Approval, 'requirements'>): readonly Role[] {
  return [...new Set(approval.requirements.flatMap((requirement) => requirement.roles))].sort();
}

function counts(approval: Approval, vote: Vote): boolean {
  return (
    vote.kind === 'person' &&
    vote.intentHash === approval.intentHash &&
    vote.at < approval.expiresAt &&
    exclusionOf(approval, identitiesOf(vote)) === null &&
    isAsked(approval, vote)
  );
}

function exclusionOf(approval: Approval, identities: ReadonlySet<string>): (VoteCheck & { ok: false }) | null {
  const among = (ids: readonly string[]): boolean => ids.some((id) => identities.has(canonicalAccount(id)));
  if (among([approval.requester])) return refuse('requester', 'Nobody approves their own request.');
  if (among(approval.subjectIds)) return refuse('subject', 'The incident is about an account of this person.');
  if (among(approval.authorIds)) return refuse('author', 'This person wrote the step that is to be approved.');
  return null;
}

const BORROWED =
  'The key was made by somebody who may not answer this, or who could be behind another vote; vote with a key that you made yourself.';

/**
 * Whether one person could stand behind two voices, or behind one that is not theirs to raise: whoever made a key for somebody
 * else has seen its secret. So a key does not count beside its maker's own vote, in either order, nor beside another key of
 * that maker, nor where its maker may not answer.
 */
function isBorrowed(approval: Approval, voter: Voter, identities: ReadonlySet<string>): boolean {
  const maker = makerOf(voter);
  if (exclusionOf(approval, maker) !== null) return true;
  return approval.votes.some((vote) => {
    const other = makerOf(vote);
    return overlaps(identitiesOf(vote), maker) || overlaps(other, identities) || overlaps(other, maker);
  });
}

/** Who has seen the secret, because they made it. */
function makerOf({ issuedBy, issuerAccounts = [] }: Voter | Vote): ReadonlySet<string> {
  return identitiesOf({ userId: issuedBy, linkedAccounts: issuerAccounts });
}

/** Whether the account counts for a place of the approval, as far as it was escalated. */
function isAsked(approval: Approval, login: Login): boolean {
  const escalatedMs = escalatedMsOf(approval);
  return approval.requirements.some((requirement) => countsFor(requirement, login, escalatedMs));
}

function escalatedMsOf({ escalations = [] }: Approval): number {
  return Math.max(-1, ...escalations.map(({ delayMs }) => delayMs));
}

/**
 * Groups votes into people: two votes whose identities overlap, also through a third vote, are one person with the
 * accounts of all of them. Order of the votes does not matter.
 */
function peopleOf(votes: readonly Vote[]): readonly Candidate[] {
  let people: { identities: Set<string>; logins: Login[] }[] = [];
  for (const vote of votes) {
    const identities = new Set(identitiesOf(vote));
    const logins: Login[] = [vote];
    const others: typeof people = [];
    for (const person of people) {
      if (!overlaps(person.identities, identities)) {
        others.push(person);
        continue;
      }
      for (const identity of person.identities) identities.add(identity);
      logins.push(...person.logins);
    }
    people = [...others, { identities, logins }];
  }
  return people.map(({ logins }) => ({ logins, human: true }));
}

function refuse(code: VoteRefusal, reason: string): VoteCheck & { ok: false } {
  return { ok: false, code, reason };
}
