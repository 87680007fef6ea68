import type { Check } from './edited-house.ts';

/** Every check between somebody who wants to vote and an action that begins, each with the text that takes it out. */

const APPROVAL = 'src/pipeline/approvals/approval.ts';
const SEATS = 'src/pipeline/approvals/seats.ts';
const QUORUM = 'src/pipeline/approvals/quorum.ts';
const IDENTITIES = 'src/pipeline/access/identities.ts';
const VOTES = 'src/pipeline/executions/core/votes.ts';
const TIMERS = 'src/pipeline/executions/core/timers.ts';
const REQUIREMENTS = 'src/pipeline/playbooks/requirements.ts';

function check(file: string, name: string, from: string, to: string): Check {
  return { file, name, from, to };
}

export const CORE_CHECKS: readonly Check[] = [
  check(APPROVAL, 'decided', "if (approval.status !== 'PENDING') return", 'if (false) return'),
  check(APPROVAL, 'decided by the votes', "if (countVotes(approval) !== 'pending')", 'if (false)'),
  check(APPROVAL, 'time', 'if (ballot.at >= approval.expiresAt)', 'if (false)'),
  check(
    APPROVAL,
    'the last moment',
    'if (ballot.at >= approval.expiresAt)',
    'if (ballot.at >= approval.expiresAt - 1)',
  ),
  check(APPROVAL, 'the end itself', 'if (ballot.at >= approval.expiresAt)', 'if (ballot.at > approval.expiresAt)'),
  check(APPROVAL, 'intent', 'if (ballot.intentHash !== approval.intentHash) {', 'if (false) {'),
  check(APPROVAL, 'disabled', 'if (voter.disabled)', 'if (false)'),
  check(APPROVAL, 'service', "if (voter.kind !== 'person')", 'if (false)'),
  check(APPROVAL, 'excluded', 'if (excluded !== null) return excluded;', ''),
  check(
    APPROVAL,
    'voted before',
    'if (approval.votes.some((vote) => overlaps(identitiesOf(vote), identities))) {',
    'if (false) {',
  ),
  check(
    APPROVAL,
    'voted before, by links',
    'overlaps(identitiesOf(vote), identities))) {',
    'vote.userId === voter.userId)) {',
  ),
  check(APPROVAL, 'borrowed key', 'if (isBorrowed(approval, voter, identities)) {', 'if (false) {'),
  check(APPROVAL, 'asked', 'if (isAsked(approval, voter)) return { ok: true };', 'return { ok: true };'),
  check(APPROVAL, 'the requester', 'if (among([approval.requester]))', 'if (false)'),
  check(APPROVAL, 'the subject', 'if (among(approval.subjectIds))', 'if (false)'),
  check(APPROVAL, 'the author', 'if (among(approval.authorIds))', 'if (false)'),
  check(APPROVAL, 'key of somebody excluded', 'if (exclusionOf(approval, maker) !== null) return true;', ''),
  check(APPROVAL, 'key of a voter', 'overlaps(identitiesOf(vote), maker) || ', ''),
  check(APPROVAL, 'vote with a key of mine', 'overlaps(other, identities) || ', ''),
  check(APPROVAL, 'two keys of one maker', ' || overlaps(other, maker);', ';'),
  check(APPROVAL, 'one denial', "if (approval.votes.some((vote) => vote.decision === 'DENY')) return 'denied';", ''),
  check(
    APPROVAL,
    'number of people',
    'if (people.length < Math.max(1, approval.requiredApprovers))',
    'if (people.length < 1)',
  ),
  check(
    APPROVAL,
    'places',
    "return coversRequirements(approval.requirements, people, escalatedMsOf(approval)) ? 'approved' : 'pending';",
    "return 'approved';",
  ),
  check(
    APPROVAL,
    'counted: votes that may',
    'approval.votes.filter((vote) => counts(approval, vote))',
    'approval.votes',
  ),
  check(APPROVAL, 'counted: people', "vote.kind === 'person' &&", ''),
  check(APPROVAL, 'counted: intent', 'vote.intentHash === approval.intentHash &&', ''),
  check(APPROVAL, 'counted: time', 'vote.at < approval.expiresAt &&', ''),
  check(APPROVAL, 'counted: excluded', 'exclusionOf(approval, identitiesOf(vote)) === null &&', ''),
  check(APPROVAL, 'counted: asked', 'null &&\n    isAsked(approval, vote)', 'null'),
  check(APPROVAL, 'counted: one person once', 'if (!overlaps(person.identities, identities)) {', 'if (true) {'),
  check(
    APPROVAL,
    'escalated',
    'return Math.max(-1, ...escalations.map(({ delayMs }) => delayMs));',
    'return Infinity;',
  ),
  check(SEATS, 'role', 'roles.some((role) => login.roles.includes(role) && ', 'roles.some((role) => '),
  check(SEATS, 'named', ' && (users[role]?.includes(account) ?? true)', ''),
  check(SEATS, 'stand-in in time', 'each.afterMs <= escalatedMs && ', ''),
  check(SEATS, 'stand-in meant', ' && isMeant(each, account, login.roles)', ''),
  check(SEATS, 'stand-in by account', "who === 'user' ? id === account : ", "who === 'user' ? true : "),
  check(SEATS, 'stand-in by role', 'roles.some((role) => role === id)', 'true'),
  check(QUORUM, 'a person for each place', 'if (tried.has(index) || !fits(requirement, candidate)) continue;', ''),
  check(
    QUORUM,
    'one place for a person',
    'if (present === undefined || findCandidate(seating, present, tried)) {',
    'if (true) {',
  ),
  check(IDENTITIES, 'links', '[person.userId, ...person.linkedAccounts]', '[person.userId]'),
  check(IDENTITIES, 'letters', '.trim().toLowerCase()', '.trim()'),
  check(IDENTITIES, 'blanks', '.trim().toLowerCase()', '.toLowerCase()'),
  check(VOTES, 'whether the vote may count', 'if (!check.ok) {', 'if (false) {'),
  check(VOTES, 'whether it is decided', "if (verdict === 'pending') return;", ''),
  check(
    VOTES,
    'what was decided',
    "if (status === 'APPROVED' || fallback === 'ALLOW_ACTION') return begin(t, plan);",
    'return begin(t, plan);',
  ),
  check(
    TIMERS,
    'not due yet',
    "if (held.due > input.at) return t.add({ type: 'input.ignored', why: 'not due yet' });",
    '',
  ),
  check(REQUIREMENTS, 'each role', 'if (k < different.length || different.length === 1)', 'if (true)'),
];

const VOTERS = 'src/pipeline/access/voters.ts';
const OPERATIONS = 'src/pipeline/access/operations.ts';
const SERVICE = 'src/pipeline/approvals/approvals.service.ts';

/** A check outside the core, with the cases that must notice: a server is played, which takes longer. */
export interface ServedCheck extends Check {
  readonly among: RegExp;
}

function served(among: RegExp, ...given: Parameters<typeof check>): ServedCheck {
  return { ...check(...given), among };
}

export const SERVED_CHECKS: readonly ServedCheck[] = [
  served(
    /is disabled before/,
    'src/pipeline/access/access.service.ts',
    'disabled at the door',
    'if (user === undefined || user.disabled) return null;',
    'if (user === undefined) return null;',
  ),
  served(
    /service where/,
    OPERATIONS,
    'services at the door',
    "if (rule.humanOnly && kind !== 'person') return false;",
    '',
  ),
  served(
    /becomes an auditor before/,
    OPERATIONS,
    'auditors at the door',
    "ROLES.filter((role) => role !== 'AUDITOR'),",
    'ROLES,',
  ),
  served(
    /where 1 of/,
    'src/api/authentication.ts',
    'operation of the route',
    'requireOperation(request.principal, operation);',
    '',
  ),
  served(
    /loses the role on its way/,
    VOTERS,
    'roles at the moment',
    'roles: user?.roles ?? [],',
    "roles: ['SECURITY_ADMIN'],",
  ),
  served(
    /is disabled on its way/,
    VOTERS,
    'disabled meanwhile',
    'disabled: user?.disabled ?? true,',
    'disabled: false,',
  ),
  served(
    /named login of the/,
    VOTERS,
    'links from the other side',
    'linkedAccounts: accountsOfPerson(users, userId),',
    'linkedAccounts: user === undefined ? [] : accountsOf(user),',
  ),
  served(
    /key made by them of the subject/,
    VOTERS,
    'accounts of the maker',
    'issuerAccounts: accountsOfPerson(users, keyIssuedBy) }',
    'issuerAccounts: [] }',
  ),
  served(
    /key made by them of the requester/,
    VOTERS,
    'maker of the key',
    '...(keyIssuedBy === userId ? { issuedBy: userId } : maker),',
    'issuedBy: userId,',
  ),
  served(
    /again: the request,/,
    'src/api/idempotent-requests.ts',
    'request sent again',
    "if (begun.outcome === 'replay') {",
    'if (false) {',
  ),
  served(/shown older/, SERVICE, 'what was shown', 'intentHash: intentHash ?? asked', 'intentHash: asked'),
  served(
    /again: the vote/,
    SERVICE,
    'saying so',
    'if (!result.admitted) throw refusal(result.code, result.reason);',
    '',
  ),
  served(
    /self of the requester/,
    'src/pipeline/executions/cast-vote.ts',
    'refusals told',
    'if (refused !== undefined) return',
    'if (refused === null) return',
  ),
];
