import { z } from 'zod';
import type {
  ActionContext,
  ActionDeclaration,
  ActionHandler,
  JsonObject,
  UndoResult,
  VerifyResult,
} from '../../pipeline/actions/contract.ts';
import { type Call, handler, objectOf } from '../define-handler.ts';
import { segment, type Reading, type SandboxClient } from './client.ts';
import { notShownYet } from './declare.ts';

/**
 * States that are set and taken back: suspension, disabled credentials, geo lock, enhanced logging and action block of a
 * user, isolation of a host or a network segment. All are read, set, verified and undone in the same way; what differs is
 * in a `HeldState`.
 */

/** The state as the sandbox shows it, with its owner; null when it is not set. JSON, because it is recorded. */
export type Slot = JsonObject & { readonly owner: string | null };

/** Where the things are whose state it is. */
export interface Things<R extends Reading> {
  /** First part of their paths, for example `/users`. */
  readonly path: string;
  read(id: string, reference: string, context: ActionContext): Promise<R>;
}

export interface HeldState<P, R extends Reading> {
  readonly declaration: ActionDeclaration;
  readonly parameters: z.ZodType<P>;
  readonly things: Things<R>;
  /** The state in a reading. */
  slot(reading: R): Slot | null;
  /** True when somebody else's state gives what these parameters ask for, so that ours is not needed. */
  satisfies(slot: Slot, parameters: P, reading: R): boolean;
  /** How long it stands when it ends by itself, in ms; null: until it is taken away. */
  lifetimeMs(parameters: P): number | null;
  /** The call that sets it. */
  set(parameters: P): { readonly method: 'POST' | 'PUT'; readonly path: string; readonly body: object };
  /** The call that takes it away. */
  readonly clear: { readonly method: 'POST' | 'DELETE'; readonly path: string };
  /** The effect's name in the trace that `clear` leaves. */
  readonly clearEffect: string;
  /** The call that puts a former state of somebody else back, or null when it has expired; absent when none can be replaced. */
  putBack?(
    former: Readonly<Record<string, unknown>>,
    now: number,
  ): { readonly path: string; readonly body: object } | null;
  /** The trace that `putBack` leaves. */
  readonly putBackEffect?: string;
}

/** Tries against somebody who changes the user at the same time. */
const MAX_CONFLICTS = 5;

const anyReply = z.object({});

export function heldStateHandler<P, R extends Reading>(client: SandboxClient, state: HeldState<P, R>): ActionHandler {
  return handler<P>({
    declaration: state.declaration,
    parameters: state.parameters,
    async observe({ target, context }) {
      const reading = await state.things.read(target.id, context.idempotencyKey, context);
      const present = state.slot(reading);
      // After a crash between call and record the present state may already be ours: it is not what was before.
      const former = present?.owner === context.idempotencyKey ? null : present;
      return { present: former };
    },
    perform: (call) => setState(client, state, call),
    verify: (call) => verifyState(state, call),
    undo: (call) => undoState(client, state, call),
  });
}

async function setState<P, R extends Reading>(
  client: SandboxClient,
  state: HeldState<P, R>,
  call: Call<P>,
): Promise<JsonObject> {
  const { target, parameters, context } = call;
  for (let conflict = 0; conflict < MAX_CONFLICTS; conflict += 1) {
    const reading = await state.things.read(target.id, context.idempotencyKey, context);
    const slot = state.slot(reading);
    // `at` is read before the call: with the lifetime it tells later whether the state has ended by itself.
    if (isOurs(slot, call)) return { changed: true, at: numberOf(slot?.['at'], reading.now) };
    if (slot !== null && state.satisfies(slot, parameters, reading)) return { changed: false, at: reading.now };
    const { method, path, body } = state.set(parameters);
    const url = `${state.things.path}/${segment(target.id)}${path}`;
    // With the version only where something would be replaced: then it must be what was just read.
    const ifMatch = slot === null ? {} : { ifMatch: reading.version };
    const reply = await client.change({ method, path: url, body, ...ifMatch, reply: anyReply }, context);
    if (!reply.refused) return { changed: true, at: reading.now };
    if (reply.code !== 'stale_version' && !reply.code.startsWith('already_')) throw reply.error;
  }
  throw notShownYet('it is being changed by somebody else');
}

async function verifyState<P, R extends Reading>(state: HeldState<P, R>, call: Call<P>): Promise<VerifyResult> {
  const { target, parameters, context } = call;
  const reading = await state.things.read(target.id, context.idempotencyKey, context);
  const slot = state.slot(reading);
  const { digest } = reading;
  if (slot === null) return { says: 'absent', digest };
  if (isOurs(slot, call)) return { says: 'holds', digest };
  return { says: state.satisfies(slot, parameters, reading) ? 'foreign' : 'absent', digest };
}

function isOurs(slot: Slot | null, { context }: Call<unknown>): boolean {
  return slot?.owner === context.effectKey;
}

async function undoState<P, R extends Reading>(
  client: SandboxClient,
  state: HeldState<P, R>,
  call: Call<P>,
): Promise<UndoResult> {
  const { target, prior, outcome, context } = call;
  const base = `${state.things.path}/${segment(target.id)}`;
  for (let conflict = 0; conflict < MAX_CONFLICTS; conflict += 1) {
    const reading = await state.things.read(target.id, context.idempotencyKey, context);
    const { digest, now } = reading;
    const undone = reading.marks.some(({ effect }) => effect === state.clearEffect || effect === state.putBackEffect);
    const slot = state.slot(reading);
    const ours = isOurs(slot, call);
    if (!ours && undone) return { result: 'restored', digest };
    if (!ours && outcome?.['changed'] === false) return { result: 'not_needed', digest };
    if (undone) throw notShownYet('the undo was done but is not shown yet');
    const former = objectOf(prior?.['present']);
    const back = former === null ? null : (state.putBack?.(former, now) ?? null);
    const ended = slot === null && hasEnded(state, call, now);
    if (ended && back === null) return { result: 'restored', digest };
    if (!ours && !ended) return { result: neverDone(call, slot) ? 'not_needed' : 'superseded', digest };
    const restore =
      back === null
        ? { method: state.clear.method, path: `${base}${state.clear.path}` }
        : { method: 'PUT' as const, path: `${base}${back.path}`, body: back.body };
    const reply = await client.change({ ...restore, ifMatch: reading.version, reply: anyReply }, context);
    // Read back by the next round, which finds the trace; a refusal is judged on what it then reads.
    if (reply.refused && reply.code !== 'stale_version' && !reply.code.startsWith('not_')) throw reply.error;
  }
  throw notShownYet('it is being changed by somebody else');
}

/** True when what we set had an end and that has come. */
function hasEnded<P, R extends Reading>(state: HeldState<P, R>, call: Call<P>, now: number): boolean {
  const lifetimeMs = state.lifetimeMs(call.parameters);
  const at = call.outcome?.['at'];
  return lifetimeMs !== null && typeof at === 'number' && now >= at + lifetimeMs;
}

/** True when our call never arrived: no outcome, nothing there, and nothing was there before. */
function neverDone(call: Call<unknown>, slot: Slot | null): boolean {
  return call.outcome === null && slot === null && objectOf(call.prior?.['present']) === null;
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
