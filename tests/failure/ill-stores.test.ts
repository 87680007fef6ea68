import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fullDisk, lockedFile, movedDirectory, toldTo, type IllStore } from '../support/ill-stores.ts';
import { BASE, byHand, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness } from '../support/server.ts';

/**
 * Real faults of SQLite under a running server: the caller hears 503, the server says that it is not ready, and when
 * the store is well again everything goes on by itself, with all that was acknowledged and nothing done twice.
 */

/** As long as a server may take to notice that its store is well, in ms: some of its trials. */
const RECOVERY_MS = 5_000;
const APPROVAL_TIMEOUT_MS = 1_000;

let store: IllStore | null = null;
let house: Harness | null = null;
afterEach(async () => {
  await store?.cure().catch(() => undefined);
  await house?.stop();
  store?.remove();
  [store, house] = [null, null];
});

async function serverOn(ill: IllStore): Promise<Harness> {
  store = ill;
  const env = { APPROVAL_TIMEOUT_MS: String(APPROVAL_TIMEOUT_MS) };
  const made = await startHarness({ dataDir: ill.dataDir, env });
  house = made;
  const suspend = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
  for (const playbook of [byHand('acts', [suspend]), byHand('asks', [SUSPEND_APPROVED])])
    expect((await made.admin.api('POST', BASE, playbook)).status).toBe(201);
  return made;
}

let sent = 0;
/** An alert with a text, so that it needs room of its own. */
function alert() {
  sent += 1;
  const time = new Date().toISOString();
  const text = 'x'.repeat(100_000);
  const told = { id: `alert-${sent}`, subject: `s${sent}`, time, text };
  return { ...told, kind: 'alert', action: 'edr.alert', severity: 'HIGH' };
}

const trigger = async ({ admin }: Harness, playbookId: string, userId: string): Promise<string> =>
  (await admin.api('POST', `${BASE}/executions/trigger`, { playbookId, userId })).body.data._id;

/** What a caller hears while the store is ill: 503, at once, with the time to try again. */
async function isRefused({ admin }: Harness): Promise<void> {
  const since = performance.now();
  const replies = [await admin.api('POST', '/api/events', alert()), await admin.api('POST', '/api/events', alert())];
  const shown = replies.map(({ status, headers, body }) => [status, headers.get('retry-after'), body.code]);
  expect(shown).toEqual(Array.from({ length: 2 }, () => [503, '5', 'store_unavailable']));
  expect(performance.now() - since).toBeLessThan(replies.length * 2_000);
}

async function isNotReady({ anonymous }: Harness): Promise<void> {
  const [ready, alive] = [await anonymous('GET', '/readyz'), await anonymous('GET', '/healthz')];
  expect([ready.status, ready.headers.get('retry-after'), JSON.parse(ready.text)]).toEqual([
    503,
    '5',
    { status: 'unavailable', failing: ['journal'] },
  ]);
  expect([alive.status, JSON.parse(alive.text)]).toEqual([200, { status: 'ok' }]);
}

/** Ready again without a request that would have to fail first. */
async function recovers({ anonymous }: Harness): Promise<void> {
  const ready = async () => ((await anonymous('GET', '/readyz')).status === 200 ? true : null);
  await until('the server is ready again', ready, RECOVERY_MS);
}

async function everythingWentOn(made: Harness, acting: string, asking: string, accepted: readonly string[]) {
  expect(await made.settled(acting)).toMatchObject({ status: 'COMPLETED' });
  expect(await made.sandboxUser('anna')).toMatchObject({ suspended: expect.anything() });
  const asked = await made.settled(asking, [
    'INITIATED',
    'RUNNING',
    'COMPENSATING',
    'WAITING_APPROVAL',
    'PENDING_APPROVAL',
  ]);
  expect(asked.status).not.toBe('COMPLETED');
  const known = made.database().prepare<[string], object>('select 1 from events where id = ?');
  expect(accepted.filter((id) => known.get(id) === undefined)).toEqual([]);
  const again = await made.admin.api('POST', '/api/events', alert());
  expect([again.status, again.body.data?.accepted]).toEqual([200, 1]);
  await made.halt();
  const proof = await verified(made.dataDir, join(made.dataDir, 'checkpoints.txt'));
  expect(proof).toMatchObject({ code: 0, verdict: 'intact', problem: null });
}

async function goesThrough(ill: IllStore): Promise<void> {
  const made = await serverOn(ill);
  const accepted: string[] = [];
  for (const event of [alert(), alert()]) {
    expect((await made.admin.api('POST', '/api/events', event)).status).toBe(200);
    accepted.push(event.id);
  }
  // Answers and timers come while nothing can be written.
  await made.sandbox.fault({ kind: 'slow_reply', ms: 400, match: { pathIncludes: '/suspend' }, times: 1 });
  const asking = await trigger(made, 'asks', 'bela');
  await made.settled(asking, ['INITIATED', 'RUNNING']);
  const acting = await trigger(made, 'acts', 'anna');
  const before = made.counts().events;
  await ill.sicken();
  await isRefused(made);
  await isNotReady(made);
  // Reads go on, and the approval's time runs out meanwhile.
  expect((await made.admin.api('GET', BASE)).status).toBe(200);
  const since = performance.now();
  await until('the time of the approval is over', async () =>
    performance.now() - since > APPROVAL_TIMEOUT_MS ? true : null,
  );
  await isRefused(made);
  await isNotReady(made);
  await ill.cure();
  await recovers(made);
  expect(made.counts().events).toBe(before);
  await everythingWentOn(made, acting, asking, accepted);
}

const disk = fullDisk();
if (disk === null) process.stderr.write('SKIPPED: no file system can be mounted here, so no real full disk is tried\n');

describe('a store that cannot be written under a running server', () => {
  it.runIf(disk !== null)('because the disk is full', async () => {
    if (disk !== null) await goesThrough(disk);
  });

  it('because another program holds the file', () => goesThrough(lockedFile()));

  it('because its directory was moved away', () => goesThrough(movedDirectory()));

  it('because it is read-only (the connection is told so)', () =>
    goesThrough(toldTo({ sick: 'query_only = on', well: 'query_only = off' })));

  it('because no page is left (the connection is told so)', async () => {
    const made = await serverOn(toldTo({ sick: 'max_page_count = 1', well: 'max_page_count = 1073741823' }));
    await store?.sicken();
    await isRefused(made);
    await isNotReady(made);
    await store?.cure();
    await recovers(made);
  });
});

describe('a data directory that was removed', () => {
  it('is not written into thin air: nothing is acknowledged any more, though the process lives', async () => {
    const made = await serverOn(movedDirectory());
    expect((await made.admin.api('POST', '/api/events', alert())).status).toBe(200);
    rmSync(made.dataDir, { recursive: true });
    await isRefused(made);
    await isNotReady(made);
    await made.halt();
  });
});
