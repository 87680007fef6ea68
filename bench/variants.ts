import { z } from 'zod';
import type { Service } from './children.ts';
import type { JournalWatch } from './journal-watch.ts';
import { poster, type Turn } from './load.ts';
import type { Product } from './product.ts';

/** What is executed, by whom, and whether it was done. */

/** Executions that are looked at over the API at the end. */
const SAMPLE = 20;
export const CALLS_PER_EXECUTION = 4;
/** Connections to a server; more executions than that may be under way at a fixed rate. */
const CONNECTIONS = 64;
const TRIGGER = '/api/incident-playbooks/executions/trigger';

/** One of the three servers that can be driven: the product, *bare*, *none*. */
export interface Variant {
  readonly name: 'product' | 'bare' | 'none';
  readonly pid: number;
  turn(number: number): Promise<Turn>;
}

/** Four notices in three stages (two, one, one), each read back: what may run without a person being asked. */
export const PLAYBOOK = {
  playbookId: 'playbook_bench',
  name: 'Bench',
  playbookType: 'CUSTOM',
  severity: 'HIGH',
  actions: [
    ['first', 1],
    ['second', 1],
    ['third', 2],
    ['fourth', 3],
  ].map(([actionId, stage]) => ({
    actionId,
    actionType: 'USER_NOTIFICATION',
    stage,
    parameters: { title: 'Unusual activity', message: `Step ${String(actionId)}`, sendEmail: true },
  })),
};

const STARTED = z.looseObject({ data: z.looseObject({ id: z.string() }) });
const COUNTS = z.object({ posts: z.int(), reads: z.int(), distinctKeys: z.int() });
const SHOWN = z.looseObject({ data: z.looseObject({ status: z.string() }) });

/** The body of each POST: a person of their own, so that every execution has an incident of its own. */
function orderOf(turn: number): string {
  return JSON.stringify({
    playbookId: PLAYBOOK.playbookId,
    userId: `user-${turn}@example.org`,
    triggerEvent: { reason: 'bench' },
  });
}

/** Starts executions of the product, and adds to `ended` the id of each that it saw end. */
export function productVariant({ service, keys }: Product, watch: JournalWatch, ended: string[]): Variant {
  const { post: send } = poster(service.url, CONNECTIONS);
  return {
    name: 'product',
    pid: service.pid,
    async turn(turn) {
      const start = performance.now();
      const text = await send(TRIGGER, keys[turn % keys.length] ?? '', 'application/json', orderOf(turn));
      const acceptedMs = performance.now() - start;
      const { id } = STARTED.parse(JSON.parse(text)).data;
      await watch.ended(id);
      ended.push(id);
      return { acceptedMs, completedMs: performance.now() - start };
    },
  };
}

/** Asks a plain handler for the same work; its reply says that all is done. */
export function referenceVariant(name: 'bare' | 'none', service: Service): Variant {
  const { post: send } = poster(service.url, CONNECTIONS);
  return {
    name,
    pid: service.pid,
    async turn(turn) {
      const start = performance.now();
      STARTED.parse(JSON.parse(await send('/run', 'bench', 'application/json', orderOf(turn))));
      const completedMs = performance.now() - start;
      return { acceptedMs: completedMs, completedMs };
    },
  };
}

/**
 * Fast and wrong is not fast: every call came once, and a sample of executions says COMPLETED over the API.
 * @throws Error otherwise.
 */
export async function checkEffects(
  { service, keys }: Product,
  stubUrl: string,
  ended: readonly string[],
): Promise<void> {
  const counts = COUNTS.parse(await (await fetch(`${stubUrl}/counts`)).json());
  const expected = ended.length * CALLS_PER_EXECUTION;
  if (counts.posts !== expected || counts.distinctKeys !== expected || counts.reads !== expected) {
    throw new Error(`${ended.length} executions should make ${expected} calls, the stub saw ${JSON.stringify(counts)}`);
  }
  const step = Math.max(1, Math.floor(ended.length / SAMPLE));
  for (let index = 0; index < ended.length; index += step) {
    const headers = { authorization: `Bearer ${keys[0] ?? ''}` };
    const reply = await fetch(`${service.url}/api/incident-playbooks/executions/${ended[index] ?? ''}`, { headers });
    const { status } = SHOWN.parse(await reply.json()).data;
    if (status !== 'COMPLETED') throw new Error(`execution ${ended[index] ?? ''} is ${status}`);
  }
}

let number = 0;
/** No two executions of a run are about the same person. */
export function nextNumber(): number {
  number += 1;
  return number;
}
