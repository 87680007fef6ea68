import { z } from 'zod';
import type { World } from './company.ts';

/**
 * Faults that can be switched on while the service runs, so that what a connector promises about slow, lying and
 * forgetful targets can be tried. Times here are machine time: they concern sockets.
 */

const match = z
  .strictObject({
    method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).optional(),
    /** Part of the path, decoded, for example `/suspend` or `/users/anna/`. */
    pathIncludes: z.string().min(1).max(200).optional(),
    /** Idempotency key. */
    key: z.string().min(1).max(200).optional(),
  })
  .default({});
/** How many matching requests it hits; absent: all until the faults are cleared. */
const times = z.int().min(1).max(1_000_000).optional();
const delay = z.int().min(1).max(60_000);

export const FAULT = z.discriminatedUnion('kind', [
  /** Waits before the work is done: the effect may land after the caller has given up. */
  z.strictObject({ kind: z.literal('slow'), ms: delay, match, times }),
  /** Does the work at once and answers late. */
  z.strictObject({ kind: z.literal('slow_reply'), ms: delay, match, times }),
  /** Fails before the work. */
  z.strictObject({ kind: z.literal('error_500'), match, times }),
  z.strictObject({ kind: z.literal('rate_limited'), retryAfterSeconds: z.int().min(0).max(3_600), match, times }),
  /** Does the work, then destroys the socket without a reply. Hits changing requests only. */
  z.strictObject({ kind: z.literal('lost_reply'), match, times }),
  /**
   * `times` matching reads after the next change show the state from before it. Arm it before the change. Hits
   * reads only.
   */
  z.strictObject({ kind: z.literal('stale_read'), match, times }),
  /** A session kill answers 200 and kills nothing. */
  z.strictObject({ kind: z.literal('lying_kill'), match, times }),
  /** The file is written to while it is read: the second half of what is read is of the new revision. */
  z.strictObject({ kind: z.literal('changing_file'), match, times }),
  /** A file or image breaks off after so many bytes, with the socket. */
  z.strictObject({
    kind: z.literal('partial_stream'),
    afterBytes: z
      .int()
      .min(0)
      .max(1024 ** 4),
    match,
    times,
  }),
]);
export type Fault = z.infer<typeof FAULT>;
export type FaultKind = Fault['kind'];

/** Faults at one time. */
export const MAX_FAULTS = 50;

export interface FaultRequest {
  readonly method: string;
  readonly path: string;
  readonly key: string | null;
}

export interface Faults {
  /** False when there are too many. */
  add(fault: Fault): boolean;
  clear(): void;
  /** The first fault of this kind that the request meets, counted down. */
  take<K extends FaultKind>(kind: K, request: FaultRequest): Extract<Fault, { kind: K }> | null;
  /** Called before each change: keeps the state for stale reads when such a fault is armed. */
  beforeChange(world: World): void;
  /** The former state when this read is to be stale, else null. */
  staleWorldFor(request: FaultRequest): World | null;
  list(): readonly { readonly fault: Fault; readonly left: number | null }[];
}

interface Armed {
  readonly fault: Fault;
  left: number | null;
}

export function createFaults(): Faults {
  let armed: Armed[] = [];
  let former: World | null = null;

  function take<K extends FaultKind>(kind: K, request: FaultRequest): Extract<Fault, { kind: K }> | null {
    // The usual case must cost nothing: benchmarks run through here.
    if (armed.length === 0) return null;
    const hit = armed.find((entry) => entry.fault.kind === kind && meets(entry.fault, request));
    if (hit === undefined) return null;
    if (hit.left !== null) {
      hit.left -= 1;
      if (hit.left <= 0) armed = armed.filter((entry) => entry !== hit);
    }
    return isKind(hit.fault, kind) ? hit.fault : null;
  }

  return {
    take,
    add(fault) {
      if (armed.length >= MAX_FAULTS) return false;
      armed.push({ fault, left: fault.times ?? null });
      return true;
    },
    clear() {
      armed = [];
      former = null;
    },
    beforeChange(world) {
      if (armed.some((entry) => entry.fault.kind === 'stale_read')) former = structuredClone(world);
    },
    staleWorldFor(request) {
      if (former === null || take('stale_read', request) === null) return null;
      const shown = former;
      if (!armed.some((entry) => entry.fault.kind === 'stale_read')) former = null;
      return shown;
    },
    list: () => armed.map((entry) => ({ fault: entry.fault, left: entry.left })),
  };
}

function isKind<K extends FaultKind>(fault: Fault, kind: K): fault is Extract<Fault, { kind: K }> {
  return fault.kind === kind;
}

function meets(fault: Fault, request: FaultRequest): boolean {
  const { method, pathIncludes, key } = fault.match;
  return (
    (method === undefined || method === request.method) &&
    (pathIncludes === undefined || request.path.includes(pathIncludes)) &&
    (key === undefined || key === request.key)
  );
}
