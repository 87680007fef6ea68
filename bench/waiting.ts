import Sqlite from 'better-sqlite3';
import { readFileSync, statSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { Service, Workshop } from './children.ts';
import { cpuMsOf, pause, rounded } from './measure.ts';
import { CannotRunError, type BenchOptions } from './options.ts';
import { post, startProduct } from './product.ts';
import { openStorage } from './storage.ts';
import { fillWithWaiting } from './waiting-fill.ts';

/** Executions whose wait is over when the server starts again. */
const DUE = 1_000;

/** How long a server rests before its memory is looked at, and how long its idling is watched, in ms. */
const REST_MS = 5_000;
const IDLE_MS = 10_000;
/** How long the due executions may take, in ms; the bar is 2,000. */
const PATIENCE_MS = 120_000;

const DAY_MS = 24 * 3_600_000;
const SANDBOX = 'http://127.0.0.1:1';
const BASE = '/api/incident-playbooks';

interface Idling {
  readonly startToReadyMs: number;
  readonly rssMiB: number;
  /** CPU time in `IDLE_MS` without a request. */
  readonly idleCpuMs: number | null;
}

interface WaitingResult extends Record<string, unknown> {
  readonly waiting: number;
  readonly empty: Idling;
  readonly full: Idling;
  /** The bar: below 50. */
  readonly rssOverEmptyMiB: number;
  readonly fillPerSecond: number;
  readonly bytesPerWaiting: number;
  /** One request each, on the full journal. */
  readonly healthMs: number;
  readonly pendingListMs: number;
  readonly due: number;
  /** From the ready line until the last of the due executions has ended, on disk. The bar: 2,000. */
  readonly dueEndedMs: number;
  readonly loadAverage: readonly number[];
}

/**
 * What executions cost that wait for people: the server's memory and CPU over those of the same server on an empty
 * journal, how long it takes to start, and how soon it goes on with those whose time has come.
 */
export async function benchWaiting(workshop: Workshop, { program, count, db }: BenchOptions): Promise<WaitingResult> {
  if (db !== 'sqlite') throw new CannotRunError('waiting is measured on SQLite only');
  const { service, dataDir, keys } = await startProduct(workshop, {
    program,
    targetUrl: SANDBOX,
    keys: 1,
    place: await (await openStorage(workshop, 'sqlite')).newPlace(),
    profileDir: null,
  });
  const [key = ''] = keys;
  const gated = (playbookId: string) => ({
    playbookId,
    name: playbookId,
    playbookType: 'CUSTOM',
    severity: 'HIGH',
    rules: [],
    actions: [
      {
        actionId: 'suspend',
        actionType: 'ACCOUNT_SUSPEND',
        requiresApproval: true,
        approval: { roles: ['SECURITY_ADMIN'], requiredApprovers: 1, timeoutMs: DAY_MS },
      },
    ],
  });
  await post(service.url, BASE, key, gated('waiting'));
  await service.stop();
  const file = join(dataDir, 'journal.sqlite');
  const start = (): Promise<Started> => startOn(workshop, program, dataDir);

  const first = await start();
  const empty = await idling(first);
  await first.service.stop();

  const before = statSync(file).size;
  const began = performance.now();
  await fillWithWaiting(dataDir, 'waiting', count);
  const fillMs = performance.now() - began;
  const bytes = statSync(file).size - before;

  const second = await start();
  const full = await idling(second);
  const healthMs = await timed(`${second.service.url}/health/incident-playbooks`, key);
  const pendingListMs = await timed(`${second.service.url}${BASE}/approvals?limit=50`, key);
  await second.service.stop();

  await fillWithWaiting(dataDir, 'waiting', DUE, 2 * DAY_MS);
  const third = await start();
  const dueEndedMs = await untilEnded(file, DUE);
  await third.service.stop();
  return {
    bench: 'waiting',
    db: 'sqlite',
    valid: true,
    waiting: count,
    empty,
    full,
    rssOverEmptyMiB: rounded(full.rssMiB - empty.rssMiB, 1),
    fillPerSecond: Math.round((count * 1_000) / fillMs),
    bytesPerWaiting: Math.round(bytes / count),
    healthMs,
    pendingListMs,
    due: DUE,
    dueEndedMs,
    loadAverage: loadavg().map((value) => rounded(value, 1)),
  };
}

interface Started {
  readonly service: Service;
  readonly startToReadyMs: number;
}

async function startOn(workshop: Workshop, program: string, dataDir: string): Promise<Started> {
  const began = performance.now();
  const service = await workshop.start([program, 'serve', '--data', dataDir, '--port', '0', '--sandbox', SANDBOX], {
    SANDBOX_TOKEN: 'bench-token-bench-token',
    LOG_LEVEL: 'error',
  });
  return { service, startToReadyMs: Math.round(performance.now() - began) };
}

async function idling({ service: { pid }, startToReadyMs }: Started): Promise<Idling> {
  await pause(REST_MS);
  const before = cpuMsOf(pid);
  await pause(IDLE_MS);
  const after = cpuMsOf(pid);
  const idleCpuMs = before === null || after === null ? null : after - before;
  return { startToReadyMs, rssMiB: rssMiBOf(pid), idleCpuMs };
}

/** Resident memory of a process; 0 where there is no `/proc`. */
function rssMiBOf(pid: number): number {
  try {
    const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return rounded(Number(kib) / 1_024, 1);
  } catch {
    return 0;
  }
}

async function timed(url: string, key: string): Promise<number> {
  const began = performance.now();
  const reply = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  await reply.text();
  if (!reply.ok) throw new Error(`${url} answered ${reply.status}`);
  return rounded(performance.now() - began, 1);
}

/** Looks at the file from outside, so that the server is not asked. @throws Error when they do not end. */
async function untilEnded(file: string, count: number): Promise<number> {
  const began = performance.now();
  const database = new Sqlite(file, { readonly: true });
  const ended = database.prepare<[], { n: number }>(
    `select count(*) as n from views where kind = 'approval' and status in ('EXPIRED', 'DENIED')`,
  );
  try {
    while ((ended.get()?.n ?? 0) < count) {
      if (performance.now() - began > PATIENCE_MS) throw new Error(`${ended.get()?.n} of ${count} went on`);
      await pause(20);
    }
    return Math.round(performance.now() - began);
  } finally {
    database.close();
  }
}
