import { assertCanonical } from '../../platform/canonical-json.ts';
import type { Clock } from '../../platform/clock.ts';
import type { CrashPoints } from '../../platform/crash-points.ts';
import { messageOf } from '../../platform/errors.ts';
import { TAKEN_BACK } from '../../platform/http-error.ts';
import type { Machine } from '../../platform/machine.ts';
import type { Membership } from '../../journal/membership.ts';
import {
  ConnectorError,
  type ActionContext,
  type ActionHandler,
  type JsonObject,
  type VerifyResult,
} from '../actions/contract.ts';
import type { AttemptSignals } from './attempt-signals.ts';
import { atMostMsOf } from './core/containment.ts';
import type { AttemptEffect } from './core/demands.ts';
import type { AttemptError, NewInput } from './core/inputs.ts';
import type { PauseWatch } from '../guards/pause-watch.ts';
import { HoldLost } from './hold-lost.ts';
import { KeptBack } from './kept-back.ts';
import { requireReleased } from './released.ts';
import { STRAGGLER_MARGIN_MS } from './straggler.ts';
import {
  anyHold,
  isHeldByOthers,
  isLeaving,
  keysOfOthers,
  leavingHold,
  sharedHold,
  storedHolds,
  type Call,
  type HoldPorts,
} from './target-holds.ts';
import { untilStored } from './until-stored.ts';

/** Longest error text in a record, in UTF-16 units. */
const MAX_ERROR_TEXT = 300;

export interface CallPorts extends HoldPorts {
  readonly members: Pick<Membership, 'processId' | 'holds' | 'beat' | 'withTarget'>;
  readonly machine: Machine;
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Whether everything is paused: asked again in the turn in which a changing request is sent. */
  readonly pause: Pick<PauseWatch, 'standing' | 'look'>;
  /** Whether nothing more of an execution may begin: a call may have waited long for its place since it was decided. */
  isStopped(executionId: string): Promise<boolean>;
  /** The handler of an action type at a connector, or null when it is not installed (any more). */
  handlerFor(actionType: string, connector: string): ActionHandler | null;
  /** For tests that stop the process. */
  readonly points?: CrashPoints;
}

/** What a handler says that cannot read back. */
const UNREADABLE: VerifyResult = { says: 'unknown', digest: '' };

/** What a call brought, without the attempt that it answers. */
export type Answer = DistributiveOmit<Extract<NewInput, { type: AnswerType }>, 'actionId' | 'attempt' | 'generation'>;
type AnswerType = 'observed' | 'performed' | 'verified' | 'checked' | 'undone';
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const ANSWER_OF = {
  observe: 'observed',
  perform: 'performed',
  verify: 'verified',
  check: 'checked',
  undo: 'undone',
} as const satisfies Record<AttemptEffect['kind'], AnswerType>;

/** An effect, and the process id under which this process held it when it began. */
export interface HeldEffect {
  readonly executionId: string;
  readonly effect: AttemptEffect;
  readonly holder: string;
}

/**
 * One call of a handler, with everything that can go wrong with it turned into data.
 * @throws HoldLost when another process may have taken the effect over before the call was sent.
 * @throws KeptBack when everything is paused, or the execution was stopped before its call was sent.
 */
export async function callTarget(ports: CallPorts, signals: AttemptSignals, held: HeldEffect): Promise<Answer> {
  const { effect } = held;
  const type = ANSWER_OF[effect.kind];
  // Before its time begins: a store that is away must not use up the time of a call that is not sent yet.
  const isBegun = effect.kind !== 'perform' || !(await untilStored(ports, () => ports.isStopped(held.executionId)));
  if (!isBegun) throw new KeptBack(false);
  const { signal, release } = signals.begin(effect.timeoutMs);
  const permit = sendPermit(ports, held, signal);
  try {
    const handler = ports.handlerFor(effect.actionType, effect.connector);
    if (handler === null) throw notInstalled(effect);
    const context: ActionContext = {
      idempotencyKey: effect.key,
      effectKey: effect.effectKey,
      signal,
      maySend: permit.maySend,
      startedAt: effect.startedAt,
      traceparent: null,
      origin: { executionId: held.executionId, actionId: effect.actionId },
      // Whoever is on duty may extend it that far; the target must not end it before.
      ...(effect.ttlMs === undefined ? {} : { atMostMs: atMostMsOf(effect.ttlMs) }),
    };
    const call: Call = { executionId: held.executionId, effect, handler, context };
    return recordable(await within(signal, ask(ports, held, call)));
  } catch (thrown) {
    if (ports.closing.aborted || thrown instanceof HoldLost || thrown instanceof KeptBack) throw thrown;
    if (isTakenBack(thrown) && permit.refused === 'paused') throw new KeptBack(permit.lastAt !== null);
    if (isTakenBack(thrown) && permit.lastAt === null) throw new HoldLost();
    const error = attemptError(isTakenBack(thrown) ? cutOff(thrown) : thrown, signal);
    const lands = (type === 'performed' || type === 'undone') && error.resultUnknown && !isOver(thrown);
    const mayLand = lands ? { mayLandForMs: landsFor(ports, effect, permit, signal) } : {};
    return { ...mayLand, result: { error }, type };
  } finally {
    release();
  }
}

/**
 * How long a call without an answer may still take effect, in ms: its time limit from the last request on, for reads and waits come
 * before that, and the margin.
 */
function landsFor(
  { clock }: CallPorts,
  { timeoutMs }: AttemptEffect,
  { lastAt }: SendPermit,
  { aborted }: AbortSignal,
): number {
  const since = lastAt === null || !aborted ? 0 : clock.monotonic() - lastAt;
  return Math.max(0, Math.ceil(timeoutMs - since)) + STRAGGLER_MARGIN_MS;
}

function isOver(thrown: unknown): boolean {
  return thrown instanceof ConnectorError && thrown.answered;
}

/** The answer, or the signal's reason: a handler that does not heed its signal must not hold an execution for ever. */
function within(signal: AbortSignal, asked: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    asked.then(resolve, reject);
  });
}

async function ask(ports: CallPorts, held: HeldEffect, call: Call): Promise<Answer> {
  const { executionId, effect, handler, context } = call;
  const { target, parameters, prior, reply } = effect;
  switch (effect.kind) {
    case 'observe':
      return { result: await observe(ports, call), type: 'observed' };
    case 'perform': {
      const { releases } = handler.declaration;
      if (releases !== undefined) await requireReleased(storedHolds(ports), executionId, effect, releases);
      // Looked at again under the target's lock: two executions may both have found it free before either acted.
      const shared = await sharedHold(ports, call);
      if (shared !== null) return { type: 'performed', result: shared };
      await requireHold(ports, held, context.signal);
      const send = ports.points?.at('perform.send');
      if (send !== undefined) await send;
      const outcome = await handler.perform(target, parameters, prior, context);
      return { result: { outcome }, type: 'performed' };
    }
    case 'verify':
      return { result: await verify(ports, call), type: 'verified' };
    case 'check': {
      const send = ports.points?.at('check.send');
      if (send !== undefined) await send;
      const { state } = (await handler.check?.(target, parameters, reply ?? {}, context)) ?? {
        state: 'expired' as const,
      };
      return { type: 'checked', result: { state } };
    }
    case 'undo': {
      if (await isHeldByOthers(ports, call)) return { type: 'undone', result: { result: 'still_held', digest: '' } };
      // Asked before the last look: nothing may come between that and the call.
      const wantedByOthers = await keysOfOthers(ports, call);
      await requireHold(ports, held, context.signal);
      const send = ports.points?.at('undo.send');
      if (send !== undefined) await send;
      const undone = await handler.undo?.(target, parameters, prior, reply, { ...context, wantedByOthers });
      return { type: 'undone', result: undone ?? { result: 'not_needed', digest: '' } };
    }
    default:
      return effect.kind;
  }
}

/**
 * Asked right before something is sent, and before what was read is handed in: a process that was stopped for a while may have
 * been taken for dead, and with it went its lock on the target. Where it is not sure it says again that it lives, and learns
 * by that whether somebody else thought otherwise. @throws HoldLost
 */
export async function requireStillHeld(
  ports: Pick<CallPorts, 'members' | 'machine' | 'closing'>,
  holder: string,
): Promise<void> {
  const { members } = ports;
  if (!members.holds()) await untilStored(ports, () => members.beat());
  if (members.processId !== holder || !members.holds()) throw new HoldLost();
}

interface SendPermit {
  /** When it let the last request out, in ms of machine time; null: none. */
  lastAt: number | null;
  /** Why it has let one out no more. */
  refused: 'lost' | 'paused' | null;
  maySend(): boolean;
}

/** Lets requests of one call out as long as nobody else can hold it and nothing is paused. */
function sendPermit({ members, pause, clock }: CallPorts, { holder }: HeldEffect, signal: AbortSignal): SendPermit {
  const permit: SendPermit = {
    lastAt: null,
    refused: null,
    maySend() {
      const isOurs = members.processId === holder && members.holds() && !signal.aborted;
      const standing = pause.standing();
      const open = isOurs && standing === 'open';
      // Not to know whether everything is paused is not to be sure of the effect: whoever is looks again.
      if (open) permit.lastAt = clock.monotonic();
      else permit.refused = isOurs && standing === 'paused' ? 'paused' : 'lost';
      return open;
    },
  };
  return permit;
}

/** Whether everything is paused; where this process does not know, it asks the journal until it does. */
export async function isPaused(ports: Pick<CallPorts, 'pause' | 'machine' | 'closing'>): Promise<boolean> {
  const { pause } = ports;
  while (pause.standing() === 'unknown') await untilStored(ports, () => pause.look());
  return pause.standing() === 'paused';
}

function isTakenBack(thrown: unknown): thrown is ConnectorError {
  return thrown instanceof ConnectorError && thrown.code === TAKEN_BACK;
}

/** Of a call of several requests of which the first ones were sent: what became of it has to be read. */
function cutOff({ code, message, retryable }: ConnectorError): ConnectorError {
  return new ConnectorError(code, message, { retryable, resultUnknown: true });
}

async function requireHold(ports: CallPorts, { holder }: HeldEffect, signal: AbortSignal): Promise<void> {
  await requireStillHeld(ports, holder);
  if (await isPaused(ports)) throw new KeptBack(false);
  // Whoever waited for the call was told by now that it took too long: it must not be sent after that.
  signal.throwIfAborted();
}

/**
 * Reads the state before; a hold that another execution has, and that the target still shows, is shared. One that is being
 * undone is not, nor one that cannot be told from nothing. But what was before it is what was before us. The state is read first: a call
 * of another execution that lands between two looks is found by the second one, and is not taken for what was before.
 */
async function observe(ports: CallPorts, call: Call) {
  const { effect, handler, context } = call;
  const send = ports.points?.at('observe.send');
  if (send !== undefined) await send;
  const before = async (): Promise<JsonObject> =>
    (await handler.observe?.(effect.target, effect.parameters, context)) ?? {};
  const prior = await before();
  const shared = await sharedHold(ports, call);
  if (shared !== null) return shared;
  const other = await anyHold(ports, call);
  if (other !== null) return { prior: other.prior, heldBy: null };
  // One that is being taken back may have gone between the two looks: it was in what was read, and does not show now.
  const isStale = await isLeaving(ports, call);
  return { prior: isStale ? await before() : prior, heldBy: null };
}

/** What the target shows of our effect, and whether that lasts. */
async function verify(ports: CallPorts, call: Call) {
  const send = ports.points?.at('verify.send');
  if (send !== undefined) await send;
  const { effect, handler, context } = call;
  const look = async (): Promise<VerifyResult> =>
    (await handler.verify?.(effect.target, effect.parameters, effect.prior, effect.reply, context)) ?? UNREADABLE;
  let seen = await look();
  if (seen.says === 'foreign') {
    const shared = await sharedHold(ports, call);
    if (shared !== null) return { ...shared, says: 'foreign' as const, digest: seen.digest };
    // What shows is a hold that will be gone: as good as nothing.
    const leaving = await leavingHold(ports, call);
    if (leaving !== null) return { says: 'absent' as const, digest: seen.digest };
    // One that is being taken back may have gone between the two looks.
    if (await isLeaving(ports, call)) seen = await look();
  }
  if (seen.says === 'holds' && (await isLeaving(ports, call))) return { ...seen, leaving: true as const };
  return seen;
}

/** What a handler answers goes into a record; what a record cannot hold is the connector's fault, not a crash. */
function recordable(answer: Answer): Answer {
  assertCanonical(answer);
  return answer;
}

function attemptError(thrown: unknown, signal: AbortSignal): AttemptError {
  if (thrown instanceof ConnectorError) {
    const { code, retryable, resultUnknown, retryAfterMs } = thrown;
    return { code, message: text(thrown.message), retryable, resultUnknown, retryAfterMs };
  }
  if (signal.aborted) {
    return {
      code: 'timeout',
      message: 'the attempt took too long',
      retryable: true,
      resultUnknown: true,
      retryAfterMs: null,
    };
  }
  return {
    code: 'connector_bug',
    message: text(messageOf(thrown)),
    retryable: false,
    resultUnknown: true,
    retryAfterMs: null,
  };
}

function text(message: string): string {
  return message.slice(0, MAX_ERROR_TEXT).toWellFormed();
}

function notInstalled(effect: AttemptEffect): ConnectorError {
  const message = `no connector ${effect.connector} offers ${effect.actionType}`;
  return new ConnectorError('not_installed', message, { retryable: false, resultUnknown: false });
}
