import { bug, type PlantedBug } from './planted-bug.ts';

const CALL = 'src/pipeline/executions/call-target.ts';
const CHANGE = 'src/pipeline/executions/change.ts';
const CORE = 'src/pipeline/executions/core';
const APPROVAL = 'src/pipeline/approvals/approval.ts';
const SEATS = 'src/pipeline/approvals/seats.ts';
const AUTOMATIC = 'src/pipeline/approvals/automatic.ts';
const EXTERNAL = 'src/pipeline/approvals/external-approver.ts';
const EXEMPT = 'src/pipeline/approvals/exempt.ts';

/** Bugs in what people decide, limit and hear. */
export const GOVERNANCE_BUGS: readonly PlantedBug[] = [
  bug('limits', 'limit-not-asked', `${CORE}/begin.ts`, '!t.action(actionId).reserved', 't.action(actionId).reserved'),
  bug(
    'limits',
    'accounts-of-a-retry-not-counted',
    `${CORE}/evolve.ts`,
    'reserved: reserved && accounts.length === 0,',
    'reserved,',
  ),
  bug(
    'limits',
    'hour-too-short',
    'src/pipeline/guards/limiter.ts',
    'at - entry.at < WINDOW_MS',
    'at - entry.at < WINDOW_MS / 60',
  ),
  bug(
    'limits',
    'list-counts-as-one',
    `${CORE}/blast-radius.ts`,
    'forEach === null ? 1 :',
    'forEach !== undefined ? 1 :',
  ),
  bug(
    'pauses',
    'pause-not-asked',
    CALL,
    "const open = isOurs && standing === 'open';",
    'const open = isOurs && standing.length > 0;',
  ),
  bug(
    'pauses',
    'pause-of-others-not-heard',
    'src/pipeline/guards/pause-watch.ts',
    'readAt = Math.max(readAt, begunAt);',
    `readAt = Math.max(readAt, begunAt);
      if (known?.paused === false) return;`,
  ),
  bug('pauses', 'resume-not-heard', 'src/pipeline/guards/pause-watch.ts', 'if (resumed) onResumed();', ''),
  bug(
    'pauses',
    'pause-costs-a-try',
    `${CORE}/evolve-attempt.ts`,
    'return { ...action, phase: fact.phase, calledAt: input.at, ...anew };',
    "return { ...action, phase: 'backoff', resumeAt: input.at };",
  ),
  bug(
    'votes',
    'vote-twice',
    APPROVAL,
    // Either check alone would notice: whoever votes again has also made the key of the first vote.
    `if (approval.votes.some((vote) => overlaps(identitiesOf(vote), identities))) {
    return refuse('already_voted', 'This person has already voted, under this or another login.');
  }
  if (isBorrowed(approval, voter, identities)) {`,
    'if (approval.votes.length > 99) {',
  ),
  bug(
    'votes',
    'quorum-one-short',
    APPROVAL,
    'if (people.length < Math.max(1, approval.requiredApprovers))',
    'if (people.length < Math.max(1, approval.requiredApprovers - 1))',
  ),
  bug(
    'votes',
    'deny-ignored',
    APPROVAL,
    "if (approval.votes.some((vote) => vote.decision === 'DENY')) return 'denied';",
    '',
  ),
  bug('votes', 'vote-too-late', APPROVAL, 'if (ballot.at >= approval.expiresAt)', 'if (ballot.at < 0)'),
  bug('votes', 'requester-votes', APPROVAL, 'if (among([approval.requester]))', 'if (among([]))'),
  bug(
    'votes',
    'protected-without-a-question',
    'src/pipeline/playbooks/floors.ts',
    "if (gates.length === 0) return [{ ...floorGate(plan.playbookVersion), gateName: 'protected-identity' }];",
    'if (gates.length === 0) return [];',
  ),
  bug(
    'votes',
    'protected-joins-unasked',
    `${CORE}/children.ts`,
    'joined.filter((account) => gatesFor(t.plan, plan, [account]).length === 0);',
    'joined;',
  ),
  bug(
    'votes',
    'undecided-condition-approves',
    AUTOMATIC,
    "return result !== null && 'value' in result && result.value;",
    "return result !== null && (!('value' in result) || result.value);",
  ),
  bug(
    'votes',
    'lasting-action-approved-by-a-condition',
    AUTOMATIC,
    "declaration.reversibility !== 'irreversible' &&",
    '',
  ),
  bug(
    'votes',
    'protected-approved-by-a-condition',
    AUTOMATIC,
    '!containsProtected(plan, declaration, ids)',
    'ids.length > 0',
  ),
  bug(
    'votes',
    'exemption-after-its-end',
    EXEMPT,
    'if (at >= expiresAt || revoked.includes(id))',
    'if (revoked.includes(id))',
  ),
  bug(
    'votes',
    'revoked-exemption-counts',
    EXEMPT,
    'if (at >= expiresAt || revoked.includes(id))',
    'if (at >= expiresAt)',
  ),
  bug(
    'votes',
    'exemption-below-the-floor',
    AUTOMATIC,
    'const isExempt = mayApprove && !denied;',
    'const isExempt = !denied;',
  ),
  bug(
    'votes',
    'own-request-exempted',
    EXEMPT,
    'if (concerned.some((account) => accounts.includes(account))) return false;',
    'if (concerned.length < 1) return false;',
  ),
  bug('votes', 'stand-in-before-the-escalation', SEATS, 'each.afterMs <= escalatedMs && ', ''),
  bug('votes', 'named-people-ignored', SEATS, '(users[role]?.includes(account) ?? true)', 'account.length > 0'),
  bug(
    'votes',
    'stand-in-of-one-gate-only',
    'src/pipeline/approvals/gates.ts',
    'const afterMs = Math.max(entersAfter(left, each), entersAfter(right, each));',
    'const afterMs = Math.min(entersAfter(left, each), entersAfter(right, each));',
  ),
  bug(
    'news',
    'tells-not-taken-over',
    CHANGE,
    'return name.startsWith(NEWS_PREFIX) || isTell(name) || name === DELIVERY;',
    'return name.startsWith(NEWS_PREFIX) || name === DELIVERY;',
  ),
  bug(
    'news',
    'expiry-untold',
    'src/pipeline/executions/tells.ts',
    'return requested.has(fact.approvalId) ? []',
    "return requested.has(fact.approvalId) || fact.status === 'EXPIRED' ? []",
  ),
  bug(
    'news',
    'told-again-under-another-name',
    'src/pipeline/notifications/teller.ts',
    "id: derivedId('ntc', ...cause.parts),",
    "id: derivedId('ntc', ...cause.parts, String(at)),",
  ),
  bug(
    'services',
    'yes-as-text-counts',
    'src/connectors/external-approver/answer.ts',
    'if (approved === true) return',
    "if (approved === true || approved === 'true') return",
  ),
  bug(
    'services',
    'service-takes-a-persons-place',
    EXTERNAL,
    'return !human && services.includes(service);',
    'return services.includes(service);',
  ),
  bug(
    'services',
    'service-below-the-floor',
    `${CORE}/request-approval.ts`,
    'const requirements = mayApprove ? combined.requirements : onlyPeople(combined.requirements);',
    'const requirements = combined.requirements;',
  ),
  bug('services', 'service-not-awaited', APPROVAL, "if (isAwaited(approval)) return 'pending';", ''),
  bug(
    'services',
    'service-heard-after-the-decision',
    `${CORE}/service-answers.ts`,
    "if (approval.status !== 'PENDING') return `already decided: ${approval.status}`;",
    '',
  ),
  bug('quiet', 'wait-never-ends', `${CORE}/timers.ts`, "return endQuiet(t, actionId, 'over');", 'return;'),
  bug('quiet', 'waits-twice', `${CORE}/keeping-quiet.ts`, 't.action(plan.actionId).hasWaited === true || ', ''),
  bug(
    'quiet',
    'waits-in-a-severe-incident',
    `${CORE}/keeping-quiet.ts`,
    'severityRank(severestOf(state)) >= severityRank(quietHours.below)',
    'severityRank(state.riskLevel) >= severityRank(quietHours.below)',
  ),
  bug(
    'ttl',
    'extension-not-kept',
    `${CORE}/evolve.ts`,
    'return withAction(state, fact.actionId, { containedUntil: fact.until });',
    'return state;',
  ),
  bug(
    'ttl',
    'extended-while-it-is-undone',
    `${CORE}/extending.ts`,
    "if (end === null || action.settledAt === null) return 'nothing of it is contained that ends by itself';",
    'if (end === null || action.settledAt === null) return null;',
  ),
];
