import { createHash } from 'node:crypto';
import type { Fact } from '../../src/pipeline/executions/core/facts.ts';
import type { Plan, PlanAction } from '../../src/pipeline/playbooks/plan.ts';
import type { Tally } from './votes.ts';

export type Of<Type extends Fact['type']> = Extract<Fact, { type: Type }>;

/** Told of each broken promise: the rule's name, and what broke it. */
export type Broken = (rule: string, what: string) => void;

/** What a key stands for, as the oracle derived it when the attempt was recorded. */
export interface KeyMeaning {
  readonly executionId: string;
  readonly actionId: string;
  readonly direction: 'perform' | 'undo';
  readonly generation: number;
}

/** What every rule is given. */
export interface Judge {
  readonly broken: Broken;
  readonly journalId: string;
  /** All keys that were recorded so far. */
  readonly keys: Map<string, KeyMeaning>;
}

/** What the oracle believes about one action, from the records alone. */
export interface ActionModel {
  readonly plan: PlanAction;
  phase:
    | 'idle'
    | 'quiet'
    | 'asked'
    | 'observing'
    | 'performing'
    | 'verifying'
    | 'paused'
    | 'kept back'
    | 'checking'
    | 'children'
    | 'settled'
    | 'undoing';
  generation: number;
  attempt: number;
  /** Reads of this attempt that were asked for once more, and checks of a wait. */
  reads: number;
  checks: number;
  /** The limiter of its type has counted it. */
  reserved: boolean;
  /** Calls that a pause of everything kept back. */
  pauses: number;
  /** Attempts of this generation that a stop cut off. */
  interruptions: number;
  status: string | null;
  reason: string | null;
  /** Place in the order in which actions settled; compensation goes backwards through it. */
  settledNo: number;
  settledAt: number;
  /** When its call could begin, or it was found to be there already. */
  calledAt: number;
  /** When a pause is over: what a timer may be applied for, once. */
  due: number | null;
  /** The present key answers for an effect that was read back, or that cannot be. */
  performed: boolean;
  undoAttempt: number;
  /** Answers of the target that failed the present undo. */
  undoFailures: number;
  /** What the undo that runs began for; a roll-back's order does not bind one that its own time began. */
  undoneFor: 'its time' | 'roll-back' | null;
  /** The last error said that the call may have taken effect. */
  resultUnknown: boolean;
  /** The target, or its connector, has said no for good in this run. */
  refused: boolean;
  /** Of a call, in this run or one before, nobody was told what became of it; no read has shown it since. */
  mayBeDone: boolean;
  /** Contained by somebody else already: the hold is shared. */
  shared: boolean;
  /** A prior state was read or taken over in this run: there is something to restore. */
  hasPrior: boolean;
  approvalId: string | null;
  /** To whom it is to be done: one, or the accounts of a fan-out. */
  target: string;
  accounts: readonly string[];
  /** It has waited for the end of quiet hours. */
  hasWaited: boolean;
  /** Until when people keep it, or null: as the plan says. */
  keptUntil: number | null;
}

/** A request to people, and what became of it. */
export interface Asked extends Tally {
  readonly actionId: string;
  readonly purpose: 'gate' | 'question' | 'condition_error' | 'blast_radius';
  readonly requestedAt: number;
  isReminded: boolean;
  /** The step that was taken last was to a schedule by which nobody is on call. */
  isInVain: boolean;
  /** What has to decide it without people: see `ruleFor`. */
  readonly rule: string | null;
  decided: string | null;
  fallback: string | null;
}

export interface ExecutionModel {
  readonly id: string;
  readonly plan: Plan;
  /** The earliest business time of its inputs: who goes on with it may have a slower clock than who started it. */
  earliestAt: number;
  readonly parent: { readonly executionId: string; readonly actionId: string } | null;
  readonly actions: Map<string, ActionModel>;
  readonly approvals: Map<string, Asked>;
  /** Child executions and the accounts they are for, by action. */
  readonly children: Map<string, { readonly actionId: string; readonly account: string; wasDone: boolean }>;
  stopped: string | null;
  /** Whoever cancelled it wants it undone. */
  isToBeUndone: boolean;
  stage: number;
  /** Settling order number of the action whose undo began last in this roll-back; null: none is running. */
  undoneFrom: number | null;
  ended: string | null;
  settledCount: number;
  /** Rank of the risk level at its start. */
  leastSeverity: number;
  /** Rank of the severity that counts. */
  severity: number;
}

/** Whether it is done for each account: then each child has its own targets, keys and times. */
export function isForAccounts({ parent }: ExecutionModel, { plan }: ActionModel): boolean {
  return plan.forEach !== null && parent === null;
}

/** The key that an action must be called with: DESIGN and decision 4, written down a second time. */
export function expectedKey(
  journalId: string,
  executionId: string,
  actionId: string,
  direction: 'perform' | 'undo',
  generation: number,
): string {
  const text = JSON.stringify([journalId, executionId, actionId, direction, generation]);
  return createHash('sha256').update(text).digest('base64url');
}

export function newAction(plan: PlanAction): ActionModel {
  return {
    plan,
    phase: 'idle',
    generation: 1,
    attempt: 0,
    reads: 0,
    checks: 0,
    reserved: false,
    pauses: 0,
    interruptions: 0,
    status: null,
    reason: null,
    settledNo: -1,
    settledAt: 0,
    calledAt: 0,
    due: null,
    performed: false,
    undoAttempt: 0,
    undoFailures: 0,
    undoneFor: null,
    resultUnknown: false,
    refused: false,
    mayBeDone: false,
    shared: false,
    hasPrior: false,
    approvalId: null,
    target: '',
    accounts: [],
    hasWaited: false,
    keptUntil: null,
  };
}

export function newExecution(
  id: string,
  plan: Plan,
  earliestAt: number,
  parent: ExecutionModel['parent'],
): ExecutionModel {
  const actions = plan.stages.flatMap((stage) => stage.actions.map((action) => [action.actionId, newAction(action)]));
  return {
    id,
    plan,
    earliestAt,
    parent,
    actions: new Map(actions as [string, ActionModel][]), // built two lines above
    approvals: new Map(),
    children: new Map(),
    stopped: null,
    isToBeUndone: false,
    stage: -1,
    undoneFrom: null,
    ended: null,
    settledCount: 0,
    leastSeverity: -1,
    severity: -1,
  };
}

/** @throws Error when a record names an action that its plan does not have. */
export function actionOf(execution: ExecutionModel, actionId: string): ActionModel {
  const action = execution.actions.get(actionId);
  if (action === undefined) throw new Error(`${execution.id} has no action ${actionId}`);
  return action;
}
