import type { Clock } from '../../platform/clock.ts';
import type { Machine } from '../../platform/machine.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import {
  ConnectorError,
  type ActionContext,
  type ActionHandler,
  type JsonObject,
  type VerifyResult,
} from '../actions/contract.ts';
import { holdGroup } from './change.ts';
import type { AttemptEffect } from './core/demands.ts';
import { untilStored } from './until-stored.ts';

/** Holds of one target that are looked at: more executions than this on one account is a campaign of its own. */
const MAX_HOLDS_READ = 200;

export interface HoldPorts {
  readonly journal: Pick<JournalReader, 'listViews'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly machine: Pick<Machine, 'sleep'>;
  readonly closing: AbortSignal;
}

/** One call of an execution, and with what its target is asked. */
export interface Call {
  readonly executionId: string;
  readonly effect: AttemptEffect;
  readonly handler: ActionHandler;
  readonly context: ActionContext;
}

/** What the row of a hold says (`change.ts`). */
export interface Hold {
  readonly executionId: string;
  readonly key: string;
  readonly prior: JsonObject;
  readonly performedAfter: number;
  readonly isBeingUndone?: true;
  /** Its execution does not know yet what became of its call, or has not made it. */
  readonly isUnsettled?: true;
  /** When its execution had read it back, in ms of business time. */
  readonly readBackAt?: number;
}

/** Another execution's hold that the target shows, and how it is recognised. */
export interface ShownHold {
  readonly prior: JsonObject;
  readonly heldBy: string;
  readonly heldAs: { readonly key: string; readonly since: number };
}

export function holdIn({ body }: StoredView): Hold {
  return body as unknown as Hold; // written by `change.ts`
}

/**
 * The hold of another execution that the target shows now, with the prior state that belongs to the first of them. Not one that
 * is being undone: that may land at any time. Nor one whose call may be still to come, at a target that remembers nobody and so
 * shows it as soon as it shows any: whoever shared that would wait for nobody.
 */
export async function sharedHold(ports: HoldPorts, asked: Call): Promise<ShownHold | null> {
  const call: Call = { ...asked, context: { ...asked.context, toShare: true } };
  const settled = await shownHold(ports, call, isSettled);
  if (settled !== null) return settled;
  const unsettled = await shownHold(ports, call, (hold) => hold.isBeingUndone !== true);
  return unsettled !== null && (await remembersWho(call)) ? unsettled : null;
}

/** The same of any hold, whatever becomes of it. */
export function anyHold(ports: HoldPorts, call: Call): Promise<ShownHold | null> {
  return shownHold(ports, call, () => true);
}

/** The same of a hold that is being undone. */
export function leavingHold(ports: HoldPorts, call: Call): Promise<ShownHold | null> {
  return shownHold(ports, call, (hold) => hold.isBeingUndone === true);
}

/**
 * Whether another execution takes back its hold here: where its call was cut off, nobody knows when it takes effect, and with it
 * may go what shows now. Of those that are not cut off, none is under way while the target is locked for us.
 */
export async function isLeaving(ports: HoldPorts, call: Call): Promise<boolean> {
  const others = await holdsOfOthers(ports, call);
  return others.some((hold) => hold.isBeingUndone === true);
}

/**
 * Whether another execution relies on what is to be taken back: it shares our hold, which its row names by the same key, or
 * the target shows its own mark. One that only looked, and whose call was cut off or is still to come, does not: it acts by
 * itself later, and nobody would be left to take ours back if it does not. Nor does one that is being undone itself. A target
 * that remembers nobody shows every mark as soon as it shows one, so the rows have to tell these apart.
 */
export async function isHeldByOthers(ports: HoldPorts, call: Call): Promise<boolean> {
  const views = await holdsOf(ports, call.effect);
  const own = views.find((view) => isOwn(view, call));
  const others = views.filter((view) => view !== own).map(holdIn);
  if (own !== undefined && others.some(({ key }) => key === holdIn(own).key)) return true;
  if (others.length === 0) return false;
  if ((await shownHold(ports, call, isSettled)) !== null) return true;
  // Who is still at it, or takes back its own, does so by itself: where ours shows, it is ours to take back.
  const { target, parameters, prior, reply } = call.effect;
  const ours = await call.handler.verify?.(target, parameters, prior, reply, call.context);
  if (showsIt(ours)) return false;
  return (await anyHold(ports, call)) !== null;
}

/** Of those that contain the same target and are not being taken back, in the order of their rows. */
export async function keysOfOthers(ports: HoldPorts, call: Call): Promise<readonly string[]> {
  const others = await holdsOfOthers(ports, call);
  return others.filter(isSettled).map(({ key }) => key);
}

/** Reads the holds of a group; waits where the store is away. */
export function storedHolds(ports: HoldPorts): (parent: string) => Promise<readonly StoredView[]> {
  return async (parent) => {
    const query = { kind: 'hold', parent, limit: MAX_HOLDS_READ, skip: 0 } as const;
    const { items } = await untilStored(ports, () => ports.journal.listViews(query));
    return items;
  };
}

/** The first of the wanted holds of others that the target shows. @throws ConnectorError where it cannot tell */
async function shownHold(ports: HoldPorts, call: Call, wanted: (hold: Hold) => boolean): Promise<ShownHold | null> {
  const { effect, handler, context } = call;
  const { settleMs } = handler.declaration;
  for (const hold of await holdsOfOthers(ports, call)) {
    if (!wanted(hold)) continue;
    const heldAs = { key: hold.key, since: hold.performedAfter };
    const found = { prior: hold.prior, heldBy: hold.executionId, heldAs };
    // Its own execution has seen it; what this one would see may still be from before that.
    if (hold.readBackAt !== undefined && ports.clock.now() < hold.readBackAt + settleMs) return found;
    const theirs = { ...context, idempotencyKey: hold.key, effectKey: hold.key, startedAt: hold.performedAfter };
    const shown = await handler.verify?.(effect.target, effect.parameters, hold.prior, null, theirs);
    if (showsIt(shown)) return found;
  }
  return null;
}

/** A key under which nothing was ever done. */
const NOBODY = 'nobody';

/** Whether the target can tell whose effect it shows: one that cannot says of anybody's that it is there. */
async function remembersWho({ effect, handler, context }: Call): Promise<boolean> {
  const nobodys = { ...context, idempotencyKey: NOBODY, effectKey: NOBODY };
  return !showsIt(await handler.verify?.(effect.target, effect.parameters, null, null, nobodys));
}

/**
 * Whether what was asked about is there. @throws ConnectorError when the target cannot tell: taken for nobody's, another
 * execution's containment would be the state before ours, and our undo would restore it.
 */
function showsIt(read: VerifyResult | undefined): boolean {
  if (read?.says !== 'unknown') return read?.says === 'holds';
  const message = 'the target does not tell whose effect it shows';
  throw new ConnectorError('cannot_tell', message, { retryable: true, resultUnknown: false });
}

async function holdsOfOthers(ports: HoldPorts, call: Call): Promise<readonly Hold[]> {
  const views = await holdsOf(ports, call.effect);
  return views.filter((view) => !isOwn(view, call)).map(holdIn);
}

async function holdsOf(ports: HoldPorts, { holds, connector, target }: AttemptEffect): Promise<readonly StoredView[]> {
  return holds === null ? [] : storedHolds(ports)(holdGroup(connector, target, holds));
}

function isOwn(view: StoredView, { executionId, effect }: Call): boolean {
  return view.id === `${executionId}|${effect.actionId}`;
}

function isSettled({ isBeingUndone, isUnsettled }: Hold): boolean {
  return isBeingUndone !== true && isUnsettled !== true;
}
