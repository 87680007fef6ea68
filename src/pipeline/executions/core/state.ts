import type { ActionTarget, JsonObject } from '../../actions/contract.ts';
import type { Approval } from '../../approvals/approval.ts';
import type { Severity } from '../../vocabulary.ts';
import type { AttemptError, HeldAs, Requester, Snapshot } from './inputs.ts';

export const EXECUTION_STATUSES = [
  'INITIATED',
  'RUNNING',
  'AWAITING_APPROVAL',
  'COMPLETED',
  'PARTIALLY_COMPLETED',
  'FAILED',
  'HALTED_BY_APPROVAL',
  'SKIPPED',
  'COMPENSATING',
  'ROLLED_BACK',
  'COMPENSATION_FAILED',
  'CANCELLED',
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

/** How an action settled; the last four only after an undo. */
export const ACTION_STATUSES = [
  'SUCCESS',
  'FAILED',
  'UNKNOWN',
  'SKIPPED',
  'DENIED',
  'TIMED_OUT',
  'COMPENSATED',
  'NOT_NEEDED',
  'SUPERSEDED',
  'COMPENSATION_FAILED',
] as const;
export type ActionStatus = (typeof ACTION_STATUSES)[number];

/**
 * What an action is doing. `idle`: its stage has not begun. `quiet`: it waits for the end of quiet hours. `settled`: see `status`.
 * `paused`, `undo_paused`: its call was kept back until people resume.
 */
export type ActionPhase =
  | 'idle'
  | 'quiet'
  | 'awaiting_approval'
  | 'reserving'
  | 'observing'
  | 'performing'
  | 'paused'
  | 'verifying'
  | 'settling'
  | 'backoff'
  | 'waiting'
  | 'checking'
  | 'spawning'
  | 'children'
  | 'settled'
  | 'undoing'
  | 'undo_backoff'
  | 'undo_paused'
  | 'undoing_children';

/** The whole memory of an execution. Folded from its records by `evolve`; never stored as the truth. */
export interface ExecutionState {
  readonly id: string;
  readonly journalId: string;
  readonly planHash: string;
  /** Content hash of the code that decided last; null where it is not known. */
  readonly core: string | null;
  readonly riskLevel: Severity;
  readonly requester: Requester;
  readonly authorIds: readonly string[];
  readonly snapshot: Snapshot;
  readonly parent: { readonly executionId: string; readonly actionId: string } | null;
  readonly startedAt: number;
  /** Index into the plan's stages of the stage that runs. */
  readonly stageIndex: number;
  readonly actions: { readonly [actionId: string]: ActionState };
  readonly approvals: { readonly [approvalId: string]: ApprovalState };
  /** Action ids in the order in which they settled: compensation goes backwards through it. */
  readonly settledOrder: readonly string[];
  /** Why no new attempt may begin, or null. */
  readonly stopped: 'failure' | 'denied' | 'cancelled' | 'timed_out' | null;
  readonly cancel: { readonly by: Requester; readonly reason: string; readonly compensate: boolean } | null;
  /** Actions still to be undone, next one first; null when nothing is being undone. */
  readonly compensation: { readonly reason: string; readonly queue: readonly string[] } | null;
  readonly compensated: boolean;
  /** Business time spent running, in ms, up to `runningSince`. */
  readonly ranMs: number;
  /** Since when it runs (something other than people and undos is awaited), or null. */
  readonly runningSince: number | null;
  /** The final status, or null while it is alive. */
  readonly ended: { readonly status: ExecutionStatus; readonly at: number } | null;
  /** Its incident as it was at the start, once it has changed: at the end somebody has to look whether enough was done. */
  readonly firstIncident: Snapshot['incident'] | null;
  /** Number of the incident's record that it was told as of last; 0: of none since the start. */
  readonly incidentAsOf: number;
  /** How often it has ended: a retry or an undoing lets it go on again. */
  readonly ends: number;
  /** The final status that parent and incident were told. */
  readonly reported: string | null;
}

/** As what an action has failed, while a call without an answer may still take effect. */
export interface Failing {
  readonly status: 'FAILED' | 'TIMED_OUT';
  readonly reason: string;
}

export interface ActionState {
  readonly actionId: string;
  readonly phase: ActionPhase;
  readonly status: ActionStatus | null;
  /** Why it settled so, a snake_case word. */
  readonly reason: string | null;
  /** Raised only by a person's retry of a settled action. */
  readonly generation: number;
  /** Tries in this generation; 0 before the first. */
  readonly attempt: number;
  readonly attemptAt: number;
  readonly key: string | null;
  readonly target: ActionTarget | null;
  /** Of a fan-out action: the accounts it was prepared for, which are those that approvers were shown. */
  readonly accounts: readonly string[];
  readonly parameters: JsonObject | null;
  readonly prior: JsonObject | null;
  /** Where another execution's hold is shared: as what the target shows it. */
  readonly heldAs: HeldAs | null;
  /** The call for the present attempt was sent, or may have been. */
  readonly sent: boolean;
  readonly reply: JsonObject | null;
  /** When the call that makes the effect was begun, or it was found that another execution has made it. A look of a person's retry begins none. */
  readonly calledAt: number | null;
  /** When the last call ended: answered, failed or cut off. The target's settling time counts from here. */
  readonly performedAt: number | null;
  /** Until when a call without an answer may still take effect, business time; null: there was none. */
  readonly landsUntil: number | null;
  /** A call of it ended without anybody knowing whether it took effect, and the target has not been read since. */
  readonly inDoubt: boolean;
  /** As what it has failed, where only the last look at the target is missing. */
  readonly failing: Failing | null;
  /** When the present read of the target was asked for: what it says is not newer, whenever it arrives. */
  readonly verifyingSince: number;
  /** What read-back said last, or `unverifiable`. */
  readonly verification: 'holds' | 'absent' | 'foreign' | 'unknown' | 'unverifiable' | null;
  readonly error: AttemptError | null;
  /** For `backoff`, `settling`, `waiting`, `quiet`, `undo_backoff`: when to go on. */
  readonly resumeAt: number | null;
  /** For `waiting`: the end of the wait. */
  readonly waitUntil: number | null;
  readonly checks: number;
  /** Calls of this generation that a stop of the process cut off: they do not count against the retries. */
  readonly interruptions: number;
  /** The limiter of its type has counted it. */
  readonly reserved: boolean;
  /** How often the limiter has answered. */
  readonly reservations: number;
  /** How often a call was kept back by a pause; never counted anew. */
  readonly pauses: number;
  /** Reads of the target that were made again in this attempt. */
  readonly rereads: number;
  /** Of a waiting action or a question: passed, failed, expired, approved, denied. */
  readonly outcome: string | null;
  readonly approvalId: string | null;
  readonly settledAt: number | null;
  /** Undos of this generation that were begun. Never counted anew within it: a late answer names its own. */
  readonly undoAttempt: number;
  /** Those of them that are no tries of the present undo: begun before somebody asked for it again, or cut off. */
  readonly undoTriesFrom: number;
  /** Its undo, with the rest and not because its own time was over, has ended. Absent: there was none. */
  readonly isRolledBack?: true;
  readonly children: { readonly [childId: string]: Child };
  readonly containedAt: number | null;
  /** Its quiet hours are over: it waits for none again. Absent: it never waited. */
  readonly hasWaited?: true;
  /** When its containment ends by itself, business time, because people have extended it. Absent: as the plan says. */
  readonly containedUntil?: number;
}

/** One of the executions of an action for each account. */
export interface Child {
  readonly account: string;
  /** How it ended, as it told last; null: it runs. */
  readonly status: string | null;
  /** It had done its work, and that was taken back since. Absent: it was not. */
  readonly isReleased?: true;
}

export interface ApprovalState extends Approval {
  readonly actionId: string;
  /**
   * `gate`: may it be done? `question`: what is the answer? `condition_error`: the condition could not be decided.
   * `blast_radius`: may it be done although so much was done within the hour?
   */
  readonly purpose: 'gate' | 'question' | 'condition_error' | 'blast_radius';
  readonly requestedAt: number;
  readonly decidedAt: number | null;
  /** Those who may answer were told once more. Absent: not yet. */
  readonly isReminded?: true;
}

/** The present status, derived. */
export function statusOf(state: ExecutionState): ExecutionStatus {
  if (state.ended !== null) return state.ended.status;
  if (state.compensation !== null) return 'COMPENSATING';
  const phases = Object.values(state.actions).map((action) => action.phase);
  const busy = phases.some((phase) => BUSY_PHASES.has(phase));
  if (!busy && phases.includes('awaiting_approval')) return 'AWAITING_APPROVAL';
  return 'RUNNING';
}

/** Phases in which an action is being done; waiting for people, for a resume or for a user's answer is not among them. */
const RUNNING_PHASES: ReadonlySet<ActionPhase> = new Set<ActionPhase>([
  'reserving',
  'observing',
  'performing',
  'verifying',
  'settling',
  'backoff',
  'spawning',
  'checking',
]);

/** Phases in which the engine or a target works. */
const BUSY_PHASES: ReadonlySet<ActionPhase> = new Set<ActionPhase>([...RUNNING_PHASES, 'undoing', 'undo_backoff']);

/**
 * Whether running time counts now: something is being done, and nobody outside is being waited for. An undo does not count: one whose own time
 * was over may take hours, and must not stop what is still to be done, or void what people are asked.
 */
export function isRunning(state: ExecutionState): boolean {
  if (state.ended !== null) return false;
  return Object.values(state.actions).some((action) => RUNNING_PHASES.has(action.phase));
}

/** What later conditions and templates may read of earlier actions. */
export function resultsOf(state: ExecutionState): JsonObject {
  const results: Record<string, JsonObject> = {};
  for (const action of Object.values(state.actions)) {
    if (action.phase === 'idle') continue;
    results[action.actionId] = {
      status: action.status ?? 'PENDING',
      outcome: action.outcome ?? '',
      attempts: action.attempt,
    };
  }
  return results;
}
