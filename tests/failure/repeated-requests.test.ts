import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultyJournal } from '../support/faulty-journal.ts';
import { nothingOwed, recordTypesOf } from '../support/journal-rows.ts';
import { startHarness, until, type Reply } from '../support/server.ts';
import { closeSceneMail, sceneAt, sceneEnv, type Scene } from './scene.ts';
import { changesState, validRequest } from './valid-requests.ts';

/**
 * A client that sends an Idempotency-Key and repeats until it hears a success, while the journal fails at each write of
 * its request: it is done exactly once, and nobody has to wait for it. Where only keeping the reply fails, it was done.
 */

const journal = faultyJournal();
let scene: Scene;
beforeAll(async () => {
  scene = await sceneAt(await startHarness({ journalThrough: journal.through, env: await sceneEnv() }));
});
afterAll(async () => {
  await scene.house.stop();
  await closeSceneMail();
});

/**
 * Waits until the effects of what was done are over. Not counted is what detection makes of many refused sign-ins from here, and an
 * erasure that begins by itself.
 */
async function rest(): Promise<number> {
  const database = scene.house.database();
  await until('nothing is owed', async () => (nothingOwed(database) ? true : null));
  return recordTypesOf(database).filter((type) => !type.startsWith('incident.') && type !== 'erasure.begun').length;
}

/** How many records the request leads to when it is repeated until it succeeds; and each reply. */
async function insisted(route: string, nth: number | null): Promise<{ replies: Reply[]; records: number }> {
  const [method = '', url = ''] = route.split(' ');
  const request = await validRequest(scene, { method, url, operation: 'public' });
  const before = await rest();
  const headers = { 'idempotency-key': scene.fresh('key-') };
  const send = () => request.api(method, request.path, request.body, headers);
  if (nth !== null) journal.ail('error', nth);
  const replies = [await send()];
  await journal.heal();
  if (replies[0]?.status === 503) replies.push(await send());
  replies.push(await send());
  return { replies, records: (await rest()) - before };
}

/** Where it is not taking the key and doing the work. */
const FAILING: ReadonlyMap<string, readonly number[]> = new Map([
  // The events know their repeats by themselves.
  ['POST /api/events', [1]],
  // The artefact has its id from the key; its bytes are not kept to be compared.
  ['POST /api/evidence', [1]],
  // Each download is one of its own, and stands in the custody; so is each time that what is held on a person is handed out.
  ['POST /api/evidence/:id/download', [1]],
  ['POST /api/person-exports', [1]],
  // So is each reading of a message.
  ['POST /messages/:id', [1]],
]);

describe('a request that is repeated under its key', () => {
  it('is done once, at whichever write the journal failed', async () => {
    const routes = scene.house.routes
      .filter((route) => changesState(route) && route.method === 'POST' && route.operation !== 'public')
      // Succeeds only on a journal that was set back: see fail-closed.test.ts.
      .filter(({ url }) => url !== '/api/journal/recovery/confirm')
      .map(({ method, url }) => `${method} ${url}`);
    expect(routes.length).toBeGreaterThan(8);
    for (const route of routes) {
      const calm = await insisted(route, null);
      const failed: number[] = [];
      for (let nth = 1; ; nth += 1) {
        const { replies, records } = await insisted(route, nth);
        expect([route, nth, records]).toEqual([route, nth, calm.records]);
        const last = replies.map(({ status }) => status);
        expect([route, nth, last.slice(-2)]).toEqual([route, nth, calm.replies.map(({ status }) => status)]);
        if (last.length === 2) break;
        failed.push(nth);
      }
      // More where the request met somebody else's write, and was decided once more.
      const expected = FAILING.get(route) ?? [1, 2];
      expect([route, failed.slice(0, expected.length)]).toEqual([route, expected]);
    }
  }, 120_000);
});

describe('events that need more than one commit', () => {
  it('are not acknowledged when a later one fails; sent again, each counts once', async () => {
    const { admin } = scene.house;
    const time = new Date().toISOString();
    const lines = Array.from({ length: 1_200 }, () =>
      JSON.stringify({ id: scene.fresh('event-'), kind: 'other', action: 'page.view', subject: 'somebody', time }),
    );
    const send = () => admin.api('POST', '/api/events', lines.join('\n'), { 'content-type': 'application/x-ndjson' });
    await rest();
    const before = scene.house.counts().events;
    journal.ail('error', 2);
    expect((await send()).status).toBe(503);
    await journal.heal();
    const again = await send();
    const { accepted, duplicate } = again.body.data;
    expect([again.status, accepted + duplicate]).toEqual([200, lines.length]);
    // What of the request came after the failure is taken in all the same, now or when it is sent again.
    expect(accepted).toBeGreaterThan(0);
    expect(duplicate).toBeGreaterThan(0);
    expect(scene.house.counts().events - before).toBe(lines.length);
  });
});
