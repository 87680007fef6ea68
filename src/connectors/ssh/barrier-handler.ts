import { z } from 'zod';
import {
  ConnectorError,
  type ActionContext,
  type ActionDeclaration,
  type ActionHandler,
  type JsonObject,
  type UndoResult,
  type VerifyResult,
} from '../../pipeline/actions/contract.ts';
import { type Call, handler, objectOf, refused } from '../define-handler.ts';
import { keepScript, markOf, removeScript, tryScript, type Barrier } from './barrier.ts';
import { readBarrier, type BarrierReading } from './barrier-reading.ts';
import { applyRules, listTable, SHOW_CONNECTION } from './commands.ts';
import type { SshHost } from './hosts-file.ts';
import type { Pool } from './pool.ts';
import { covers } from './prefixes.ts';
import { failedCommand, outcomeOf, run } from './run.ts';

/** Puts barriers up and takes them away: ISOLATE_HOST and ISOLATE_NETWORK_SEGMENT, which differ only in the rules. */

export interface BarrierPorts {
  readonly pool: Pool;
  /** The wall clock, ms since 1970: barriers end by the host's own time, whatever business time does. */
  readonly now: () => number;
  /** How long a barrier stands that no new connection confirms, in seconds. */
  readonly trialSeconds: number;
}

/** A barrier and where it stands. */
export interface Place {
  readonly host: SshHost;
  /** @param port the host's SSH port as the host sees it */
  barrier(port: number): Barrier;
}

/** Minutes until it ends by itself: at most 30 days, the longest containment that makes sense unattended. */
export const EXPIRATION = z
  .preprocess(
    (value) => (typeof value === 'string' && /^[0-9]{1,9}$/.test(value) ? Number(value) : value),
    z
      .int()
      .min(1)
      .max(30 * 24 * 60),
  )
  .optional();
const parameters = z.strictObject({ expirationMinutes: EXPIRATION });
type Parameters = z.infer<typeof parameters>;

const MINUTE_MS = 60_000;
/**
 * How much later than needed the kernel ends a barrier whose end Firebreak itself sees to, in ms: what begins within a day of it can
 * rely on it for as long as it may need it. And Firebreak, where it runs, is there first and reads back.
 */
const BACKSTOP_MS = 24 * 60 * MINUTE_MS;
/** An end that is sooner by no more than this, in ms, is as good: executions of one incident begin within seconds of each other. */
const SAME_END_MS = 10_000;
/** Taking a barrier away after its confirmation failed gets this long, in ms; the kernel does it anyway when the trial ends. */
const REVERT_MS = 3_000;

export function barrierHandler(
  ports: BarrierPorts,
  declaration: ActionDeclaration,
  placeOf: (targetId: string) => Place,
): ActionHandler {
  return handler<Parameters>({
    declaration,
    parameters,
    async observe(call) {
      const place = placeOf(call.target.id);
      return {
        present: formerOf(ports, await readAt(ports, place, call.context), markOf(call.context.idempotencyKey)),
      };
    },
    perform: (call) => putUp(ports, placeOf(call.target.id), call),
    verify: (call) => verify(ports, placeOf(call.target.id), call),
    undo: (call) => takeAway(ports, placeOf(call.target.id), call),
  });
}

/** What stood there before and was not ours, as undo needs it: null when nothing cut off. */
export function formerOf(ports: BarrierPorts, reading: BarrierReading, own: string): JsonObject | null {
  if (reading.mark === null || reading.mark === own || reading.state !== 'held') return null;
  return { mark: reading.mark, until: reading.leftMs === null ? null : ports.now() + reading.leftMs };
}

async function putUp(ports: BarrierPorts, place: Place, call: Call<Parameters>): Promise<JsonObject> {
  const { context, parameters: given } = call;
  const mark = markOf(context.idempotencyKey);
  const { neededMs, lastsMs } = endsOf(given, context);
  const reading = await readAt(ports, place, context);
  if (reading.mark === mark && reading.state === 'held') return doneOf(ports, true, reading);
  if (reading.present && reading.mark === null) throw notOurs(place);
  if (reading.state === 'held' && outlasts(reading.leftMs, neededMs)) return doneOf(ports, false, reading);
  const replaced = formerOf(ports, reading, mark);
  await tryThenKeep(ports, place, mark, lastsMs, context);
  return { ...doneOf(ports, true, await readAt(ports, place, context)), replaced };
}

/**
 * How long a barrier has to last, and when the kernel ends it, in ms from now; null: not by itself. `expirationMinutes` is meant
 * exactly. The end of a containment (`ttl`) is seen to by Firebreak, and people may extend it: the kernel comes after that.
 */
function endsOf({ expirationMinutes }: Parameters, { atMostMs }: Pick<ActionContext, 'atMostMs'>): Ends {
  const exactMs = expirationMinutes === undefined ? Infinity : expirationMinutes * MINUTE_MS;
  const finite = (ms: number): number | null => (ms === Infinity ? null : ms);
  return {
    neededMs: finite(Math.min(exactMs, atMostMs ?? Infinity)),
    lastsMs: finite(Math.min(exactMs, (atMostMs ?? Infinity) + BACKSTOP_MS)),
  };
}

interface Ends {
  readonly neededMs: number | null;
  readonly lastsMs: number | null;
}

function doneOf(ports: BarrierPorts, changed: boolean, { leftMs, rules }: BarrierReading): JsonObject {
  return { changed, rules, until: leftMs === null ? null : ports.now() + leftMs };
}

function outlasts(leftMs: number | null, wantedMs: number | null): boolean {
  return leftMs === null || (wantedMs !== null && leftMs + SAME_END_MS >= wantedMs);
}

/**
 * Puts the barrier up on trial, and keeps it only when a new connection can be made through it. Otherwise it ends by itself.
 * @throws ConnectorError `management_path_not_kept` before anything is changed, `management_path_lost` after the trial
 */
export async function tryThenKeep(
  ports: BarrierPorts,
  place: Place,
  mark: string,
  lastsMs: number | null,
  context: ActionContext,
): Promise<void> {
  const { host } = place;
  const barrier = place.barrier(await managementPort(ports, host, context));
  const { trialSeconds } = ports;
  const input = tryScript(barrier, mark, trialSeconds);
  await run(ports.pool, host, applyRules(host), { context, input, changes: true });
  // The new connection and its command have as long as the trial lasts; what comes later fails on the host.
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(trialSeconds * 1_000)]);
  const seconds = lastsMs === null ? null : Math.ceil(lastsMs / 1_000);
  const keep = { context: { signal, maySend: context.maySend }, input: keepScript(barrier, mark, seconds) };
  try {
    await run(ports.pool, host, applyRules(host), { ...keep, changes: true, anew: true });
  } catch (thrown) {
    await revert(ports, host, barrier, mark);
    if (context.signal.aborted || !(thrown instanceof ConnectorError) || thrown.resultUnknown) throw thrown;
    const message = `no new connection to ${host.id} came through (${thrown.message}), so it is not cut off: what was put up ends by itself within ${trialSeconds} s`;
    throw new ConnectorError('management_path_lost', message, {
      retryable: false,
      resultUnknown: false,
      answered: true,
      cause: thrown,
    });
  }
}

/** The connection that is there may still work; when it does not, the kernel ends the trial. */
async function revert({ pool }: BarrierPorts, host: SshHost, barrier: Barrier, mark: string): Promise<void> {
  const context = { signal: AbortSignal.timeout(REVERT_MS), maySend: () => true };
  const options = { context, input: removeScript(barrier, mark), changes: true };
  await outcomeOf(pool, host, applyRules(host), options).catch(() => undefined);
}

/**
 * The SSH port as the host sees it, once it is sure that we come from an address that stays reachable.
 * @throws ConnectorError `management_path_not_kept`
 */
async function managementPort({ pool }: BarrierPorts, host: SshHost, context: ActionContext): Promise<number> {
  const line = await run(pool, host, SHOW_CONNECTION, { context, changes: false });
  const [from = '', , , port = ''] = line.trim().split(' ');
  if (!/^[1-9]\d{0,4}$/.test(port)) throw refused('unexpected_reply', `${host.id} does not say how it is reached`);
  // An IPv4 peer of a socket for both families is shown as an IPv6 address by some servers.
  const address = from.replace(/^::ffff:/, '').replace(/%.*$/, '');
  if (covers(host.management, address)) return Number(port);
  const message = `${host.id} sees Firebreak at ${address.slice(0, 64)}, which is not among its management addresses: it would cut off its own way in; add it to "management"`;
  throw refused('management_path_not_kept', message);
}

async function verify(ports: BarrierPorts, place: Place, call: Call<Parameters>): Promise<VerifyResult> {
  const { context, outcome } = call;
  const { mark, state, leftMs, rules, digest } = await readAt(ports, place, context);
  if (mark === null || state !== 'held') return { says: 'absent', digest };
  // Whoever would rely on it for longer puts up its own.
  if (context.toShare === true && !outlasts(leftMs, endsOf(call.parameters, context).neededMs))
    return { says: 'absent', digest };
  if (mark !== markOf(context.effectKey)) return { says: 'foreign', digest };
  // Rules that somebody has loosened since are not what was put up.
  const expected = outcome?.['changed'] === true ? outcome['rules'] : rules;
  return { says: expected === rules ? 'holds' : 'absent', digest };
}

async function takeAway(ports: BarrierPorts, place: Place, call: Call<Parameters>): Promise<UndoResult> {
  const { context, outcome } = call;
  const { host } = place;
  const mark = markOf(context.effectKey);
  const reading = await readAt(ports, place, context);
  const former = formerAt(call);
  const isOver = former === null || (former.until !== null && former.until <= ports.now());
  const { digest } = reading;
  if (reading.mark !== mark) {
    if (outcome?.['changed'] === false) return { result: 'not_needed', digest };
    if (reading.mark !== null && reading.mark === former?.mark) return { result: 'restored', digest };
    if (reading.present) return { result: 'superseded', digest };
    if (!isOver) return { result: 'superseded', digest };
    return { result: outcome === null ? 'not_needed' : 'restored', digest };
  }
  if (isOver) {
    // The port is of no matter for taking it away.
    const input = removeScript(place.barrier(host.port), mark);
    await run(ports.pool, host, applyRules(host), { context, input, changes: true });
  } else {
    const lastsMs = former.until === null ? null : former.until - ports.now();
    await tryThenKeep(ports, place, former.mark, lastsMs, context);
  }
  const after = await readAt(ports, place, context);
  return { result: after.mark === mark ? 'superseded' : 'restored', digest: after.digest };
}

interface Former {
  readonly mark: string;
  /** When it ends by itself, ms since 1970; null: it does not. */
  readonly until: number | null;
}

/**
 * The barrier that ours stands in the place of. One that nobody knows of was there before us. One of another execution goes back as
 * long as that wants it; where it is not known which it was, or whether there was one, it stays cut off under the name of one that does.
 */
function formerAt({ context, prior, outcome }: Call<Parameters>): Former | null {
  const before = barrierIn(prior?.['present']);
  if (before !== null) return before;
  const replaced = barrierIn(outcome?.['replaced']);
  // Absent where a repeat found its own work: what it replaced is not known any more.
  if (outcome?.['replaced'] === null) return null;
  const wanted = (context.wantedByOthers ?? []).map(markOf);
  const mark = replaced !== null && wanted.includes(replaced.mark) ? replaced.mark : wanted[0];
  return mark === undefined ? null : { mark, until: replaced?.until ?? null };
}

function barrierIn(value: unknown): Former | null {
  const { mark, until } = objectOf(value) ?? {};
  return typeof mark === 'string' ? { mark, until: typeof until === 'number' ? until : null } : null;
}

/** What stands at the barrier's place. @throws ConnectorError */
export async function readAt({ pool }: BarrierPorts, place: Place, context: ActionContext): Promise<BarrierReading> {
  const { host } = place;
  if (!host.nftables) throw refused('not_offered', `the hosts file does not say "nftables: true" for ${host.id}`);
  const { table } = place.barrier(host.port);
  const listed = await outcomeOf(pool, host, listTable(host, table), { context, changes: false });
  if (listed.code === 0) return readBarrier(listed.output);
  if (/^Error: No such file or directory/m.test(listed.errors)) return readBarrier(null);
  throw failedCommand(host, listed);
}

function notOurs({ host, barrier }: Place): ConnectorError {
  const { table } = barrier(host.port);
  return refused(
    'table_not_ours',
    `${host.id} has a table inet ${table} that Firebreak did not make; remove it by hand`,
  );
}
