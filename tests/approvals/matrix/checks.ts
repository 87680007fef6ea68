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

const GLASS = 'src/pipeline/approvals/break-glass.ts';
const CORE_GLASS = 'src/pipeline/executions/core/break-glass.ts';
const without = (name: string, from: string): Check => check(GLASS, `alone: ${name}`, from, 'if (false)');

/** The checks between one person and a decision alone. */
export const GLASS_CHECKS: readonly Check[] = [
  without('decided', "if (approval.status !== 'PENDING')"),
  without('denied', "if (approval.votes.some(({ decision }) => decision === 'DENY'))"),
  without('time', 'if (given.at >= approval.expiresAt)'),
  without('intent', 'if (given.intentHash !== approval.intentHash)'),
  without('paused', 'if (given.paused)'),
  without('service', "if (voter.kind !== 'person')"),
  without('door', "if (provenBy !== undefined && provenBy !== 'session')"),
  without('lent key', 'if (voter.issuedBy !== voter.userId)'),
  check(GLASS, 'alone: concerned', 'return excluded === null ? null', 'return excluded !== undefined ? null'),
  without('ended', 'if (at >= declaration.expiresAt)'),
  without('named', 'if (!declaration.people.includes(voter.userId))'),
  without('action', 'if (!declaration.actionTypes.includes(subject.actionType))'),
  without('risk', 'if (SEVERITIES.indexOf(subject.riskLevel) > SEVERITIES.indexOf(declaration.maxRiskLevel))'),
  without('irreversible', "if (subject.reversibility === 'irreversible' && !declaration.irreversible)"),
  without('floor', 'if (subject.isAboveFloor)'),
  without('uses', 'if (use > declaration.usesPerDay)'),
  check(CORE_GLASS, 'alone: the rule', 'if (!check.ok)', 'if (false)'),
];

const VOTERS = 'src/pipeline/access/voters.ts';
const OPERATIONS = 'src/pipeline/access/operations.ts';
const SERVICE = 'src/pipeline/approvals/approvals.service.ts';
const ANSWERS = 'src/pipeline/approvals/answers.service.ts';
const TOKEN = 'src/pipeline/approvals/answer-token.ts';
const LINK_ROUTES = 'src/pages/routes/answer-link.routes.ts';
const SLACK_ROUTES = 'src/api/routes/slack.routes.ts';
const SLACK_SIGNATURE = 'src/connectors/slack/verify-request.ts';
const PAGE_ROUTES = 'src/pages/routes/approval-pages.routes.ts';
const FORM = 'src/pages/routes/form-token.ts';
const SITE = 'src/api/same-site.ts';
const SESSION = 'src/pipeline/access/session.ts';
const CLAIM = "canonicalJson(['answer', approvalId, userId, expiresAt, intentHash])";

/** A check outside the core, with the cases that must notice: a server is played, which takes longer. */
export interface ServedCheck extends Check {
  readonly surface: string;
  readonly among: RegExp;
}

function served(among: RegExp, ...given: Parameters<typeof check>): ServedCheck {
  return { ...check(...given), surface: 'api', among };
}

const at =
  (surface: string) =>
  (...given: Parameters<typeof served>): ServedCheck => ({ ...served(...given), surface });
const link = at('link');
const slack = at('slack');
const page = at('page');

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
    "'approval.vote': {\n    roles: ROLES.filter((role) => role !== 'AUDITOR'),",
    "'approval.vote': {\n    roles: ROLES,",
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
  link(/proof: (forged|of another house)/, ANSWERS, 'proof of a link', ' || !isProven(key, token, intentHash)', ''),
  link(/proof: for the older/, TOKEN, 'a link is for what was shown', CLAIM, CLAIM.replace(', intentHash', '')),
  link(/proof: of another person/, TOKEN, 'a link is for one person', CLAIM, CLAIM.replace(' userId,', '')),
  link(/proof: for another request/, TOKEN, 'a link is for one request', CLAIM, CLAIM.replace(' approvalId,', '')),
  link(/proof: made longer/, TOKEN, 'a link says its end', CLAIM, CLAIM.replace(' expiresAt,', '')),
  link(/proof: over/, ANSWERS, 'a link ends', 'token.expiresAt <= ctx.now || ', ''),
  link(/is disabled before/, ANSWERS, 'a link of somebody disabled', ' || user.disabled)', ')'),
  link(
    /becomes an auditor before|service where/,
    LINK_ROUTES,
    'operation of a link',
    "requireOperation(link.ctx.principal, 'approval.vote');",
    '',
  ),
  link(
    /shown older/,
    LINK_ROUTES,
    'what the form of a link showed',
    '{ id: link.approvalId, intentHash, ',
    '{ id: link.approvalId, intentHash: null, ',
  ),
  link(
    /proof: none/,
    LINK_ROUTES,
    'looking is no vote',
    'return send(request, reply, link, null);',
    "await services.approvals.approve(link.ctx, { id: link.approvalId, intentHash: null, comment: 'look' });\n      return send(request, reply, link, null);",
  ),
  slack(
    /proof: (signed by another|altered)/,
    SLACK_SIGNATURE,
    'signature of a chat',
    "if (!timingSafeEqual(expected, Buffer.from(signature.slice(3), 'hex'))) return 'forged';",
    '',
  ),
  slack(
    /proof: not signed/,
    SLACK_ROUTES,
    'a chat without a signature',
    "if (verdict !== 'ok')",
    "if (verdict !== 'ok' && request.headers['x-slack-signature'] !== undefined)",
  ),
  slack(/proof: too old/, SLACK_SIGNATURE, 'age of a request', 'Math.abs(now - Number(timestamp) * 1_000)', '0'),
  slack(
    /proof: from tomorrow/,
    SLACK_SIGNATURE,
    'a request from tomorrow',
    'Math.abs(now - Number(timestamp) * 1_000)',
    '(now - Number(timestamp) * 1_000)',
  ),
  slack(
    /again: the request/,
    SLACK_ROUTES,
    'a request of a chat comes once',
    "if (begun.outcome !== 'started')",
    "if (begun.outcome === 'mismatch')",
  ),
  slack(
    /proof: unmapped/,
    ANSWERS,
    'whose account it is in the chat',
    'linkedAccounts.includes(wanted)',
    'linkedAccounts.length === 51 || linkedAccounts[0]?.startsWith(wanted.slice(0, 9)) === true',
  ),
  slack(
    /proof: mapped twice/,
    ANSWERS,
    'an account of two',
    ' && another === undefined) return contextOf',
    ') return contextOf',
  ),
  slack(
    /becomes an auditor before/,
    SLACK_ROUTES,
    'operation in a chat',
    "requireOperation(ctx.principal, 'approval.vote');",
    '',
  ),
  slack(
    /shown older/,
    SLACK_ROUTES,
    'what a button showed',
    '(ctx, { id, intentHash, comment })',
    '(ctx, { id, intentHash: null, comment })',
  ),
  page(/proof: no form token/, FORM, 'form token', 'if (given !== undefined && ', 'if (given === undefined || '),
  page(
    /proof: form token of another/,
    FORM,
    'form token of this session',
    'sameText(given, formToken)',
    'given.length === formToken.length',
  ),
  page(/proof: from another site/, SITE, 'forms of other sites', "if (site === 'same-origin') return;", 'return;'),
  page(
    /proof: from nowhere/,
    SITE,
    'forms from nowhere',
    "throw new FirebreakError('cross_site', 'Nothing shows",
    "if (origin !== undefined) throw new FirebreakError('cross_site', 'Nothing shows",
  ),
  page(/proof: unused too long/, SESSION, 'a session that nobody uses', ' && now < seenAt + SESSION_IDLE_MS', ''),
  page(/proof: too long ago/, SESSION, 'the end of a session', ' && now < session.expiresAt', ''),
  page(
    /proof: signed out on its way/,
    VOTERS,
    'a session ended meanwhile',
    "if (provenBy === 'session' && (await loadSession(journal, keyId)) === null)",
    'if (false)',
  ),
  page(
    /becomes an auditor before/,
    OPERATIONS,
    'operation of a page',
    "'approval.vote': {\n    roles: ROLES.filter((role) => role !== 'AUDITOR'),",
    "'approval.vote': {\n    roles: ROLES,",
  ),
  page(
    /shown older/,
    PAGE_ROUTES,
    'what a page showed',
    'const vote = { id, intentHash, ',
    'const vote = { id, intentHash: null, ',
  ),
];
