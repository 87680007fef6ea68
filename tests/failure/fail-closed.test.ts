import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLogKey } from '../../src/journal/log-key.ts';
import { origin, signCheckpoint } from '../../src/pipeline/audit/checkpoint.ts';
import { AILMENTS, faultyJournal, type Ailment } from '../support/faulty-journal.ts';
import { nothingOwed, recordTypesOf, rowsOf } from '../support/journal-rows.ts';
import {
  openJournalFile,
  startHarness,
  until,
  verified,
  type Harness,
  type HarnessOptions,
  type Reply,
} from '../support/server.ts';
import { closeSceneMail, sceneAt, sceneEnv, type Scene } from './scene.ts';
import { changesState, validRequest } from './valid-requests.ts';
import type { ValidRequest } from './scene-parts.ts';

/**
 * The server's own table of routes is walked: for each that changes state, the journal fails at each write. Nobody is
 * told that something was done, nothing was done, and the same request succeeds as soon as the store is well again.
 */

/**
 * Within this a caller hears that it cannot be, in ms of real time. Nobody waits for a store for more than a second
 * (`COMMIT_DEADLINE_MS`), twice at most; the rest is what a busy machine may take. Whoever waited for the store itself would wait for ever.
 */
const PATIENCE_MS = 15_000;
const LATE = 'hang, then written' satisfies Ailment;

interface World extends Scene {
  readonly journal: ReturnType<typeof faultyJournal>;
  /** What was observed while the first administrator was made: that route can succeed only once. */
  readonly setUp: readonly Observed[];
  readonly routes: Harness['routes'];
}

/** What became of a request while the journal failed from one write on, and of its repetition. */
interface Observed {
  readonly route: string;
  readonly nth: number;
  readonly reply: Pick<Reply, 'status'> & { readonly retryAfter: string | null; readonly code: string | undefined };
  readonly ms: number;
  readonly struck: number;
  /** Rows that the journal has and had not, and the other way round, when it is well again. */
  readonly changed: readonly string[];
  readonly again: number;
  /** Types of the records that the request led to in the end. */
  readonly records: readonly string[];
}

async function observe(
  world: Pick<World, 'journal'> & { readonly dataDir: string },
  route: string,
  request: ValidRequest,
  fault: { readonly kind: Ailment; readonly nth: number } | null,
): Promise<Observed> {
  const { journal, dataDir } = world;
  const database = openJournalFile(dataDir);
  try {
    await quiet(database);
    const before = rowsOf(database);
    const recordsBefore = recordTypesOf(database).length;
    if (fault !== null) journal.ail(fault.kind, fault.nth);
    const since = performance.now();
    const first = await send(request);
    const ms = performance.now() - since;
    const struck = fault === null ? 0 : journal.struck.length;
    await journal.heal();
    const after = rowsOf(database);
    const again = succeeded(first) ? first : await send(request);
    await quiet(database);
    return {
      route,
      nth: fault?.nth ?? 0,
      reply: { status: first.status, retryAfter: first.headers.get('retry-after'), code: first.body.code },
      ms,
      struck,
      changed: difference(before, after),
      again: again.status,
      records: recordTypesOf(database).slice(recordsBefore),
    };
  } finally {
    database.close();
  }
}

const send = ({ api, method, path, body }: ValidRequest): Promise<Reply> => api(method, path, body);
const succeeded = ({ status }: { readonly status: number }): boolean => status >= 200 && status < 300;

function difference(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)];
  return [...before.filter((row) => !has.has(row)), ...after.filter((row) => !had.has(row))];
}

/** Waits until what the last request set going has come to rest. */
async function quiet(database: ReturnType<typeof openJournalFile>): Promise<void> {
  let last = -1;
  await until('the journal comes to rest', async () => {
    // Another number as soon as somebody else has committed.
    const now = Number(database.pragma('data_version', { simple: true }));
    const rest = now === last && nothingOwed(database);
    last = now;
    return rest ? true : null;
  });
}

async function worldWith(fault: Ailment | null): Promise<World> {
  const journal = faultyJournal();
  const seen: Observed[] = [];
  const setUp: HarnessOptions['setUp'] = async ({ anonymous, setupToken, dataDir }) => {
    let done: Reply | null = null;
    const api: ValidRequest['api'] = async (...given) => {
      const reply = await anonymous(...given);
      if (succeeded(reply)) done = reply;
      return reply;
    };
    const body = { token: setupToken, user: { name: 'Ada Admin', email: 'ada@soc.example' } };
    const request = { api, method: 'POST', path: '/api/setup', body };
    const at = fault === null ? null : { kind: fault, nth: 1 };
    seen.push(await observe({ journal, dataDir }, SETUP, request, at));
    if (done !== null) return done;
    throw new Error(`nobody was set up: ${JSON.stringify(seen)}`);
  };
  const house = await startHarness({ journalThrough: journal.through, setUp, env: await sceneEnv() });
  return { ...(await sceneAt(house)), journal, setUp: seen, routes: house.routes };
}

const SETUP = 'POST /api/setup';
const CONFIRM = 'POST /api/journal/recovery/confirm';
/** Walked where they can succeed: while there is nobody, and after a backup was restored. */
const APART: readonly string[] = [SETUP, CONFIRM];

/** The one route for a journal that was set back: here by a checkpoint of records that it has not. */
async function confirmAt(world: World, kind: Ailment | null): Promise<Observed> {
  const { house, journal } = world;
  const file = join(house.dataDir, 'checkpoints.txt');
  const { id } = (await house.admin.api('GET', '/api/journal')).body.data;
  const lost = { origin: origin(id, { accelerated: false, generation: 1 }), size: 1_000_000, root: 'ab'.repeat(32) };
  let notes = '';
  await house.restart(() => {
    notes = readFileSync(file, 'utf8');
    appendFileSync(file, `${signCheckpoint(lost, loadLogKey(join(house.dataDir, 'log-key.pem')))}\n`);
  });
  const request = {
    api: house.admin.api,
    method: 'POST',
    path: '/api/journal/recovery/confirm',
    body: { reason: 'drill' },
  };
  const at = kind === null ? null : { kind, nth: 1 };
  const observed = await observe({ journal, dataDir: house.dataDir }, CONFIRM, request, at);
  await house.restart(() => writeFileSync(file, notes));
  return observed;
}

/** Routes of which one world in so many takes its part. */
interface Part {
  readonly of: number;
  readonly number: number;
}
const WHOLE: Part = { of: 1, number: 0 };
/** Most of the time stores that hang are waited for, which several worlds can do side by side. */
const PARTS = [0, 1, 2].map((number): Part => ({ of: 3, number }));
const partsOf = (kind: Ailment | null): readonly Part[] => (kind?.startsWith('hang') === true ? PARTS : [WHOLE]);

/** Fails the n-th write and all after it, for n from 1 until the request does not notice any more. */
async function walk(world: World, kind: Ailment, part: Part): Promise<Observed[]> {
  const { journal, house } = world;
  const all = part.number === 0 ? [...world.setUp] : [];
  for (const [index, route] of world.routes.filter(changesState).entries()) {
    if (index % part.of !== part.number) continue;
    const name = `${route.method} ${route.url}`;
    if (APART.includes(name)) continue;
    for (let nth = 1, noticed = true; noticed; nth += 1) {
      const request = await validRequest(world, route);
      const observed = await observe({ journal, dataDir: house.dataDir }, name, request, { kind, nth });
      all.push(observed);
      // What is refused for another reason is no fault of the store; the tests below say so.
      noticed = observed.reply.status >= 500;
    }
  }
  if (part.number === 0) all.push(await confirmAt(world, kind));
  return all;
}

const worlds = new Map<Ailment | null, readonly World[]>();
const walks = new Map<Ailment | null, readonly Observed[]>();
beforeAll(async () => {
  // Side by side: most of it is waiting for stores that do not answer.
  await Promise.all(
    [null, ...AILMENTS].map(async (kind) => {
      const parts = partsOf(kind);
      const made = await Promise.all(parts.map(() => worldWith(kind)));
      worlds.set(kind, made);
      const walkPart = (world: World, index: number) =>
        kind === null ? calm(world) : walk(world, kind, parts[index] ?? WHOLE);
      walks.set(kind, (await Promise.all(made.map(walkPart))).flat());
    }),
  );
}, 600_000);
afterAll(async () => {
  await Promise.all([...worlds.values()].flat().map(({ house }) => house.stop()));
  await closeSceneMail();
});

/** Each request once, with nothing in its way. */
async function calm(world: World): Promise<Observed[]> {
  const all = [...world.setUp];
  for (const route of world.routes.filter(changesState)) {
    const name = `${route.method} ${route.url}`;
    if (APART.includes(name)) continue;
    const request = await validRequest(world, route);
    all.push(await observe({ journal: world.journal, dataDir: world.house.dataDir }, name, request, null));
  }
  all.push(await confirmAt(world, null));
  return all;
}

const walked = (kind: Ailment | null): readonly Observed[] => walks.get(kind) ?? [];
const inTheWay = (kind: Ailment): readonly Observed[] => walked(kind).filter(({ reply }) => !succeeded(reply));

describe('with nothing in the way', () => {
  it('every route that changes state takes its request, and records something', () => {
    expect(walked(null).length).toBeGreaterThan(14);
    for (const { route, again, records } of walked(null)) {
      expect([route, Math.floor(again / 100), records.length > 0]).toEqual([route, 2, true]);
    }
  });

  it('no other route writes anything', async () => {
    const [world] = worlds.get(null) ?? [];
    if (world === undefined) throw new Error('the calm world was not made');
    const { journal, house, routes } = world;
    const reading = routes.filter((route) => !changesState(route));
    expect(reading.length).toBeGreaterThan(15);
    for (const route of reading) {
      const { method, url } = route;
      const isSafe = method === 'GET' || method === 'HEAD';
      const asks = isSafe ? null : await validRequest(world, route);
      const before = journal.writes;
      const { status } = await (asks === null ? house.admin.api(method, url.replace(/:\w+/g, 'x1')) : send(asks));
      expect([`${method} ${url}`, journal.writes]).toEqual([`${method} ${url}`, before]);
      if (asks !== null) expect(status).toBe(200);
      expect([`${method} ${url}`, status < 500]).toEqual([`${method} ${url}`, true]);
    }
  });
});

/** Heard everywhere, whatever the failure is. */
function isHeard(kind: Ailment): void {
  it('reaches every route that changes state at its first write', () => {
    const reached = inTheWay(kind).filter(({ nth }) => nth === 1);
    const routes = walked(null).map(({ route }) => route);
    expect(reached.map(({ route }) => route).sort()).toEqual([...routes].sort());
    for (const { route, struck } of reached) expect([route, struck > 0]).toEqual([route, true]);
  });

  it('is heard by the caller, who does not wait for the store, with the time to try again', () => {
    for (const { route, nth, reply, ms } of inTheWay(kind)) {
      const expected = { status: 503, retryAfter: '5', code: 'store_unavailable' };
      expect([route, nth, reply]).toEqual([route, nth, expected]);
      expect(ms, `${route} at write ${nth}`).toBeLessThan(PATIENCE_MS);
    }
  });

  it('leaves a record that is intact, and a server that is ready', async () => {
    const made = worlds.get(kind) ?? [];
    expect(made).toHaveLength(partsOf(kind).length);
    for (const { house } of made) {
      expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
      await house.halt();
      expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
    }
  });
}

describe.each(AILMENTS.filter((kind) => kind !== LATE))('a journal that fails at a write: %s', (kind) => {
  it('changes nothing', () => {
    for (const { route, nth, changed } of inTheWay(kind)) expect([route, nth, changed]).toEqual([route, nth, []]);
  });

  it('does not keep the same request from succeeding afterwards', () => {
    const calmRecords = new Map(walked(null).map(({ route, records }) => [route, records]));
    for (const { route, nth, again, records } of walked(kind)) {
      expect([route, nth, Math.floor(again / 100)]).toEqual([route, nth, 2]);
      expect([route, nth, records]).toEqual([route, nth, calmRecords.get(route)]);
    }
  });

  isHeard(kind);
});

describe('a journal that answers when nobody waits any more', () => {
  it('has done it whole, and whoever repeats it is done with or refused', () => {
    for (const { route, nth, again, changed } of inTheWay(LATE)) {
      expect([route, nth, changed.length > 0]).toEqual([route, nth, true]);
      expect([route, nth, again < 500]).toEqual([route, nth, true]);
    }
  });

  isHeard(LATE);
});
