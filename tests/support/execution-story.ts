import { decide, type Decision } from '../../src/pipeline/executions/core/decide.ts';
import { timersOf, type HeldTimer } from '../../src/pipeline/executions/core/demands.ts';
import type { AttemptError, Input, NewInput, StartInput } from '../../src/pipeline/executions/core/inputs.ts';
import type { ActionState, ApprovalState, ExecutionState } from '../../src/pipeline/executions/core/state.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import type { Role } from '../../src/pipeline/vocabulary.ts';
import { startOf } from './plans.ts';

export const STORY_START = Date.UTC(2026, 10, 21, 3, 0, 0);

/** An error that no repeat would mend, and that says nothing was done. */
export const REFUSED: AttemptError = {
  code: 'refused',
  message: 'no',
  retryable: false,
  resultUnknown: false,
  retryAfterMs: null,
};
export const BUSY: AttemptError = { ...REFUSED, code: 'busy', retryable: true };
export const NO_ANSWER: AttemptError = { ...BUSY, code: 'timeout', resultUnknown: true };

/** One execution of the pure core, told step by step: no journal, no target, and a clock that is set. */
export class ExecutionStory {
  readonly plan: Plan;
  now = STORY_START;
  last: Decision;
  readonly inputs: Input[] = [];

  constructor(plan: Plan, change: Partial<StartInput> = {}) {
    this.plan = plan;
    const start: Input = { ...startOf('exe_1'), type: 'start', planHash: 'h', at: STORY_START, ...change };
    this.inputs.push(start);
    this.last = decide(plan, null, start);
  }

  get state(): ExecutionState {
    return this.last.state;
  }

  get timers(): readonly HeldTimer[] {
    return timersOf(this.plan, this.state);
  }

  action(actionId = 'a'): ActionState {
    const action = this.state.actions[actionId];
    if (action === undefined) throw new Error(`no action ${actionId}`);
    return action;
  }

  /** The approval that was asked for first. */
  get approval(): ApprovalState {
    const [approval] = Object.values(this.state.approvals);
    if (approval === undefined) throw new Error('nothing was asked');
    return approval;
  }

  take(input: NewInput): this {
    const at: Input = { ...input, at: this.now };
    this.inputs.push(at);
    this.last = decide(this.plan, this.state, at);
    return this;
  }

  /** Answers what is under way for an action. */
  answer(type: 'observed' | 'performed' | 'verified' | 'checked' | 'undone', result: object, actionId = 'a'): this {
    const { attempt, undoAttempt, generation } = this.action(actionId);
    const base = { actionId, attempt: type === 'undone' ? undoAttempt : attempt, generation };
    return this.take({ type, ...base, result } as NewInput); // each test gives the result that belongs to the type
  }

  observe(actionId = 'a'): this {
    return this.answer('observed', { prior: { was: 1 }, heldBy: null }, actionId);
  }

  /** The attempt under way goes well, from the look at what was before to the look at what is. */
  succeed(actionId = 'a'): this {
    if (this.action(actionId).phase === 'observing') this.observe(actionId);
    this.answer('performed', { outcome: {} }, actionId);
    if (this.action(actionId).phase === 'verifying') this.answer('verified', { says: 'holds', digest: 'd' }, actionId);
    return this;
  }

  vote(
    decision: 'APPROVE' | 'DENY',
    userId = 'usr_2',
    roles: readonly Role[] = ['SECURITY_ADMIN'],
    { id: approvalId, intentHash } = this.approval,
  ): this {
    const voter = { userId, kind: 'person', roles, disabled: false, linkedAccounts: [], issuedBy: userId } as const;
    return this.take({ type: 'vote', approvalId, decision, intentHash, comment: null, voter });
  }

  /** When the timer with this beginning is due, in ms from now; null when there is none. */
  dueIn(beginning: string): number | null {
    const timer = this.timers.find(({ name }) => name.startsWith(beginning));
    return timer === undefined ? null : timer.due - this.now;
  }

  /** Moves to the timer with this beginning and takes it. */
  timer(beginning: string): this {
    const timer = this.timers.find(({ name }) => name.startsWith(beginning));
    if (timer === undefined) throw new Error(`no timer ${beginning}`);
    this.now = Math.max(this.now, timer.due);
    return this.take({ type: 'timer', name: timer.name, generation: timer.generation });
  }
}
