import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input, VoteInput, WithdrawInput } from '../../src/pipeline/executions/core/inputs.ts';
import { TRUE_CONDITION } from '../workload/plans.ts';
import { actionOf, type ActionModel, type Asked, type Broken, type ExecutionModel, type Of } from './model.ts';
import { standsIn } from './exemptions.ts';
import { isMissed } from './services.ts';
import { countVote, isQuorum, OWN, takeOut } from './votes.ts';

/** Compares what was made of a vote with the oracle's own count. Answers with the check to be made after the facts. */
export function takeVote(
  execution: ExecutionModel,
  input: VoteInput,
  facts: readonly Fact[],
  broken: Broken,
): (() => void) | null {
  const tally = execution.approvals.get(input.approvalId);
  const fact = facts.find(({ type }) => type === 'vote.cast') as Of<'vote.cast'> | undefined;
  const cast = fact === undefined ? null : (fact.delegationId ?? OWN);
  if (tally === undefined || tally.decided !== null) {
    if (cast !== null) broken('votes', `${execution.id} counts a vote too late`);
    return null;
  }
  const counted = countVote(tally, input, execution.plan.playbookId);
  if ((counted === null) !== (cast === null))
    broken('votes', `${execution.id} ${cast === null ? 'refuses a good vote' : 'counts a vote that may not count'}`);
  else if (counted !== cast) broken('votes', `${execution.id} counts a vote for ${cast} that is for ${counted}`);
  return () => {
    if (tally.verdict !== 'pending' && tally.decided === null)
      broken('votes', `${execution.id} has a decided vote without a decision`);
  };
}

/** Takes out what was taken back, and nothing else. */
export function takeWithdrawal(
  execution: ExecutionModel,
  input: WithdrawInput,
  facts: readonly Fact[],
  broken: Broken,
): void {
  const tally = execution.approvals.get(input.approvalId);
  const taken = facts.filter(({ type }) => type === 'vote.withdrawn').length;
  const owed = tally === undefined || tally.decided !== null ? 0 : takeOut(tally, input);
  if (taken !== owed) broken('votes', `${execution.id} takes back ${taken} votes, and ${owed} may be`);
  if (facts.some(({ type }) => type === 'approval.decided'))
    broken('votes', `${execution.id} decides by a vote that is taken back`);
}

export function takeRequest(
  execution: ExecutionModel,
  fact: Of<'approval.requested'>,
  input: Input,
  broken: Broken,
): void {
  const { approval, actionId } = fact;
  if (execution.approvals.has(approval.id)) broken('votes', `${execution.id} asks twice with one id`);
  const peopleOnly = fact.purpose !== 'gate' || !mayStandIn(execution, fact.actionId);
  const count = {
    heard: new Map(),
    peopleOnly,
    people: [],
    onCall: new Map<string, readonly string[]>(),
    steps: 0,
    escalatedMs: -1,
    isReminded: false,
    isInVain: false,
    verdict: 'pending' as const,
  };
  const { purpose } = fact;
  const rule = ruleFor(execution, fact, input, broken);
  const tally = { ...count, approval, actionId, purpose, requestedAt: input.at, rule, decided: null, fallback: null };
  execution.approvals.set(approval.id, tally);
  const action = actionOf(execution, actionId);
  action.phase = 'asked';
  action.approvalId = approval.id;
}

/** The next step of the path, when its time has come, and as long as nobody has decided. */
export function takeEscalation(
  execution: ExecutionModel,
  fact: Of<'approval.escalated'>,
  input: Input,
  broken: Broken,
): void {
  const tally = execution.approvals.get(fact.approvalId);
  const step = tally?.approval.escalationPath?.[tally.steps];
  if (tally === undefined || step === undefined || tally.decided !== null)
    return broken('votes', `${execution.id} escalates what has no such step`);
  if (step.escalateTo !== fact.escalateTo || step.delayMs !== fact.delayMs)
    broken('votes', `${execution.id} escalates by another step than the next`);
  // Where nobody could answer it goes on at once.
  const isEarly = input.at < tally.requestedAt + step.delayMs;
  if (isEarly && input.type !== 'unanswerable' && !tally.isInVain) broken('timers', `${execution.id} escalates early`);
  tally.isInVain = false;
  for (const [schedule, people] of Object.entries(fact.onCall ?? {})) {
    if (people.join() !== input.onCall?.[schedule]?.join())
      broken('votes', `${execution.id} escalates to others than are on call`);
    // The step after one to nobody is taken at once.
    if (people.length === 0) tally.isInVain ||= fact.escalateTo === `oncall:${schedule}`;
    else if (!tally.onCall.has(schedule)) tally.onCall.set(schedule, people);
  }
  tally.steps += 1;
  tally.escalatedMs = Math.max(tally.escalatedMs, step.delayMs);
  // Who has voted may fill another place by it. What comes after the time to answer approves nothing.
  if (input.at < tally.approval.expiresAt && tally.people.length > 0 && isQuorum(tally)) tally.verdict = 'approved';
}

/** Where nobody is on call the next step is taken in the same record, and enough votes decide: nobody is waited for in vain. */
export function checkNobodyIsWaitedFor(execution: ExecutionModel, broken: Broken): void {
  for (const { verdict, isInVain, decided, steps, approval } of execution.approvals.values()) {
    if (verdict === 'approved' && decided === null) broken('votes', `${execution.id} waits for more votes than enough`);
    if (isInVain && decided === null && steps < (approval.escalationPath ?? []).length)
      broken('timers', `${execution.id} waits for somebody who is on call, and nobody is`);
  }
}

/** Once, as long as nobody has decided. */
export function takeReminder(execution: ExecutionModel, fact: Of<'approval.reminded'>, broken: Broken): void {
  const tally = execution.approvals.get(fact.approvalId);
  if (tally === undefined || tally.decided !== null || tally.isReminded)
    return broken('timers', `${execution.id} reminds of what does not wait for a reminder`);
  tally.isReminded = true;
}

/** Every step that was due in the time to answer was taken before that was over. */
function checkSteps(execution: ExecutionModel, { approval, requestedAt, steps }: Asked, broken: Broken): void {
  const due = (approval.escalationPath ?? []).filter(({ delayMs }) => requestedAt + delayMs < approval.expiresAt);
  if (steps < due.length) broken('timers', `${execution.id} lets time pass without having escalated`);
}

export function takeDecision(
  execution: ExecutionModel,
  fact: Of<'approval.decided'>,
  input: Input,
  broken: Broken,
): void {
  const tally = execution.approvals.get(fact.approvalId);
  if (tally === undefined || tally.decided !== null)
    return broken('votes', `${execution.id} decides what is not asked`);
  tally.decided = fact.status;
  tally.fallback = fact.fallback;
  const { verdict, approval, rule } = tally;
  if (fact.fallback === 'auto_approved' || fact.fallback === 'auto_denied' || fact.fallback === 'exempted') {
    if (fact.fallback !== rule)
      broken('approvals', `${execution.id} decides ${fact.fallback}, and the rule is ${rule}`);
    tally.verdict = fact.status === 'APPROVED' ? 'approved' : 'denied';
    return;
  }
  if (rule !== null) broken('approvals', `${execution.id} asks people although the rule is ${rule}`);
  if (fact.status === 'APPROVED' && verdict !== 'approved') broken('votes', `${execution.id} approves without quorum`);
  if (fact.status === 'DENIED' && verdict !== 'denied') broken('votes', `${execution.id} denies without a deny`);
  if (fact.status === 'EXPIRED' && input.at < approval.expiresAt) broken('votes', `${execution.id} expires early`);
  if (fact.status === 'EXPIRED') checkSteps(execution, tally, broken);
  if (fact.status === 'VOIDED' && execution.stopped === null) broken('votes', `${execution.id} voids without a stop`);
}

/**
 * What conditions and exemptions decide without people: one true deny, or of each gate a true approval or an exemption that counts.
 */
function ruleFor(
  execution: ExecutionModel,
  { approval, actionId, purpose }: Of<'approval.requested'>,
  input: Input,
  broken: Broken,
): string | null {
  const used = (approval.automatic ?? []).flatMap((each) => ('exemption' in each ? [each.exemption.id] : []));
  const owed: string[] = [];
  const rule = purpose === 'gate' ? ruleOfGates(execution, { approval, actionId }, input, owed) : null;
  if (used.join() !== owed.join())
    broken(
      'approvals',
      `${execution.id} uses the exemptions [${used.join()}], and those that count are [${owed.join()}]`,
    );
  return rule;
}

/** Floors: what cannot be undone, who is protected, and long lists are for people. */
function mayStandIn(execution: ExecutionModel, actionId: string): boolean {
  const { plan, target, accounts } = actionOf(execution, actionId);
  const whom = plan.forEach === null ? [target] : accounts;
  const list = execution.plan.protectedIdentities ?? [];
  const isProtected = plan.declaration.contains && whom.some((id) => list.includes(id));
  return plan.declaration.reversibility !== 'irreversible' && !isProtected && whom.length <= 10;
}

/** @param owed takes the exemptions that have to be used */
function ruleOfGates(
  execution: ExecutionModel,
  { approval, actionId }: Pick<Asked, 'approval' | 'actionId'>,
  input: Input,
  owed: string[],
): string | null {
  const { plan, target, accounts } = actionOf(execution, actionId);
  const isTrue = (list: readonly string[] | undefined): boolean => list?.includes(TRUE_CONDITION) === true;
  const planned = plan.gates.map(({ automatic }) => automatic);
  if (planned.some((automatic) => isTrue(automatic?.deny))) return 'auto_denied';
  const whom = plan.forEach === null ? [target] : accounts;
  const mayApprove = mayStandIn(execution, actionId);
  const unanswered = plan.gates.filter(({ automatic }) => !mayApprove || !isTrue(automatic?.approve));
  const asking = unanswered.filter((gate) => {
    const exemption = mayApprove ? standsIn(gate, whom, approval, input) : null;
    if (exemption !== null) owed.push(exemption);
    return exemption === null;
  });
  if (asking.length === 0 && planned.length > 0) return owed.length > 0 ? 'exempted' : 'auto_approved';
  if (approval.gates.length !== Math.max(1, asking.length)) return 'other gates';
  return null;
}

/** Whether people, or the rule that stands in for them, have allowed what begins now. */
export function checkAllowed(
  execution: ExecutionModel,
  action: ActionModel,
  what: string,
  whom: readonly string[],
  broken: Broken,
): void {
  const { plan } = action;
  const list = execution.plan.protectedIdentities ?? [];
  const isProtected = plan.declaration.contains && whom.some((id) => list.includes(id));
  if (execution.stopped !== null) broken('stops', `${execution.id} ${plan.actionId} ${what} after a stop`);
  if (action.phase === 'settled' && action.status !== null)
    broken('order', `${execution.id} ${plan.actionId} ${what} although it is settled`);
  const gates = plan.gates.length > 0;
  const tally = action.approvalId === null ? undefined : execution.approvals.get(action.approvalId);
  if (tally === undefined) {
    if (gates || isProtected) broken('approvals', `${execution.id} ${plan.actionId} ${what} and nobody was asked`);
    return;
  }
  if (tally.verdict === 'approved' && tally.decided === 'APPROVED') return;
  const fallsBack =
    tally.decided === 'EXPIRED' &&
    tally.fallback === 'ALLOW_ACTION' &&
    gates &&
    !isProtected &&
    // Those that a condition or an exemption has answered are fulfilled.
    tally.approval.gates.every(({ fallbackBehavior }) => fallbackBehavior === 'ALLOW_ACTION') &&
    tally.approval.gates.every(({ external }) => external === undefined || !isMissed(tally, external)) &&
    plan.declaration.reversibility !== 'irreversible';
  if (!fallsBack && plan.question === null)
    broken('approvals', `${execution.id} ${plan.actionId} ${what} without approval`);
}
