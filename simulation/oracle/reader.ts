import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { expectedKey, newExecution, type ActionModel, type ExecutionModel } from './model.ts';
import { countVote } from './votes.ts';

/** What a key stands for, as the oracle derived it when the attempt was recorded. */
export interface KeyMeaning {
  readonly executionId: string;
  readonly actionId: string;
  readonly direction: 'perform' | 'undo';
  readonly generation: number;
}

export interface ReaderPorts {
  readonly journalId: string;
  planOf(hash: string): Plan;
  /** Told of each broken promise, in a sentence that begins with the rule's name. */
  broken(rule: string, what: string): void;
}

/** Reads the records as they are committed and believes nothing of them that it can work out itself. */
export interface Reader {
  readonly executions: ReadonlyMap<string, ExecutionModel>;
  readonly keys: ReadonlyMap<string, KeyMeaning>;
  read(sealed: SealedRecord): void;
}

type Of<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

const FAILURES = new Set(['FAILED', 'UNKNOWN', 'TIMED_OUT']);

export function createReader(ports: ReaderPorts): Reader {
  const { broken } = ports;
  const executions = new Map<string, ExecutionModel>();
  const keys = new Map<string, KeyMeaning>();

  function read({ record }: SealedRecord): void {
    if (!record.stream.startsWith('execution/')) return;
    const { input, facts } = record.data as unknown as { input: Input; facts: readonly Fact[] }; // what the engine writes
    if (input.type === 'start') {
      const { executionId, planHash, at, parent } = input;
      executions.set(executionId, newExecution(executionId, ports.planOf(planHash), at, parent));
    }
    const execution = executions.get(record.stream.slice('execution/'.length));
    if (execution === undefined) return broken('records', `${record.stream} does not begin with a start`);
    checkTimer(execution, input, facts);
    checkAnswer(execution, input, facts);
    const voted = input.type === 'vote' ? takeVote(execution, input, facts) : null;
    for (const fact of facts) take(execution, fact, input);
    if (voted !== null && voted.verdict !== 'pending' && voted.decided === null)
      broken('votes', `${execution.id} has a decided vote without a decision`);
  }

  function takeVote(execution: ExecutionModel, input: Extract<Input, { type: 'vote' }>, facts: readonly Fact[]) {
    const tally = execution.approvals.get(input.approvalId);
    if (tally === undefined || tally.decided !== null) {
      if (facts.some(({ type }) => type === 'vote.cast')) broken('votes', `${execution.id} counts a vote too late`);
      return null;
    }
    const counted = countVote(tally, input);
    if (counted !== facts.some(({ type }) => type === 'vote.cast'))
      broken('votes', `${execution.id} ${counted ? 'refuses a good vote' : 'counts a vote that may not count'}`);
    return tally;
  }

  function checkTimer(execution: ExecutionModel, input: Input, facts: readonly Fact[]): void {
    if (input.type !== 'timer' || facts.some(({ type }) => type === 'input.ignored')) return;
    const [kind = '', id = ''] = input.name.split(/:(.*)/s);
    const due = timerDue(execution, kind, id);
    if (due === null) return broken('timers', `${execution.id} applies ${input.name}, which it does not hold`);
    if (due > input.at) broken('timers', `${execution.id} applies ${input.name} ${due - input.at} ms too early`);
    const action = execution.actions.get(id);
    if (kind === 'resume' && action !== undefined) {
      if (action.generation !== input.generation) broken('timers', `${execution.id} applies an old ${input.name}`);
      action.due = null;
    }
  }

  function timerDue(execution: ExecutionModel, kind: string, id: string): number | null {
    if (kind === 'execution') return execution.startedAt + execution.plan.executionTimeoutMs;
    if (kind === 'approval') {
      const tally = execution.approvals.get(id);
      return tally === undefined || tally.decided !== null ? null : tally.approval.expiresAt;
    }
    const action = execution.actions.get(id);
    if (action === undefined) return null;
    if (kind === 'resume') return action.due;
    const { ttlMs } = action.plan;
    // Who shares another one's hold lets go at the end of its own time, too.
    const holds = action.status === 'SUCCESS' || (action.status === 'SKIPPED' && action.reason === 'already_held');
    return ttlMs === null || !holds || action.phase !== 'settled' ? null : action.settledAt + ttlMs;
  }

  /** An answer counts only for the attempt that is under way, and for the phase it is in. */
  function checkAnswer(execution: ExecutionModel, input: Input, facts: readonly Fact[]): void {
    const awaited = PHASE_OF.get(input.type);
    if (awaited === undefined || !('attempt' in input)) return;
    const action = execution.actions.get(input.actionId);
    const attempt = input.type === 'undone' ? action?.undoAttempt : action?.attempt;
    const current = action?.phase === awaited && attempt === input.attempt && action.generation === input.generation;
    const late = facts.some(({ type }) => type === 'attempt.late');
    if (current === late)
      broken(
        'answers',
        `${execution.id} takes ${late ? 'a good' : 'a late'} ${input.type} for ${late ? 'late' : 'good'}`,
      );
  }

  function actionOf(execution: ExecutionModel, actionId: string): ActionModel {
    const action = execution.actions.get(actionId);
    if (action === undefined) throw new Error(`${execution.id} has no action ${actionId}`);
    return action;
  }

  function take(execution: ExecutionModel, fact: Fact, input: Input): void {
    switch (fact.type) {
      case 'stage.started':
        return takeStage(execution, fact.index);
      case 'approval.requested':
        return takeRequest(execution, fact);
      case 'approval.decided':
        return takeDecision(execution, fact, input);
      case 'attempt.started':
        return takeAttempt(execution, fact, input);
      case 'action.settled':
        return takeSettled(execution, fact, input);
      case 'execution.stopped':
        return takeStop(execution, fact, input);
      case 'execution.retried':
        return takeRetried(execution, fact, input);
      case 'compensation.started':
        execution.undoneFrom = Number.MAX_SAFE_INTEGER;
        for (const action of execution.actions.values()) action.rolledBack = false;
        execution.ended = null;
        return checkQueue(execution, fact.queue);
      case 'undo.started':
        return takeUndoStarted(execution, fact, input);
      case 'execution.ended':
        return takeEnd(execution, fact);
      case 'children.started':
        for (const { id, account } of fact.children) execution.children.set(id, { actionId: fact.actionId, account });
        actionOf(execution, fact.actionId).phase = 'children';
        return checkAllowed(execution, actionOf(execution, fact.actionId), 'starts children');
      default:
        if ('actionId' in fact) moveAction(execution, actionOf(execution, fact.actionId), fact, input);
    }
  }

  function takeStage(execution: ExecutionModel, index: number): void {
    if (index !== execution.stage + 1) broken('order', `${execution.id} starts stage ${index} out of order`);
    if (execution.stopped !== null) broken('stops', `${execution.id} starts a stage after it was stopped`);
    for (const { actions } of execution.plan.stages.slice(0, index)) {
      for (const { actionId } of actions)
        if (actionOf(execution, actionId).phase !== 'settled')
          broken('order', `${execution.id} starts stage ${index} before ${actionId} is settled`);
    }
    execution.stage = index;
  }

  function takeRequest(execution: ExecutionModel, { approval, actionId }: Of<'approval.requested'>): void {
    if (execution.approvals.has(approval.id)) broken('votes', `${execution.id} asks twice with one id`);
    const tally = { approval, actionId, people: [], verdict: 'pending' as const, decided: null, fallback: null };
    execution.approvals.set(approval.id, tally);
    const action = actionOf(execution, actionId);
    action.phase = 'asked';
    action.approvalId = approval.id;
  }

  function takeDecision(execution: ExecutionModel, fact: Of<'approval.decided'>, input: Input): void {
    const tally = execution.approvals.get(fact.approvalId);
    if (tally === undefined || tally.decided !== null)
      return broken('votes', `${execution.id} decides what is not asked`);
    tally.decided = fact.status;
    tally.fallback = fact.fallback;
    const { verdict, approval } = tally;
    if (fact.status === 'APPROVED' && verdict !== 'approved')
      broken('votes', `${execution.id} approves without quorum`);
    if (fact.status === 'DENIED' && verdict !== 'denied') broken('votes', `${execution.id} denies without a deny`);
    if (fact.status === 'EXPIRED' && input.at < approval.expiresAt) broken('votes', `${execution.id} expires early`);
    if (fact.status === 'VOIDED' && execution.stopped === null) broken('votes', `${execution.id} voids without a stop`);
  }

  /** Whether people, or the rule that stands in for them, have allowed what begins now. */
  function checkAllowed(execution: ExecutionModel, action: ActionModel, what: string): void {
    const { plan } = action;
    if (execution.stopped !== null) broken('stops', `${execution.id} ${plan.actionId} ${what} after a stop`);
    if (action.phase !== 'children' && action.phase === 'settled' && action.status !== null)
      broken('order', `${execution.id} ${plan.actionId} ${what} although it is settled`);
    const gates = plan.gates.length > 0;
    const tally = action.approvalId === null ? undefined : execution.approvals.get(action.approvalId);
    if (tally === undefined) {
      if (gates) broken('approvals', `${execution.id} ${plan.actionId} ${what} and nobody was asked`);
      return;
    }
    if (tally.verdict === 'approved' && tally.decided === 'APPROVED') return;
    const fallsBack =
      tally.decided === 'EXPIRED' &&
      tally.fallback === 'ALLOW_ACTION' &&
      plan.gates.length > 0 &&
      plan.gates.every(({ fallbackBehavior }) => fallbackBehavior === 'ALLOW_ACTION') &&
      plan.declaration.reversibility !== 'irreversible';
    if (!fallsBack && plan.question === null)
      broken('approvals', `${execution.id} ${plan.actionId} ${what} without approval`);
  }

  function takeAttempt(execution: ExecutionModel, fact: Of<'attempt.started'>, input: Input): void {
    const action = actionOf(execution, fact.actionId);
    const { plan } = action;
    checkAllowed(execution, action, 'begins an attempt');
    if (action.due !== null && action.due > input.at)
      broken('timers', `${execution.id} ${plan.actionId} begins before its pause is over`);
    if (fact.generation !== action.generation)
      broken('keys', `${execution.id} ${plan.actionId} counts generations wrongly`);
    if (fact.phase !== 'verifying') {
      if (fact.attempt !== action.attempt + 1) broken('order', `${execution.id} ${plan.actionId} counts wrongly`);
      const key = expectedKey(ports.journalId, execution.id, fact.actionId, 'perform', fact.generation);
      if (fact.key !== key) broken('keys', `${execution.id} ${plan.actionId} has another key than it must`);
      keys.set(key, {
        executionId: execution.id,
        actionId: fact.actionId,
        direction: 'perform',
        generation: fact.generation,
      });
    }
    if (fact.attempt - action.interruptions > plan.retry.maxRetries + 1)
      broken('retries', `${execution.id} ${plan.actionId} begins attempt ${fact.attempt}`);
    Object.assign(action, { phase: fact.phase, attempt: fact.attempt, status: null, due: null, says: null });
    Object.assign(action, { performed: false, shared: false });
  }

  function takeSettled(execution: ExecutionModel, fact: Of<'action.settled'>, input: Input): void {
    const action = actionOf(execution, fact.actionId);
    const { plan } = action;
    const alone = plan.forEach === null || execution.parent !== null;
    if (fact.status === 'SUCCESS' && alone && !action.performed)
      broken('success', `${execution.id} ${plan.actionId} succeeds without an effect that was seen`);
    if (fact.status === 'DENIED') {
      const tally = action.approvalId === null ? undefined : execution.approvals.get(action.approvalId);
      if (tally === undefined || tally.decided === null || tally.decided === 'APPROVED')
        broken('votes', `${execution.id} ${plan.actionId} is denied by nobody`);
    }
    if (fact.outcome === 'approved' || fact.outcome === 'denied') {
      const tally = action.approvalId === null ? undefined : execution.approvals.get(action.approvalId);
      if (tally?.verdict !== fact.outcome) broken('votes', `${execution.id} ${plan.actionId} invents an answer`);
    }
    execution.settledCount += 1;
    Object.assign(action, { phase: 'settled', status: fact.status, reason: fact.reason, due: null });
    Object.assign(action, { settledNo: execution.settledCount, settledAt: input.at });
    if (fact.reason === 'already_held') action.shared = true;
  }

  function takeStop(execution: ExecutionModel, { why }: Of<'execution.stopped'>, input: Input): void {
    const actions = [...execution.actions.values()];
    const because = {
      cancelled: input.type === 'cancel',
      timed_out: input.type === 'timer' && input.name === 'execution',
      denied: actions.some(({ status, plan }) => status === 'DENIED' && plan.onDenied === 'HALT'),
      failure: actions.some(({ status, plan }) => FAILURES.has(status ?? '') && plan.onFailure !== 'CONTINUE'),
    };
    if (!because[why]) broken('stops', `${execution.id} stops as ${why} without a reason`);
    execution.stopped = why;
  }

  function takeRetried(execution: ExecutionModel, fact: Of<'execution.retried'>, input: Input): void {
    if (input.type !== 'retry') broken('keys', `${execution.id} is retried by nobody`);
    execution.stopped = null;
    execution.ended = null;
    for (const actionId of fact.actionIds) {
      const action = actionOf(execution, actionId);
      if (!FAILURES.has(action.status ?? '')) broken('keys', `${execution.id} retries what did not fail`);
      Object.assign(action, { phase: 'idle', status: null, attempt: 0, interruptions: 0, undoAttempt: 0 });
      action.generation += 1;
    }
  }

  /** Everything that may have been done and can be undone, the newest first. */
  function checkQueue(execution: ExecutionModel, queue: readonly string[]): void {
    const due = [...execution.actions.values()].filter((action) => mustUndo(execution, action));
    due.sort((left, right) => right.settledNo - left.settledNo);
    const expected = due.map(({ plan }) => plan.actionId).join(' ');
    if (queue.join(' ') !== expected)
      broken('compensation', `${execution.id} undoes [${queue.join(' ')}] instead of [${expected}]`);
  }

  function takeUndoStarted(execution: ExecutionModel, fact: Of<'undo.started'>, input: Input): void {
    const action = actionOf(execution, fact.actionId);
    const { plan } = action;
    if (plan.declaration.reversibility !== 'undo') broken('compensation', `${execution.id} undoes what it cannot`);
    const key = expectedKey(ports.journalId, execution.id, fact.actionId, 'undo', action.generation);
    if (fact.key !== key) broken('keys', `${execution.id} ${plan.actionId} undoes under another key than it must`);
    keys.set(key, {
      executionId: execution.id,
      actionId: fact.actionId,
      direction: 'undo',
      generation: action.generation,
    });
    if (action.due !== null && action.due > input.at)
      broken('timers', `${execution.id} ${plan.actionId} is undone again before its pause is over`);
    if (execution.undoneFrom !== null) {
      const others = [...execution.actions.values()].filter(
        (other) => other !== action && other.phase === 'undoing' && other.rolledBack,
      );
      if (others.length > 0) broken('compensation', `${execution.id} undoes two actions at once`);
      if (action.settledNo > execution.undoneFrom)
        broken('compensation', `${execution.id} undoes ${plan.actionId} after an older one`);
      execution.undoneFrom = action.settledNo;
      action.rolledBack = true;
    }
    Object.assign(action, { phase: 'undoing', undoAttempt: fact.attempt, due: null });
  }

  function takeEnd(execution: ExecutionModel, { status }: Of<'execution.ended'>): void {
    execution.ended = status;
    execution.undoneFrom = null;
    for (const { plan, phase, status: own } of execution.actions.values()) {
      if (phase !== 'settled' && phase !== 'idle')
        broken('order', `${execution.id} ends while ${plan.actionId} is ${phase}`);
      if (phase === 'idle' && execution.stopped === null)
        broken('order', `${execution.id} ends before ${plan.actionId} began`);
      if (own === 'COMPENSATION_FAILED' && status !== 'COMPENSATION_FAILED')
        broken('compensation', `${execution.id} ends ${status} although ${plan.actionId} could not be undone`);
    }
  }

  function moveAction(execution: ExecutionModel, action: ActionModel, fact: Fact, input: Input): void {
    const { plan } = action;
    switch (fact.type) {
      case 'attempt.observed':
        action.hasPrior = true;
        action.phase = 'performing';
        return;
      case 'attempt.performed':
        Object.assign(action, { phase: 'verifying', performed: !plan.declaration.readBack, resultUnknown: false });
        return;
      case 'hold.shared':
        Object.assign(action, { shared: true, hasPrior: true });
        return;
      case 'attempt.verified': {
        const says = input.type === 'verified' && 'says' in input.result ? input.result.says : null;
        action.performed = says === 'holds' || says === 'foreign';
        action.resultUnknown = false;
        return;
      }
      case 'attempt.interrupted':
        action.interruptions += 1;
        action.phase = fact.next === 'none' ? 'paused' : fact.next;
        return;
      case 'attempt.failed':
        action.resultUnknown = 'result' in input && 'error' in input.result && input.result.error.resultUnknown;
        action.phase = fact.next === 'verifying' ? 'verifying' : 'paused';
        return;
      case 'retry.scheduled':
        checkBackoff(execution, action, fact.resumeAt, input);
        Object.assign(action, { phase: 'paused', due: fact.resumeAt });
        return;
      case 'settling.awaited':
        Object.assign(action, { phase: 'paused', due: fact.resumeAt });
        return;
      case 'action.waiting':
        Object.assign(action, { phase: 'paused', due: fact.resumeAt });
        return;
      case 'verification.repeated':
        action.phase = 'verifying';
        return;
      case 'check.started':
        action.phase = 'checking';
        return;
      case 'undo.awaited':
        Object.assign(action, { phase: 'paused', due: fact.resumeAt });
        return;
      case 'undo.failed':
        Object.assign(action, { phase: 'paused', due: fact.resumeAt });
        return;
      case 'undo.settled':
        Object.assign(action, { phase: 'settled', status: fact.status, reason: fact.reason, due: null });
        if (![...execution.actions.values()].some((other) => other.phase === 'undoing')) leaveUndo(execution);
        return;
      default:
    }
  }

  function leaveUndo(execution: ExecutionModel): void {
    const left = [...execution.actions.values()].some((action) => mustUndo(execution, action));
    if (!left) execution.undoneFrom = null;
  }

  /** No pause is shorter than the plan says, or than the target asked for. */
  function checkBackoff(execution: ExecutionModel, action: ActionModel, resumeAt: number, input: Input): void {
    if (input.type === 'interrupted') return;
    const { retry, actionId } = action.plan;
    let least = retry.backoffMs;
    for (let step = 1; step < action.attempt - action.interruptions; step += 1) least *= retry.backoffMultiplier;
    if ('result' in input && 'error' in input.result) least = Math.max(least, input.result.error.retryAfterMs ?? 0);
    if (resumeAt < input.at + least) broken('retries', `${execution.id} ${actionId} pauses too short`);
  }

  return { executions, keys, read };
}

const PHASE_OF: ReadonlyMap<string, string> = new Map([
  ['observed', 'observing'],
  ['performed', 'performing'],
  ['interrupted', 'performing'],
  ['verified', 'verifying'],
  ['checked', 'checking'],
  ['undone', 'undoing'],
]);

/** Whether a roll-back has to undo it: it was done, or may have been, and can be undone. */
function mustUndo(execution: ExecutionModel, action: ActionModel): boolean {
  if (action.plan.declaration.reversibility !== 'undo') return false;
  const isFanOut = [...execution.children.values()].some(({ actionId }) => actionId === action.plan.actionId);
  if (isFanOut) return action.phase !== 'settled' || action.status !== 'COMPENSATED';
  switch (action.status) {
    case 'SUCCESS':
    case 'UNKNOWN':
      return action.attempt > 0 || action.generation > 1;
    case 'SKIPPED':
      return action.shared;
    case 'COMPENSATION_FAILED':
      return true;
    case 'FAILED':
    case 'TIMED_OUT':
      return action.resultUnknown;
    default:
      return action.phase === 'undoing' || (action.phase === 'paused' && action.undoAttempt > 0);
  }
}
