import { z } from 'zod';
import type { ActionHandler, JsonObject, VerifyResult } from '../../pipeline/actions/contract.ts';
import { type Call, handler, objectOf } from '../define-handler.ts';
import { hostBarrier, removeScript, segmentBarrier } from './barrier.ts';
import { barrierHandler, formerOf, readAt, type BarrierPorts, type Place } from './barrier-handler.ts';
import { applyRules } from './commands.ts';
import { declare } from './declare.ts';
import type { HostInventory } from './inventory.ts';
import { run } from './run.ts';

/** ISOLATE_HOST, ISOLATE_NETWORK_SEGMENT, RESTORE_NETWORK_SEGMENT. */

export function isolateHost(ports: BarrierPorts, inventory: HostInventory): ActionHandler {
  const declaration = declare('ISOLATE_HOST', {
    targetType: 'host',
    idempotency: 'state',
    reversibility: 'undo',
    holds: 'host.isolated',
    contains: true,
  });
  return barrierHandler(ports, declaration, (id) => {
    const host = inventory.host(id);
    return { host, barrier: (port) => hostBarrier(host, port) };
  });
}

/** What isolating a segment holds, and restoring it ends. */
const SEGMENT_ISOLATED = 'segment.isolated';

function segmentPlace(inventory: HostInventory, id: string): Place {
  const { host, segment } = inventory.segment(id);
  return { host, barrier: (port) => segmentBarrier(host, segment, port) };
}

export function isolateSegment(ports: BarrierPorts, inventory: HostInventory): ActionHandler {
  const declaration = declare('ISOLATE_NETWORK_SEGMENT', {
    targetType: 'segment',
    idempotency: 'state',
    reversibility: 'undo',
    holds: SEGMENT_ISOLATED,
    contains: true,
  });
  return barrierHandler(ports, declaration, (id) => segmentPlace(inventory, id));
}

/**
 * Opens a segment again, whoever cut it off, unless another execution holds that (`still_held`). It has no undo: who wants the
 * segment cut off again isolates it, and nothing is lost until then.
 */
export function restoreSegment(ports: BarrierPorts, inventory: HostInventory): ActionHandler {
  return handler({
    declaration: declare('RESTORE_NETWORK_SEGMENT', {
      targetType: 'segment',
      idempotency: 'state',
      reversibility: 'selfRecoverable',
      holds: null,
      releases: SEGMENT_ISOLATED,
      contains: false,
    }),
    parameters: z.strictObject({}),
    observe: async ({ target, context }) => {
      const reading = await readAt(ports, segmentPlace(inventory, target.id), context);
      return { present: formerOf(ports, reading, '') };
    },
    perform: ({ target, context }) => open(ports, segmentPlace(inventory, target.id), context),
    verify: (call) => isOpen(ports, segmentPlace(inventory, call.target.id), call),
  });
}

async function open(ports: BarrierPorts, place: Place, context: Call<unknown>['context']): Promise<JsonObject> {
  const reading = await readAt(ports, place, context);
  if (reading.mark === null || reading.state === 'over') return { changed: false };
  const { host } = place;
  const input = removeScript(place.barrier(host.port), reading.mark);
  await run(ports.pool, host, applyRules(host), { context, input, changes: true });
  return { changed: true };
}

async function isOpen(
  ports: BarrierPorts,
  place: Place,
  { context, prior, outcome }: Call<unknown>,
): Promise<VerifyResult> {
  const { mark, state, digest } = await readAt(ports, place, context);
  if (mark !== null && state !== 'over') return { says: 'absent', digest };
  const wasOpen = outcome?.['changed'] === false || objectOf(prior?.['present']) === null;
  return { says: wasOpen ? 'foreign' : 'holds', digest };
}
