import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Input } from '../../src/pipeline/executions/core/inputs.ts';
import { errorIn } from './answers.ts';
import { FAILURES } from './course.ts';
import {
  actionOf,
  expectedKey,
  type ActionModel,
  type Broken,
  type ExecutionModel,
  type Judge,
  type Of,
} from './model.ts';

/** A roll-back begins: everything that may have been done and can be undone, the newest first. */
export function takeRollBack(
  execution: ExecutionModel,
  { queue }: Of<'compensation.started'>,
  { broken }: Judge,
): void {
  execution.undoneFrom = Number.MAX_SAFE_INTEGER;
  execution.ended = null;
  const due = [...execution.actions.values()].filter((action) => mustUndo(execution, action));
  due.sort((left, right) => right.settledNo - left.settledNo);
  const expected = due.map(({ plan }) => plan.actionId).join(' ');
  if (queue.join(' ') !== expected)
    broken('compensation', `${execution.id} undoes [${queue.join(' ')}] instead of [${expected}]`);
}

const WEEK_MS = 7 * 24 * 3_600_000;

/** A person keeps a containment for longer: their word, and only where it is not undone with the rest whatever they say. */
export function takeExtension(
  execution: ExecutionModel,
  fact: Of<'containment.extended'>,
  input: Input,
  { broken }: Judge,
): void {
  const action = actionOf(execution, fact.actionId);
  const name = `${execution.id} ${fact.actionId}`;
  if (input.type !== 'extend') broken('ttl', `${name} is kept for nobody`);
  const { stopped, ended, isToBeUndone, undoneFrom } = execution;
  const failed = [...execution.actions.values()].some(
    ({ plan, status }) => plan.onFailure === 'COMPENSATE' && FAILURES.has(status ?? ''),
  );
  const isDecided = stopped !== null && ended === null && (isToBeUndone || failed);
  if (isDecided || undoneFrom !== null) broken('ttl', `${name} is kept for longer, and is undone with the rest`);
  // Longer than its target was told it would be.
  if (fact.until - action.calledAt > WEEK_MS) broken('ttl', `${name} is kept for more than a week from its call`);
  action.keptUntil = fact.until;
}

/** One undo begins: of what can be undone, under its own key, and within a roll-back in its turn. */
export function takeUndoStarted(execution: ExecutionModel, fact: Of<'undo.started'>, input: Input, judge: Judge): void {
  const { broken, journalId, keys } = judge;
  const { actionId } = fact;
  const action = actionOf(execution, actionId);
  const { plan, generation } = action;
  if (plan.declaration.reversibility !== 'undo') broken('compensation', `${execution.id} undoes what it cannot`);
  const key = expectedKey(journalId, execution.id, actionId, 'undo', generation);
  if (fact.key !== key) broken('keys', `${execution.id} ${actionId} undoes under another key than it must`);
  keys.set(key, { executionId: execution.id, actionId, direction: 'undo', generation });
  if (action.due !== null && action.due > input.at)
    broken('timers', `${execution.id} ${actionId} is undone again before its pause is over`);
  noteReason(action, input);
  if (execution.undoneFrom !== null && action.undoneFor === 'roll-back') {
    const others = [...execution.actions.values()].filter(
      (other) => other !== action && other.phase === 'undoing' && other.undoneFor === 'roll-back',
    );
    if (others.length > 0) broken('compensation', `${execution.id} undoes two actions at once`);
    if (action.settledNo > execution.undoneFrom)
      broken('compensation', `${execution.id} undoes ${actionId} after an older one`);
    execution.undoneFrom = action.settledNo;
  }
  Object.assign(action, { phase: 'undoing', undoAttempt: fact.attempt, due: null });
}

/** What happens between two undos of one action, and at their end. */
export function moveUndo(
  execution: ExecutionModel,
  action: ActionModel,
  fact: Fact,
  input: Input,
  { broken }: Judge,
): void {
  switch (fact.type) {
    case 'undo.awaited':
      noteReason(action, input);
      Object.assign(action, { phase: 'paused', due: fact.resumeAt });
      return;
    case 'undo.paused':
      Object.assign(action, { phase: 'kept back', pauses: action.pauses + 1 });
      return;
    case 'undo.resumed':
      action.phase = 'undoing';
      return;
    case 'undo.failed':
      action.undoFailures += 1;
      Object.assign(action, { phase: 'paused', due: fact.resumeAt });
      return;
    case 'undo.settled': {
      const { status, reason } = fact;
      if (status === 'COMPENSATION_FAILED') checkGivenUp(execution, action, input, broken);
      action.undoFailures = 0;
      Object.assign(action, { phase: 'settled', status, reason, due: null, undoneFor: null });
      const actions = [...execution.actions.values()];
      if (actions.some((other) => other.phase === 'undoing' || mustUndo(execution, other))) return;
      execution.undoneFrom = null;
      return;
    }
    default:
  }
}

/** The figure that is promised: answers of the target after which a person is needed, each time that an undo is asked for. */
const UNDO_TRIES = 5;

/** Whoever is locked out stays so: an undo is given up when the target has refused it, or after all its tries. */
function checkGivenUp(execution: ExecutionModel, action: ActionModel, input: Input, broken: Broken): void {
  const error = errorIn(input);
  const failures = action.undoFailures + 1;
  if (error === null || !(error.retryable || error.resultUnknown) || failures === UNDO_TRIES) return;
  broken('compensation', `${execution.id} gives up the undo of ${action.plan.actionId} after ${failures} tries`);
}

/** What an undo began for, it is repeated for: one that its own time began stays outside of a later roll-back's order. */
function noteReason(action: ActionModel, input: Input): void {
  const ownTime = input.type === 'timer' && input.name.startsWith('ttl:');
  action.undoneFor ??= ownTime ? 'its time' : 'roll-back';
}

const WAITS: ReadonlySet<string> = new Set(['paused', 'kept back']);

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
    // It was refused, only looked at, or read and is not there: what can be undone can be read back.
    case 'FAILED':
    case 'TIMED_OUT':
      return false;
    default:
      return action.phase === 'undoing' || (WAITS.has(action.phase) && action.undoAttempt > 0);
  }
}
