import { ownProgram, type Workshop } from './children.ts';
import { runRate, tallyOf } from './load.ts';
import { cpuMsOf, rounded } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { post, startProduct } from './product.ts';
import { openStorage } from './storage.ts';
import { checkEffects, nextNumber, PLAYBOOK, productVariant } from './variants.ts';

/**
 * Executions at a fixed rate instead of as fast as it goes: how long until one is accepted, and until it is complete.
 * @throws Error when an execution did not end as COMPLETED or a call was lost or repeated.
 */
export async function benchExecutionsAtRate(
  workshop: Workshop,
  rate: number,
  options: BenchOptions,
): Promise<Record<string, unknown>> {
  const { seconds, warmup, program, profileDir, db } = options;
  const storage = await openStorage(workshop, db);
  const place = await storage.newPlace();
  const stub = await workshop.start(ownProgram('stub.ts'));
  const product = await startProduct(workshop, { program, profileDir, targetUrl: stub.url, keys: 20, place });
  await post(product.service.url, '/api/incident-playbooks', product.keys[0] ?? '', PLAYBOOK);
  const watch = await product.watch();
  const ended: string[] = [];
  const { turn } = productVariant(product, watch, ended);
  const cpu: (number | null)[] = [];
  const slice = await runRate({
    rate,
    warmupMs: warmup * 1_000,
    measuredMs: seconds * 1_000,
    async turn(dueAt) {
      const lateMs = performance.now() - dueAt;
      const { acceptedMs, completedMs } = await turn(nextNumber());
      return { acceptedMs: acceptedMs + lateMs, completedMs: completedMs + lateMs };
    },
    onEdge: () => void cpu.push(cpuMsOf(product.service.pid)),
  });
  await checkEffects(product, stub.url, ended);
  await watch.close();
  await product.service.stop();
  const { count, accepted, completed } = tallyOf([slice]);
  const [begin = null, end = null] = cpu;
  return {
    bench: 'executions at a fixed rate',
    db,
    valid: true,
    rate,
    executions: count,
    accepted,
    completed,
    cpuMsPerExecution: begin === null || end === null ? null : rounded((end - begin) / Math.max(1, count), 3),
    postgres: storage.about,
  };
}
