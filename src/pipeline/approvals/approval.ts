import type { Assertion } from '../access/assertion.ts';
import type { LentSeat, PresentVoter } from '../access/present-voter.ts';
import { canonicalAccount, identitiesOf as identitiesOfPerson, overlaps } from '../access/identities.ts';
import type { PlanGate, Requirement } from '../playbooks/plan.ts';
import type { RoleName } from '../vocabulary.ts';
import type { AutomaticAnswer } from './automatic.ts';
import { deniesApproval, isAwaited, peopleNeeded, seatedServices, type AskedService } from './external-approver.ts';
import { coversRequirements, type Candidate } from './quorum.ts';
import { countsFor, type Login } from './seats.ts';
import { isNonceOver, whyNotBound } from './vote-assertion.ts';
import { identitiesOf, isLent, isLentFor, loginOf, type Voice } from './voices.ts';

/** What a request to people is: whom it needs, whom it excludes, and who has answered so far. Plain data. */
export interface Approval {
  readonly id: string;
  /** What was shown: see `intentHash`. A vote for another hash is refused. */
  readonly intentHash: string;
  /** Every gate that asks for it, kept whole for the record. Empty for a question. */
  readonly gates: readonly PlanGate[];
  /** Disjoint: one person fills at most one place of all of them together. */
  readonly requirements: readonly Requirement[];
  /** Who was on call, when it was asked, by the schedules that the gates name among their people. Absent: they name none. */
  readonly onCall?: OnCall;
  /** Total of different people who must approve; at least 1. */
  readonly requiredApprovers: number;
  /** Who asked for the execution: a user id, or `engine` for an automatic one. */
  readonly requester: string;
  /** Who made the key with which they asked, has seen it, and could have asked. Absent: nobody else. */
  readonly keyMaker?: string;
  /** Accounts that the incident is about, and those that it is done to: nobody decides about their own. */
  readonly subjectIds: readonly string[];
  /** Who wrote or last changed the step that is to be approved. */
  readonly authorIds: readonly string[];
  /** The votes in force. */
  readonly votes: readonly Vote[];
  /** Votes that were taken back, in that order: they count nothing. Absent: none. */
  readonly withdrawn?: readonly WithdrawnVote[];
  /** Services outside that are asked as well, and what they said. Absent: none. */
  readonly services?: readonly AskedService[];
  /** Gates that their own conditions answered. Where no other asks, `gates` are these. Absent: none. */
  readonly automatic?: readonly AutomaticAnswer[];
  /** Steps by which it is escalated as long as it is not decided, in their order. Absent: none. */
  readonly escalationPath?: PlanGate['escalationPath'];
  /** An approval counts only with an assertion of the voter's passkey. Absent: any proof of who votes is enough. */
  readonly requirePasskey?: true;
  /** Nonces of assertions in votes that were refused: none of them counts later. Absent: none. */
  readonly spentNonces?: readonly string[];
  /** The steps that were taken. Absent: none. */
  readonly escalations?: readonly Escalation[];
  /** Business time after which no vote counts, ms since 1970. */
  readonly expiresAt: number;
  readonly status: ApprovalStatus;
  /** One person decided it alone, as two others had declared. Absent: nobody did. */
  readonly brokenGlass?: BrokenGlass;
}

export interface BrokenGlass {
  readonly useId: string;
  readonly declarationId: string;
  readonly version: number;
  readonly userId: string;
  readonly reason: string;
  /** Business time, ms since 1970. */
  readonly at: number;
}

export const APPROVAL_STATUSES = ['PENDING', 'APPROVED', 'DENIED', 'EXPIRED', 'VOIDED'] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

export interface Escalation {
  readonly level: number;
  readonly delayMs: number;
  readonly escalateTo: string;
  /** Business time, ms since 1970. */
  readonly at: number;
  /** Who was on call then, by schedule; an empty list: nobody. Absent: the step opened no schedule. */
  readonly onCall?: OnCall;
}

/** Canonical ids of the people on call, by the id of the schedule. */
export interface OnCall {
  readonly [scheduleId: string]: readonly string[];
}

/** Somebody who wants to vote, and for whom. */
export interface Voter extends PresentVoter {
  /** The lent seat that is spoken for. Absent: none, the voter speaks in their own right. */
  readonly onBehalfOf?: LentSeat;
}

/** An answer that was admitted by `canVote`, with what made the voter eligible at that moment. */
export interface Vote {
  readonly userId: string;
  readonly kind: 'person' | 'service';
  readonly roles: readonly RoleName[];
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
  /** What the voter's passkey signed for this vote. Absent: nothing. */
  readonly assertion?: Assertion;
  /** Whose seat the vote takes. Absent: the voter's own. */
  readonly onBehalfOf?: LentSeat;
}

/** A vote that was taken back: it stays on record and counts nothing. */
export interface WithdrawnVote extends Vote {
  /** Who took it back: whoever gave it, or whose seat it took. */
  readonly withdrawnBy: string;
  /** Business time, ms since 1970. */
  readonly withdrawnAt: number;
  readonly withdrawnWhy: string | null;
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
  | 'not_named'
  | 'not_delegated'
  | 'delegator_barred'
  | 'passkey_needed'
  | 'passkey_refused';

export type VoteCheck =
  | { readonly ok: true; readonly onBehalfOf?: LentSeat }
  | { readonly ok: false; readonly code: VoteRefusal; readonly reason: string };

/** What the voter was shown, and when the vote was received (business time, ms since 1970). */
export interface Ballot {
  readonly intentHash: string;
  readonly at: number;
  /** Absent: an approval, or it is not known yet. */
  readonly decision?: Vote['decision'];
  /** What the voter's passkey signed, its signature checked. Absent: nothing. */
  readonly assertion?: Assertion | undefined;
  /** Of which playbook the request is; absent: not known, so that what is lent for certain playbooks does not count. */
  readonly playbookId?: string;
  /** A delegation, or a user, for whom the voter wants to speak. Absent: in their own right, else for whom they can. */
  readonly onBehalfOf?: string;
}

/**
 * Whether `voter` may cast this vote now: whether they may answer at all, and whether their passkey says so where one is needed.
 * To deny needs none: whoever sees that something is wrong can stop it with whatever is at hand. A passkey proves who answers, also
 * where they speak for somebody else: whose seat it is has signed nothing.
 */
export function canVote(approval: Approval, voter: Voter, ballot: Ballot): VoteCheck {
  const check = mayAnswer(approval, voter, ballot);
  if (!check.ok) return check;
  const { assertion, decision = 'APPROVE', at } = ballot;
  if (assertion === undefined) {
    const isNeeded = approval.requirePasskey === true && decision === 'APPROVE';
    return isNeeded ? refuse('passkey_needed', PASSKEY_NEEDED) : check;
  }
  const { id: approvalId, intentHash } = approval;
  const why = whyNotBound(assertion, { approvalId, intentHash, decision, userId: voter.userId });
  if (why !== null) return refuse('passkey_refused', `The passkey does not prove this answer: ${why}.`);
  if (isNonceOver(assertion, at))
    return refuse('passkey_refused', 'The passkey was asked too long ago: answer again, and use it at once.');
  if (isSpent(approval, assertion))
    return refuse('passkey_refused', 'What the passkey signed was used before: answer again.');
  return check;
}

export const PASSKEY_NEEDED =
  'A passkey is needed to approve this: sign in, open the page of this request under /approvals and approve it there. Passkeys are registered under /account.';

/**
 * Whether `voter` may answer `approval` now, for approving and denying alike. The first rule that refuses is
 * named; the sentence may be shown to the voter. Never throws.
 *
 * Identities are compared in canonical form (NFC, lower case) with the voter's linked accounts included, so that a
 * second login of the requester, of the subject or of somebody who has voted is the same person.
 *
 * Who is not asked themself may speak for somebody whose seat was lent to them: the answer says for whom. Every exclusion
 * holds for both of them then, and both count as one person.
 */
export function mayAnswer(approval: Approval, voter: Voter, ballot: Ballot): VoteCheck {
  if (approval.status !== 'PENDING') return refuse('already_decided', `It was already decided: ${approval.status}.`);
  if (countVotes(approval) !== 'pending')
    return refuse('already_decided', 'It was already decided by the votes given.');
  if (ballot.at >= approval.expiresAt) return refuse('expired', 'The time to answer is over.');
  if (ballot.intentHash !== approval.intentHash) {
    return refuse('intent_changed', 'What is to be approved changed since it was shown; look at it again.');
  }
  if (voter.disabled) return refuse('account_disabled', 'This account is disabled.');
  if (voter.kind !== 'person') return refuse('service_account', 'Service accounts cannot vote; a person must.');
  if (voter.mayVote === false) return refuse('role_missing', 'No role of this person includes approval.vote.');
  const own = ballot.onBehalfOf === undefined ? admit(approval, voter, ballot) : null;
  if (own !== null && (own.ok || !NOT_ASKED.has(own.code))) return own;
  const onBehalf = speakFor(approval, voter, ballot);
  return onBehalf ?? own ?? refuse('not_delegated', 'Nobody of that name has asked you to vote in their place now.');
}

/** Refusals of those whom nobody asks: they may still speak for somebody who is asked. */
const NOT_ASKED: ReadonlySet<VoteRefusal> = new Set<VoteRefusal>(['role_missing', 'not_named']);

/** The first seat lent to the voter that may be spoken for; else why none may; null: none is lent for this. */
function speakFor(approval: Approval, voter: Voter, { onBehalfOf: wanted, ...ballot }: Ballot): VoteCheck | null {
  const seats = (voter.lentSeats ?? []).filter((seat) => {
    const isWanted = wanted === undefined || wanted === seat.delegationId || wanted === seat.userId;
    return isWanted && isLent(seat, ballot.at) && isLentFor(seat, ballot.playbookId);
  });
  const checks = seats.map((seat): VoteCheck => {
    if (!seat.mayVote) return refuse('delegator_barred', `${seat.userId}, who lent you the seat, may not vote now.`);
    const check = admit(approval, { ...voter, onBehalfOf: seat }, ballot);
    return check.ok ? { ok: true, onBehalfOf: seat } : refuse(check.code, `For ${seat.userId}: ${check.reason}`);
  });
  const isTelling = (check: VoteCheck): boolean => !check.ok && !NOT_ASKED.has(check.code);
  const [first = null] = wanted === undefined ? [] : checks;
  return checks.find(({ ok }) => ok) ?? checks.find(isTelling) ?? first;
}

/** Whether the voter may vote with the voice that they have: their own, or that of whom they speak for. */
function admit(whole: Approval, voter: Voter, ballot: Ballot): VoteCheck {
  const approval = ballot.decision === 'DENY' ? withoutVotesFor(whole, voter) : whole;
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
  if (loginOf(voter).roles.some((role) => roles.includes(role)))
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

/** A denial stands beside what somebody else said in one's place: nobody is kept from blocking by their own delegate. */
function withoutVotesFor(approval: Approval, voter: Voter): Approval {
  if (voter.onBehalfOf !== undefined) return approval;
  const own = identitiesOfPerson(voter);
  const isTheirs = (vote: Vote): boolean =>
    vote.onBehalfOf !== undefined &&
    overlaps(identitiesOfPerson(vote.onBehalfOf), own) &&
    !overlaps(identitiesOfPerson(vote), own);
  return { ...approval, votes: approval.votes.filter((vote) => !isTheirs(vote)) };
}

/** Roles that a voter may have, each once, sorted, without those to whom it was escalated. */
export function requiredRoles(approval: Pick<Approval, 'requirements'>): readonly RoleName[] {
  return [...new Set(approval.requirements.flatMap((requirement) => requirement.roles))].sort();
}

function counts(approval: Approval, vote: Vote): boolean {
  return (
    vote.kind === 'person' &&
    vote.intentHash === approval.intentHash &&
    vote.at < approval.expiresAt &&
    standsAt(vote) &&
    exclusionOf(approval, identitiesOf(vote)) === null &&
    isAsked(approval, vote) &&
    (approval.requirePasskey !== true || isAsserted(approval, vote))
  );
}

/** Whether what a vote takes was there to be taken. */
function standsAt({ onBehalfOf, at }: Vote): boolean {
  return onBehalfOf === undefined || (onBehalfOf.mayVote && isLent(onBehalfOf, at));
}

/** Whether what a passkey signed is this vote. Of two votes, one that was taken back included, with the same assertion neither is told from the other: none counts. */
function isAsserted(approval: Approval, { assertion, decision, userId, at }: Vote): boolean {
  if (assertion === undefined || isNonceOver(assertion, at)) return false;
  const { id: approvalId, intentHash, votes, withdrawn = [] } = approval;
  const uses = [...votes, ...withdrawn].filter((vote) => vote.assertion?.nonce === assertion.nonce).length;
  return uses === 1 && whyNotBound(assertion, { approvalId, intentHash, decision, userId }) === null;
}

/** A vote that was taken back has used up what its passkey signed. */
function isSpent({ votes, withdrawn = [], spentNonces = [] }: Approval, { nonce }: Assertion): boolean {
  return spentNonces.includes(nonce) || [...votes, ...withdrawn].some(({ assertion }) => assertion?.nonce === nonce);
}

/** Why whoever has these identities may not decide about this, by whatever way; null: nothing speaks against it. */
export function exclusionOf(approval: Approval, identities: ReadonlySet<string>): (VoteCheck & { ok: false }) | null {
  const among = (ids: readonly string[]): boolean => ids.some((id) => identities.has(canonicalAccount(id)));
  if (among([approval.requester])) return refuse('requester', 'Nobody approves their own request.');
  if (approval.keyMaker !== undefined && among([approval.keyMaker])) return refuse('requester', ASKED_WITH_OWN_KEY);
  if (among(approval.subjectIds))
    return refuse('subject', 'The incident, or what is to be done, is about an account of this person.');
  if (among(approval.authorIds)) return refuse('author', 'This person wrote the step that is to be approved.');
  return null;
}

const ASKED_WITH_OWN_KEY =
  'It was asked for with a key that this person made, and has seen: nobody approves their own request.';

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
export function makerOf({
  issuedBy,
  issuerAccounts = [],
}: Pick<Voter, 'issuedBy' | 'issuerAccounts'>): ReadonlySet<string> {
  return identitiesOfPerson({ userId: issuedBy, linkedAccounts: issuerAccounts });
}

/** Whether the account that speaks, or is spoken for, counts for a place of the approval, as far as it was escalated. */
function isAsked(approval: Approval, voice: Voice): boolean {
  const login = loginOf(voice);
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
    const logins: Login[] = [loginOf(vote)];
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
