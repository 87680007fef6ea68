/**
 * Bugs that are put in on purpose, each as a change of the text of one file. They are applied to a copy of the sources,
 * never to the sources, so that everything that runs (a replay, too) runs with the bug.
 */
export interface PlantedBug {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

const RUNNER = 'src/pipeline/executions/runner.ts';
const MAILBOXES = 'src/pipeline/executions/mailboxes.ts';
const INHERITANCE = 'src/pipeline/executions/inheritance.ts';
const CALL = 'src/pipeline/executions/call-target.ts';
const CHANGE = 'src/pipeline/executions/change.ts';
const CORE = 'src/pipeline/executions/core';
const APPROVAL = 'src/pipeline/approvals/approval.ts';
const SEATS = 'src/pipeline/approvals/seats.ts';
const AUTOMATIC = 'src/pipeline/approvals/automatic.ts';
const EXEMPT = 'src/pipeline/approvals/exempt.ts';
const STORE = 'simulation/world/store.ts';
const MEMBERS = 'simulation/world/members.ts';

function bug(kind: string, name: string, file: string, find: string, replace: string): PlantedBug {
  return { kind, name, file, find, replace };
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  bug('fencing', 'seq-not-checked', STORE, 'if (known.length !== expectedSeq) throw', 'if (known.length < 0) throw'),
  bug(
    'fencing',
    'hold-not-asked',
    CALL,
    'if (members.processId !== holder || !members.holds()) throw new HoldLost();',
    '',
  ),
  bug(
    'fencing',
    'sent-without-asking-again',
    CALL,
    'const isOurs = members.processId === holder && members.holds() && !signal.aborted;',
    'const isOurs = !signal.aborted;',
  ),
  bug('limits', 'limit-not-asked', `${CORE}/begin.ts`, '!t.action(actionId).reserved', 't.action(actionId).reserved'),
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
    `${CORE}/evolve.ts`,
    'return resumed(state, fact.actionId, fact.phase);',
    "return withAction(state, fact.actionId, { phase: 'backoff', resumeAt: input.at });",
  ),
  bug(
    'fencing',
    'living-robbed',
    MEMBERS,
    'effectsOf(limit, (holder) => holder === null || !lives(holder))',
    'effectsOf(limit, (holder) => holder !== id)',
  ),
  bug(
    'fencing',
    'stale-told-as-applied',
    STORE,
    "return { status: 'stale', what: thrown.message };",
    "return { status: 'applied', hashes: [] };",
  ),

  bug(
    'ordering',
    'effect-before-commit',
    RUNNER,
    'changeOf(plan, known, seq, steps, trace, teller !== undefined);',
    `changeOf(plan, known, seq, steps, trace, teller !== undefined);
      for (const effect of newEffects) launcher.launch({ ...before, state: steps.at(-1)?.decision.state ?? before.state }, effect);`,
  ),
  bug(
    'ordering',
    'stage-too-early',
    `${CORE}/progress.ts`,
    'if (!currentStages(t).every(',
    'if (!currentStages(t).some(',
  ),
  bug(
    'ordering',
    'stage-after-stop',
    `${CORE}/progress.ts`,
    'if (t.state.stopped === null && next !== undefined)',
    'if (next !== undefined)',
  ),

  bug('timers', 'timer-too-early', `${CORE}/timers.ts`, 'if (held.due > input.at)', 'if (held.due > input.at + 2_000)'),
  bug(
    'timers',
    'timer-row-kept',
    CHANGE,
    'for (const { name, generation } of old.values()) writes.push({ execution, name, generation, due: null });',
    '',
  ),
  bug('timers', 'ttl-skipped', `${CORE}/demands.ts`, 'return action.settledAt + ttlMs;', 'return null;'),
  bug(
    'timers',
    'question-never-expires',
    `${CORE}/demands.ts`,
    "if (approval.status !== 'PENDING') continue;",
    "if (approval.status !== 'PENDING' || approval.purpose === 'question') continue;",
  ),
  bug(
    'timers',
    'timer-twice',
    `${CORE}/timers.ts`,
    "if (held === undefined) return t.add({ type: 'input.ignored', why: 'no such timer' });\n  if (held.due > input.at)",
    'if (held !== undefined && held.due > input.at)',
  ),

  bug(
    'votes',
    'vote-twice',
    APPROVAL,
    'if (approval.votes.some((vote) => overlaps(identitiesOf(vote), identities)))',
    'if (approval.votes.length > 99)',
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
    'timers',
    'escalation-lost',
    `${CORE}/demands.ts`,
    'if (step !== undefined && due < approval.expiresAt)',
    'if (step !== undefined && taken < 0)',
  ),

  bug('compensation', 'oldest-first', `${CORE}/compensation.ts`, '    .reverse()\n', ''),
  bug(
    'compensation',
    'unknown-left',
    `${CORE}/compensation.ts`,
    "if (action.status === 'SUCCESS' || action.status === 'UNKNOWN')",
    "if (action.status === 'SUCCESS')",
  ),
  bug(
    'compensation',
    'failed-undo-told-as-done',
    `${CORE}/compensation.ts`,
    "return settleUndo(t, plan, 'COMPENSATION_FAILED', error.code);",
    "return settleUndo(t, plan, 'COMPENSATED', error.code);",
  ),
  bug(
    'compensation',
    'undone-before-it-landed',
    `${CORE}/compensation.ts`,
    'if (action.landsUntil !== null && t.input.at < action.landsUntil)',
    'if (action.landsUntil === 1)',
  ),

  bug(
    'keys',
    'key-with-attempt',
    `${CORE}/attempts.ts`,
    "'perform', action.generation)",
    "'perform', action.generation + action.attempt)",
  ),
  bug(
    'keys',
    'undo-under-the-perform-key',
    `${CORE}/demands.ts`,
    "idempotencyKey(state, action.actionId, 'undo', action.generation)",
    "idempotencyKey(state, action.actionId, 'perform', action.generation)",
  ),
  bug('keys', 'retry-reuses-the-key', `${CORE}/evolve.ts`, 'generation: generation + 1,', 'generation,'),

  bug(
    'holds',
    'prior-of-one-that-has-left',
    CALL,
    'const isStale = await isLeaving(ports, executionId, effect);',
    'const isStale = false;',
  ),
  bug(
    'holds',
    'foreign-taken-for-final',
    CALL,
    'if (await isLeaving(ports, executionId, effect)) seen = await look();',
    '',
  ),
  bug('holds', 'released-too-early', CALL, 'if (await isHeldByOthers(', 'if (1 > 2 && await isHeldByOthers('),
  bug(
    'holds',
    'shared-hold-not-kept',
    CHANGE,
    "return action.reason === 'already_held';",
    "return action.reason === 'never';",
  ),
  bug(
    'holds',
    'shared-hold-undone-as-own',
    `${CORE}/demands.ts`,
    "effectKey: kind === 'undo' ? (action.heldAs?.key ?? ownKey) : ownKey,",
    'effectKey: ownKey,',
  ),
  bug(
    'holds',
    'prior-of-the-second',
    CALL,
    'const found = { prior: hold.prior, heldBy: hold.executionId, heldAs };',
    "const found = { prior: { value: 'contained' }, heldBy: hold.executionId };",
  ),

  bug(
    'wake-ups',
    'mail-not-looked-at-again',
    MAILBOXES,
    'for (let letters = take(executionId); letters.length > 0; letters = take(executionId)) {',
    'for (let letters = take(executionId); letters.length > 0; letters = []) {',
  ),
  bug(
    'wake-ups',
    'nothing-caught-up',
    INHERITANCE,
    'const held = await oneByOne(() => members.held(HELD_AT_ONCE));',
    'const held = (await members.held(HELD_AT_ONCE)).slice(0, 0);',
  ),
  bug('wake-ups', 'parent-not-told', `${CORE}/demands.ts`, 'return state.parent !== null ||', 'return'),
  bug(
    'wake-ups',
    'second-end-not-told',
    `${CORE}/evolve.ts`,
    "const told = input.type === 'reported' && (input.end ?? 1) === state.ends;",
    "const told = input.type === 'reported';",
  ),

  bug(
    'recovery',
    'blind-repeat',
    `${CORE}/attempts.ts`,
    "? 'verifying' : mayRepeat(t, plan) ? 'performing' : 'none';",
    "? 'verifying' : 'performing';",
  ),
  bug(
    'recovery',
    'interrupted-is-success',
    `${CORE}/attempts.ts`,
    "if (next === 'none') settle(t, plan, 'UNKNOWN', 'interrupted');",
    "if (next === 'none') settle(t, plan, 'SUCCESS', 'interrupted');",
  ),
  bug('recovery', 'no-straggler-margin', 'src/pipeline/executions/straggler.ts', '5_000', '0'),
  bug(
    'recovery',
    'late-taken-as-current',
    `${CORE}/attempts.ts`,
    'action.attempt === input.attempt && action.generation === input.generation;',
    'action.generation === input.generation;',
  ),
  bug('recovery', 'read-taken-for-the-next', `${CORE}/attempts.ts`, '(input.turn ?? turn) === turn', 'turn >= 0'),
  bug(
    'recovery',
    'answered-asked-for-again',
    INHERITANCE,
    'await mailboxes.alone(executionId, async () => {',
    'await mailboxes.inTurn(executionId, async () => {',
  ),
  bug('holds', 'leaving-hold-shared', CALL, '(hold) => hold.isBeingUndone !== true', '() => true'),
  bug('holds', 'sharer-unrecognised', CHANGE, 'return heldAs?.key ?? key;', 'return key;'),
  bug(
    'recovery',
    'taken-over-as-unsent',
    INHERITANCE,
    'if (mayHaveBeenSent(effect, queued)) await interrupt(loaded, effect);\n        else launcher',
    'launcher',
  ),
  bug(
    'recovery',
    'absent-before-it-settled',
    `${CORE}/attempts.ts`,
    'if (action.verifyingSince < shownBy)',
    'if (action.verifyingSince < 0)',
  ),
  bug(
    'recovery',
    'one-retry-too-many',
    `${CORE}/attempts.ts`,
    '|| tries > plan.retry.maxRetries)',
    '|| tries > plan.retry.maxRetries + 1)',
  ),
  bug('recovery', 'sent-after-giving-up', CALL, '  signal.throwIfAborted();\n', ''),

  bug(
    'batches',
    'torn-member',
    STORE,
    'changes.map((change) => applyOne(change, holder));',
    'changes.map((change, index) => applyOne(index === 0 ? change : { ...change, effects: [] }, holder));',
  ),
  bug(
    'batches',
    'torn-timers',
    STORE,
    'changes.map((change) => applyOne(change, holder));',
    'changes.map((change, index) => applyOne(index === 0 ? change : { ...change, timers: [] }, holder));',
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
    'timers',
    'reminder-early',
    `${CORE}/demands.ts`,
    'requestedAt + Math.floor((timeMs * 3) / 4);',
    'requestedAt + Math.floor(timeMs / 4);',
  ),

  bug(
    'purity',
    'chance-in-a-decision',
    `${CORE}/backoff.ts`,
    'return Math.max(Math.min(delay, MAX_BACKOFF_MS), asked);',
    'return Math.max(Math.min(delay, MAX_BACKOFF_MS), asked) + Math.floor(Math.random() * 2);',
  ),
  bug(
    'purity',
    'queue-order-by-luck',
    'src/pipeline/executions/input-order.ts',
    'return left < right ? -1 : left > right ? 1 : 0;',
    'return Math.random() < 0.5 ? -1 : left > right ? 1 : 0;',
  ),
];
