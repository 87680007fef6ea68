import type { ZodType } from 'zod';
import type { JsonObject } from '../../platform/canonical-json.ts';
import type { SubjectType } from '../events/event.ts';
import type { ActionType } from '../vocabulary.ts';

/**
 * What a connector owes for each action it offers. Handlers are the only code that touches outside systems.
 * Everything a handler returns is recorded, so it is canonical-JSON safe and holds no secret.
 */

/** Who or what an action is done to. `id` is never empty: an empty id can mean "all" to an outside system. */
export interface ActionTarget {
  readonly type: SubjectType | 'none';
  readonly id: string;
}

/**
 * How a repeat under the same key behaves at the target:
 * `native-key` the target itself drops it; `state` the same end state; `merge` read-merge-write of a list;
 * `none` it happens again (so without read-back it is attempted at most once without a person).
 */
export type IdempotencyClass = 'native-key' | 'state' | 'merge' | 'none';

/**
 * `undo`: we restore; only what can be read back, or nobody could say whether there is something. `expires`: ends by itself.
 * `selfRecoverable`: the user signs in again, nothing is lost.
 */
export type Reversibility = 'undo' | 'expires' | 'selfRecoverable' | 'irreversible';

/** What is fixed about an action at a connector, known without calling anything. Pinned in the plan. */
export interface ActionDeclaration {
  readonly type: ActionType;
  /** Name of the connector instance, for example `sandbox`. */
  readonly connector: string;
  readonly targetType: SubjectType | 'none';
  readonly idempotency: IdempotencyClass;
  readonly reversibility: Reversibility;
  /** True when `verify` can read the effect back. */
  readonly readBack: boolean;
  /** How long the target may take to show the effect, in ms; `absent` counts only after that. */
  readonly settleMs: number;
  /** True when the effect is only done once somebody outside answers (a step-up challenge): `check` is polled. */
  readonly waits: boolean;
  /**
   * Name of the state that is held at the target (`account.suspended`), or null when nothing stays.
   * Two executions that want the same (connector, target, effect) share one hold.
   */
  readonly holds: string | null;
  /**
   * Name of a state that the action ends at the target, whoever holds it. It is refused as `still_held` while another execution
   * holds that: whoever relies on a containment lets go of it first.
   */
  readonly releases?: string;
  /** True when the action contains the attacker (for time-to-contain), false for notices and logging. */
  readonly contains: boolean;
}

/** Which action of which execution asks: what custody records, drafts and notices refer to. */
export interface ActionOrigin {
  readonly executionId: string;
  readonly actionId: string;
}

/** What a handler is given. `signal` aborts at the deadline; a call already sent cannot be recalled. */
export interface ActionContext {
  /** The same for every retry and take-over of this action instance; sent where the API takes one. */
  readonly idempotencyKey: string;
  /**
   * What marks the effect as the one that is meant: the key of the call that made it. The same as `idempotencyKey` but for
   * `undo`, which has a key of its own, and for a hold that another execution made and this one shares.
   */
  readonly effectKey: string;
  readonly signal: AbortSignal;
  /**
   * Whether a changing request may go out now; false when another process may have taken the action over. A handler lets it be
   * asked for each such request right before its first byte, because requests wait for connections, and fails with the code
   * `taken_back` when it is false.
   */
  readonly maySend: () => boolean;
  /** Business time of the attempt's start, ms since 1970. */
  readonly startedAt: number;
  readonly traceparent: string | null;
  readonly origin: ActionOrigin;
  /**
   * How long from its beginning the effect may stand at most, in ms, also where people extend it. Absent: until it is undone. A
   * target that can end an effect by itself is told an end that is not before this one.
   */
  readonly atMostMs?: number;
  /** To `verify`: another execution asks whether it may rely on this effect. One that ends before its own would does not do. */
  readonly toShare?: true;
  /** To `undo`: keys of the effects that other executions hold at this target, and that ours may stand in the place of. */
  readonly wantedByOthers?: readonly string[];
}

export interface VerifyResult {
  /** About *this* effect: it is there, it is not, somebody else's is, or it cannot be told. */
  readonly says: 'holds' | 'absent' | 'foreign' | 'unknown';
  /** SHA-256 of what was read, hexadecimal. */
  readonly digest: string;
}

export type CheckResult =
  { readonly state: 'pending' } | { readonly state: 'passed' | 'failed' | 'expired'; readonly detail?: string };

export type { JsonObject };

export interface ActionHandler<Parameters = unknown> {
  readonly declaration: ActionDeclaration;
  /**
   * What the parameters have to be, after templates were resolved. Unknown members are refused. The handler checks what
   * it is given with it before anything is sent, and refuses what is wrong as `invalid_parameters`.
   */
  readonly parameters: ZodType<Parameters>;
  /**
   * The state before: undo restores it, it does not guess. Absent when there is nothing to restore. It says nothing about
   * who asks: an execution that comes while another one's hold is being taken back gets the state before that one.
   */
  observe?(target: ActionTarget, parameters: Parameters, context: ActionContext): Promise<JsonObject>;
  /** @throws ConnectorError */
  perform(
    target: ActionTarget,
    parameters: Parameters,
    prior: JsonObject | null,
    context: ActionContext,
  ): Promise<JsonObject>;
  /** `outcome` is null when the reply was lost. Present exactly when `declaration.readBack`. */
  verify?(
    target: ActionTarget,
    parameters: Parameters,
    prior: JsonObject | null,
    outcome: JsonObject | null,
    context: ActionContext,
  ): Promise<VerifyResult>;
  /** Present exactly when `declaration.reversibility` is `undo`. Restores `prior`, only if the state is still ours. */
  undo?(
    target: ActionTarget,
    parameters: Parameters,
    prior: JsonObject | null,
    outcome: JsonObject | null,
    context: ActionContext,
  ): Promise<UndoResult>;
  /** Present exactly when `declaration.waits`. */
  check?(
    target: ActionTarget,
    parameters: Parameters,
    outcome: JsonObject,
    context: ActionContext,
  ): Promise<CheckResult>;
}

/** `restored`: the prior state is back, read back. `not_needed`: we had changed nothing. `superseded`: somebody changed it since. */
export interface UndoResult {
  readonly result: 'restored' | 'not_needed' | 'superseded';
  readonly digest: string;
}

/** The only error a handler throws on purpose. Anything else counts as not retryable with an unknown result. */
export class ConnectorError extends Error {
  /** Short snake_case word, for example `user_not_found`, `rate_limited`, `timeout`. */
  readonly code: string;
  /** True when a repeat may help. */
  readonly retryable: boolean;
  /** True when the request may have taken effect although no good reply came (timeout, connection lost after send). */
  readonly resultUnknown: boolean;
  /** From `Retry-After`, in ms, or null. */
  readonly retryAfterMs: number | null;
  /** True when the target itself ended the call with an error: what it did by then is done, and nothing lands later. */
  readonly answered: boolean;
  constructor(
    code: string,
    message: string,
    options: {
      retryable: boolean;
      resultUnknown: boolean;
      retryAfterMs?: number | null;
      answered?: boolean;
      cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.name = 'ConnectorError';
    this.code = code;
    this.retryable = options.retryable;
    this.resultUnknown = options.resultUnknown;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.answered = options.answered ?? false;
  }
}
