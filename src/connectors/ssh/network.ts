import { z } from 'zod';
import type { ActionHandler, JsonObject, UndoResult, VerifyResult } from '../../pipeline/actions/contract.ts';
import { type Call, handler, objectOf } from '../define-handler.ts';
import { hostBarrier, removeScript, segmentBarrier } from './barrier.ts';
import { barrierHandler, formerOf, readAt, tryThenKeep, type BarrierPorts, type Place } from './barrier-handler.ts';
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

function segmentPlace(inventory: HostInventory, id: string): Place {
  const { host, segment } = inventory.segment(id);
  return { host, barrier: (port) => segmentBarrier(host, segment, port) };
}

export function isolateSegment(ports: BarrierPorts, inventory: HostInventory): ActionHandler {
  const declaration = declare('ISOLATE_NETWORK_SEGMENT', {
    targetType: 'segment',
    idempotency: 'state',
    reversibility: 'undo',
    holds: 'segment.isolated',
    contains: true,
  });
  return barrierHandler(ports, declaration, (id) => segmentPlace(inventory, id));
}

/** Opens a segment again, whichever execution cut it off. Its undo cuts it off as it was. */
export function restoreSegment(ports: BarrierPorts, inventory: HostInventory): ActionHandler {
  return handler({
    declaration: declare('RESTORE_NETWORK_SEGMENT', {
      targetType: 'segment',
      idempotency: 'state',
      reversibility: 'undo',
      holds: null,
      contains: false,
    }),
    parameters: z.strictObject({}),
    observe: async ({ target, context }) => {
      const reading = await readAt(ports, segmentPlace(inventory, target.id), context);
      return { present: formerOf(ports, reading, '') };
    },
    perform: ({ target, context }) => open(ports, segmentPlace(inventory, target.id), context),
    verify: (call) => isOpen(ports, segmentPlace(inventory, call.target.id), call),
    undo: (call) => closeAgain(ports, segmentPlace(inventory, call.target.id), call),
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

async function closeAgain(
  ports: BarrierPorts,
  place: Place,
  { context, prior, outcome }: Call<unknown>,
): Promise<UndoResult> {
  const reading = await readAt(ports, place, context);
  const former = objectOf(prior?.['present']);
  const mark = former?.['mark'];
  const { digest } = reading;
  if (outcome?.['changed'] === false || typeof mark !== 'string') return { result: 'not_needed', digest };
  if (reading.mark === mark && reading.state === 'held') return { result: 'restored', digest };
  if (reading.present) return { result: 'superseded', digest };
  const until = former?.['until'];
  const leftMs = typeof until === 'number' ? until - ports.now() : null;
  if (leftMs !== null && leftMs <= 0) return { result: 'not_needed', digest };
  await tryThenKeep(ports, place, mark, leftMs, context);
  return { result: 'restored', digest: (await readAt(ports, place, context)).digest };
}
