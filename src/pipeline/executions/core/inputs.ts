import type { Assertion } from '../../access/assertion.ts';
import type { PresentVoter } from '../../access/present-voter.ts';
import type { JsonObject } from '../../actions/contract.ts';
import type { OnCall } from '../../approvals/approval.ts';
import type { ServiceReply } from '../../approvals/external-approver.ts';
import type { Severity } from '../../vocabulary.ts';
import type { GlassInForce } from '../../guards/break-glass.ts';

/**
 * Everything that can happen to an execution, as data. An input holds all that `decide` may look at besides the
 * state and the plan: times, answers of the outside world, the voter's roles. It is recorded whole, so that the
 * decision can be derived again from it.
 */
export type Input =
  | StartInput
  | ObservedInput
  | PerformedInput
  | VerifiedInput
  | CheckedInput
  | UndoneInput
  | InterruptedInput
  | PausedInput
  | ResumedInput
  | ReservedInput
  | TimerInput
  | VoteInput
  | ServiceAnswerInput
  | WithdrawInput
  | BreakGlassInput
  | ReleaseInput
  | ExtendInput
  | CancelInput
  | RetryInput
  | CompensateInput
  | SpawnedInput
  | ChildInput
  | ReportedInput
  | IncidentInput
  | UnanswerableInput;

interface Base {
  /** Business time at which the input was taken up, ms since 1970. */
  readonly at: number;
  /**
   * Content hash of the code that decided about this input, where it is another one than of the input before. Absent as
   * well where no hash is known: the program ran from its sources.
   */
  readonly core?: string;
  /** Ids of exemptions of the plan that people have revoked by then. Absent: none. */
  readonly revoked?: readonly string[];
  /** Who is on call at `at` by the schedules that the plan names. Absent: it names none. */
  readonly onCall?: OnCall;
}

export interface StartInput extends Base {
  readonly type: 'start';
  readonly executionId: string;
  readonly journalId: string;
  /** Content hash of the plan. */
  readonly planHash: string;
  readonly riskLevel: Severity;
  readonly requester: Requester;
  /** Who wrote the playbook version: they do not approve it. */
  readonly authorIds: readonly string[];
  /** What conditions and templates may read; a bounded snapshot, taken when the execution starts. */
  readonly snapshot: Snapshot;
  readonly parent: { readonly executionId: string; readonly actionId: string } | null;
  /** Of a child whose parent was stopped before it was started: it ends at once, and says so. Absent: it was not. */
  readonly isCancelled?: true;
}

/** The engine itself, or the person or service who asked for the run. */
export interface Requester {
  readonly type: 'engine' | 'person' | 'service';
  readonly id: string;
  /** Who made the key that was used, and has seen it. Absent: nobody else. */
  readonly issuedBy?: string;
}

export interface Snapshot {
  readonly incident: JsonObject & {
    readonly id: string;
    readonly subject: { readonly type: string; readonly id: string };
  };
  readonly event: JsonObject;
  readonly context: JsonObject;
  readonly user: JsonObject;
  /** Accounts of the incident, sorted: what `forEach: accounts` runs over. */
  readonly accounts: readonly string[];
  /** Of a follow-up: accounts that an earlier execution has acted on already, by action. */
  readonly handled?: { readonly [actionId: string]: readonly string[] };
  /** Hash of the plan that somebody looked at and had executed. Absent: it was started without one. */
  readonly planSha256?: string;
}

interface AttemptBase extends Base {
  readonly actionId: string;
  /** The attempt this answers; an answer for another attempt is recorded as late and changes nothing. */
  readonly attempt: number;
  readonly generation: number;
}

/** A failure as the connector reported it. */
export interface AttemptError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly resultUnknown: boolean;
  readonly retryAfterMs: number | null;
}

export interface ObservedInput extends AttemptBase {
  readonly type: 'observed';
  /** How often a call of the action had been kept back; absent: never. */
  readonly turn?: Turn;
  readonly result:
    | { readonly prior: JsonObject; readonly heldBy: string | null; readonly heldAs?: HeldAs }
    | { readonly error: AttemptError };
}

export interface PerformedInput extends AttemptBase {
  readonly type: 'performed';
  /** Of a call without an answer: for how long after this it may still take effect, in ms. */
  readonly mayLandForMs?: number;
  /** What the target showed right after it answered, where that was known before the answer was taken up. */
  readonly read?: Reading;
  readonly result:
    | { readonly outcome: JsonObject }
    /** Nothing was called: another execution's hold shows at the target already. */
    | { readonly prior: JsonObject; readonly heldBy: string; readonly heldAs?: HeldAs }
    | { readonly error: AttemptError };
}

export interface VerifiedInput extends AttemptBase {
  readonly type: 'verified';
  readonly result: Reading;
  readonly turn?: Turn;
}

/**
 * As what a target shows a hold that is shared: the key of the call that made it, and when that began. Whoever made it may be
 * gone before the last who shares it. Records of the first version have none.
 */
export interface HeldAs {
  readonly key: string;
  readonly since: number;
}

/**
 * Which of the reads of an attempt, of the checks of a wait, or of the looks after a pause, an answer is of: an answer that was handed in twice must not
 * pass for that of the next one. Records of the first version have none.
 */
type Turn = number;

/** What a look at the target after the call said. */
export type Reading =
  | {
      readonly says: 'holds' | 'absent' | 'foreign' | 'unknown';
      readonly digest: string;
      /** Another execution takes back its own hold, by a call that may still take effect: what shows may be gone then. */
      readonly leaving?: true;
    }
  /** What shows is the hold of another execution, and its prior state. */
  | {
      readonly says: 'foreign';
      readonly digest: string;
      readonly prior: JsonObject;
      readonly heldBy: string;
      readonly heldAs?: HeldAs;
    }
  | { readonly error: AttemptError };

/** The reading that an input brings, by itself or together with the answer of the call. */
export function readingOf(input: Input): Reading | null {
  if (input.type === 'verified') return input.result;
  return input.type === 'performed' ? (input.read ?? null) : null;
}

export interface CheckedInput extends AttemptBase {
  readonly type: 'checked';
  readonly turn?: Turn;
  readonly result: { readonly state: 'pending' | 'passed' | 'failed' | 'expired' } | { readonly error: AttemptError };
}

export interface UndoneInput extends AttemptBase {
  readonly type: 'undone';
  /** Of an undo without an answer: for how long after this it may still take effect, in ms. */
  readonly mayLandForMs?: number;
  readonly result:
    | { readonly result: 'restored' | 'not_needed' | 'superseded' | 'still_held'; readonly digest: string }
    | { readonly error: AttemptError };
}

/** The process that made the call is gone; whether the call took effect is not known. */
export interface InterruptedInput extends AttemptBase {
  readonly type: 'interrupted';
  /**
   * Until when the call may still take effect, business time: what was sent cannot be recalled. Records of the first
   * version have none.
   */
  readonly mayLandUntil?: number;
  /** The call was an undo; `attempt` counts those. */
  readonly undo?: true;
}

/** The call was kept back because everything is paused, or its execution was stopped: not a byte of it was sent, and it is no try. */
export interface PausedInput extends AttemptBase {
  readonly type: 'paused';
  /** How often a call of the action had been kept back before. */
  readonly turn: number;
  /** The call was an undo; `attempt` counts those. */
  readonly undo?: true;
}

/** People have resumed: what was kept back may begin. */
export interface ResumedInput extends Base {
  readonly type: 'resumed';
  readonly actionId: string;
  /** How often a call of the action had been kept back. */
  readonly turn: number;
}

/** What the limiter of an action type said: whether one hour has room for this action, for each of its accounts. */
export interface ReservedInput extends Base {
  readonly type: 'reserved';
  readonly actionId: string;
  /** Which question it answers: how often the limiter had been asked before. */
  readonly turn: number;
  readonly granted: boolean;
  /** Targets acted on within the hour, without those of this action where it was not granted. */
  readonly used: number;
  readonly perHour: number;
}

export interface TimerInput extends Base {
  readonly type: 'timer';
  readonly name: string;
  readonly generation: number;
}

export interface VoteInput extends Base {
  readonly type: 'vote';
  readonly approvalId: string;
  readonly decision: 'APPROVE' | 'DENY';
  readonly voter: PresentVoter;
  /** How the voter proved who they are. Absent: by an API key. */
  readonly provenBy?: string;
  /** What the voter's passkey signed for this vote; whoever hands it in has checked its signature. Absent: nothing. */
  readonly assertion?: Assertion;
  /** The intent the voter was shown. */
  readonly intentHash: string;
  readonly comment: string | null;
  /** A delegation, or a user, for whom the voter wants to speak. Absent: in their own right, else for whom they can. */
  readonly onBehalfOf?: string;
}

/** Somebody takes back their vote, or what was said in their place, while nothing is decided. */
export interface WithdrawInput extends Base {
  readonly type: 'withdraw';
  readonly approvalId: string;
  readonly voter: PresentVoter;
  readonly reason: string | null;
  /** How they proved who they are. Absent: by an API key. */
  readonly provenBy?: string;
}

/** What a service outside that a gate names said, or that it did not: see `ServiceReply`. Only who asked it hands this in. */
export interface ServiceAnswerInput extends Base {
  readonly type: 'service_answer';
  readonly approvalId: string;
  readonly service: string;
  /** What it was asked about. */
  readonly intentHash: string;
  readonly reply: ServiceReply;
}

/** Somebody wants to decide alone, because nobody who may approve can be reached. */
export interface BreakGlassInput extends Base {
  readonly type: 'break_glass';
  readonly approvalId: string;
  /** Name of the entry that stays of it. */
  readonly useId: string;
  /** The intent that was shown. */
  readonly intentHash: string;
  readonly reason: string;
  readonly voter: PresentVoter;
  /** How they proved who they are. Absent: by an API key. */
  readonly provenBy?: string;
  /** What two people had declared, as it stood then; null: nothing. */
  readonly declaration: GlassInForce | null;
  /** Which use within a day it is, counted from 1. */
  readonly use: number;
  /** Whether everything was paused. */
  readonly paused: boolean;
}

/** Among all people of the installation there were too few, at that moment, who could decide it together. */
export interface UnanswerableInput extends Base {
  readonly type: 'unanswerable';
  readonly approvalId: string;
  /** How many may answer. */
  readonly eligible: number;
  /** How many steps it had been escalated by when this was found: said twice, it counts once. */
  readonly steps: number;
}

/** A person lets an action go that waits for the end of quiet hours. That is no approval: its gates still ask. */
export interface ReleaseInput extends Base {
  readonly type: 'release';
  readonly actionId: string;
  readonly by: Requester;
  readonly reason: string;
}

/** A person keeps a containment that would end by itself. */
export interface ExtendInput extends Base {
  readonly type: 'extend';
  readonly actionId: string;
  readonly by: Requester;
  readonly reason: string;
  /** Business time, ms since 1970. */
  readonly until: number;
}

export interface CancelInput extends Base {
  readonly type: 'cancel';
  readonly by: Requester;
  readonly reason: string;
  readonly compensate: boolean;
}

export interface RetryInput extends Base {
  readonly type: 'retry';
  readonly by: Requester;
  readonly reason?: string;
}

/** Undo what was performed (a parent rolls its children back with it). */
export interface CompensateInput extends Base {
  readonly type: 'compensate';
  readonly by: Requester;
  readonly reason: string;
}

/** The child executions of a fan-out action exist. */
export interface SpawnedInput extends Base {
  readonly type: 'spawned';
  readonly actionId: string;
  /** How many children the action had then: more may have been added since. */
  readonly children: number;
}

/** A child execution ended. */
export interface ChildInput extends Base {
  readonly type: 'child';
  readonly actionId: string;
  readonly childId: string;
  readonly status: string;
  /** The child performed and verified at least one containing action, and when the last one was. */
  readonly containedAt: number | null;
}

/** The end of this execution was told to its parent or incident. */
export interface ReportedInput extends Base {
  readonly type: 'reported';
  readonly status: string;
  /** Which end was told, counted from 1, when it was not the first: an execution that goes on again ends again. */
  readonly end?: number;
}

/** The incident has changed: more accounts, more attempts, a higher severity. Conditions read it from now on. */
export interface IncidentInput extends Base {
  readonly type: 'incident';
  readonly incident: Snapshot['incident'];
  readonly accounts: readonly string[];
  /** Number of the incident's record that brought the news. */
  readonly revision: number;
  /** Number of the incident's record that it is told as of. Absent where an older version told it: the newest. */
  readonly asOf?: number;
}

/** An input as it is handed in; the rest is set when it is taken up. */
export type NewInput = DistributiveOmit<Exclude<Input, StartInput>, 'at' | 'core' | 'revoked' | 'onCall'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
