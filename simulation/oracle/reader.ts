import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { checkAnswer } from './answers.ts';
import {
  checkNobodyIsWaitedFor,
  takeDecision,
  takeEscalation,
  takeReminder,
  takeRequest,
  takeVote,
  takeWithdrawal,
} from './approvals.ts';
import { moveAttempt, takeAttempt, takeSettled } from './attempts.ts';
import { noteChild, takeChildren } from './children.ts';
import { moveUndo, takeExtension, takeRollBack, takeUndoStarted } from './compensation.ts';
import { takeEnd, takeRetried, takeStage, takeStop } from './course.ts';
import { createLimitRule } from './limits.ts';
import { actionOf, newExecution, type ExecutionModel, type Judge, type KeyMeaning } from './model.ts';
import { checkNobodyWaits, noteRisk, noteSeverity, takeQuiet } from './quiet.ts';
import { checkServiceDecision, takeServiceAnswer, type MeantBy } from './services.ts';
import { checkTimer } from './timers.ts';

export interface ReaderPorts extends Pick<Judge, 'broken' | 'journalId'> {
  planOf(hash: string): Plan;
  /** Absent: no service is asked. */
  readonly meantBy?: MeantBy;
}

/** Reads the records as they are committed and believes nothing of them that it can work out itself. */
export interface Reader {
  readonly executions: ReadonlyMap<string, ExecutionModel>;
  readonly keys: ReadonlyMap<string, KeyMeaning>;
  read(sealed: SealedRecord): void;
}

export function createReader({ broken, journalId, planOf, meantBy = () => new Set() }: ReaderPorts): Reader {
  const executions = new Map<string, ExecutionModel>();
  const keys = new Map<string, KeyMeaning>();
  const judge: Judge = { broken, journalId, keys };
  const limits = createLimitRule(broken);

  function read(sealed: SealedRecord): void {
    const { record } = sealed;
    if (record.stream.startsWith('limiter/')) return limits.count(sealed);
    if (!record.stream.startsWith('execution/')) return;
    const { input, facts } = record.data as unknown as { input: Input; facts: readonly Fact[] }; // what the engine writes
    if (input.type === 'start') {
      const { executionId, planHash, at, parent } = input;
      executions.set(executionId, newExecution(executionId, planOf(planHash), at, parent));
    }
    const execution = executions.get(record.stream.slice('execution/'.length));
    if (execution === undefined) return broken('records', `${record.stream} does not begin with a start`);
    execution.earliestAt = Math.min(execution.earliestAt, input.at);
    checkTimer(execution, input, facts, broken);
    checkAnswer(execution, input, facts, broken);
    if (input.type === 'start') noteRisk(execution, input.riskLevel);
    if (input.type === 'start') noteSeverity(execution, input.snapshot.incident['severity']);
    if (input.type === 'service_answer') takeServiceAnswer(execution, input, facts, judge, meantBy);
    const checkVote = input.type === 'vote' ? takeVote(execution, input, facts, broken) : null;
    if (input.type === 'withdraw') takeWithdrawal(execution, input, facts, broken);
    for (const fact of facts) {
      if ('actionId' in fact) limits.take(execution, actionOf(execution, fact.actionId), fact);
      take(execution, fact, input, judge);
    }
    checkVote?.();
    checkNobodyIsWaitedFor(execution, broken);
    if (input.type === 'service_answer') checkServiceDecision(execution, input, judge);
    checkNobodyWaits(execution, broken);
  }

  return { executions, keys, read };
}

function take(execution: ExecutionModel, fact: Fact, input: Input, judge: Judge): void {
  const { broken } = judge;
  switch (fact.type) {
    case 'quiet.awaited':
    case 'quiet.ended':
      return takeQuiet(execution, fact, input, broken);
    case 'containment.extended':
      return takeExtension(execution, fact, input, judge);
    case 'incident.noted':
      if (input.type === 'incident') noteSeverity(execution, input.incident['severity']);
      return;
    case 'stage.started':
      return takeStage(execution, fact, broken);
    case 'action.prepared':
      Object.assign(actionOf(execution, fact.actionId), { target: fact.target.id, accounts: fact.accounts });
      return;
    case 'approval.requested':
      return takeRequest(execution, fact, input, broken);
    case 'approval.escalated':
      return takeEscalation(execution, fact, input, broken);
    case 'approval.reminded':
      return takeReminder(execution, fact, broken);
    case 'approval.decided':
      return takeDecision(execution, fact, input, broken);
    case 'attempt.started':
      return takeAttempt(execution, fact, input, judge);
    case 'action.settled':
      return takeSettled(execution, fact, input, judge);
    case 'execution.stopped':
      return takeStop(execution, fact, input, broken);
    case 'execution.retried':
      return takeRetried(execution, fact, input, broken);
    case 'execution.ended':
      return takeEnd(execution, fact, broken);
    case 'compensation.started':
      return takeRollBack(execution, fact, judge);
    case 'undo.started':
      return takeUndoStarted(execution, fact, input, judge);
    case 'undo.awaited':
    case 'undo.paused':
    case 'undo.resumed':
    case 'undo.failed':
    case 'undo.settled':
      return moveUndo(execution, actionOf(execution, fact.actionId), fact, input, judge);
    case 'children.started':
      return takeChildren(execution, fact, broken);
    case 'child.settled':
      return noteChild(execution, input);
    default:
      if ('actionId' in fact) moveAttempt(execution, actionOf(execution, fact.actionId), fact, input, judge);
  }
}
