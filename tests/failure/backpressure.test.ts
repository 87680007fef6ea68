import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FirebreakError } from '../../src/platform/errors.ts';
import { MAX_WAITING_CHANGES } from '../../src/journal/group-commit.ts';
import { MAX_WAITING_INPUTS } from '../../src/pipeline/executions/mailboxes.ts';
import { MAX_WAITING_EVENTS } from '../../src/pipeline/intake/intake.ts';
import { testEngine } from '../support/engine.ts';
import { faultyJournal } from '../support/faulty-journal.ts';
import { BASE, byHand, SUSPEND_APPROVED } from '../support/playbooks.ts';
import { startHarness, until, verified, type Harness, type Reply } from '../support/server.ts';

/** More than a server with a slow store can do: it says so, and what waits in its memory stays below named limits. */

const EVENTS_IN_A_REQUEST = 10_000;
const journal = faultyJournal();
let house: Harness;
beforeAll(async () => {
  house = await startHarness({ journalThrough: journal.through });
  await house.admin.api('POST', BASE, byHand('asks', [SUSPEND_APPROVED]));
});
afterAll(() => house.stop());

/** Events that no rule looks at: what is tested is how many may wait. */
function batch(request: number): string {
  const time = new Date().toISOString();
  const lines = Array.from({ length: EVENTS_IN_A_REQUEST }, (_, index) =>
    JSON.stringify({ id: `e${request}-${index}`, kind: 'other', action: 'page.view', subject: 'somebody', time }),
  );
  return lines.join('\n');
}

describe('a flood upon a slow store', () => {
  it('is answered with 503 and 429, never with memory, and loses nothing that was accepted', async () => {
    const most = { changes: 0, inputs: 0, events: 0 };
    const look = (): void => {
      const now = house.waiting();
      for (const name of ['changes', 'inputs', 'events'] as const) most[name] = Math.max(most[name], now[name]);
    };
    const replies: Reply[] = [];
    const say = async (asked: Promise<Reply>): Promise<Reply> => {
      const reply = await asked;
      replies.push(reply);
      look();
      return reply;
    };
    const ndjson = { 'content-type': 'application/x-ndjson' };
    journal.slow(250);
    const events = Array.from({ length: 8 }, (_, index) =>
      say(house.admin.api('POST', '/api/events', batch(index), ndjson)),
    );
    const triggers = Array.from({ length: 300 }, (_, index) =>
      say(house.admin.api('POST', `${BASE}/executions/trigger`, { playbookId: 'asks', userId: `user-${index}` })),
    );
    await until('somebody is told that it is too much', async () => {
      look();
      return replies.some(({ status }) => status === 503) ? true : null;
    });
    expect(most.events).toBeGreaterThan(MAX_WAITING_EVENTS / 2);
    journal.slow(0);
    const taken = await Promise.all(events);
    const started = await Promise.all(triggers);

    expect(most.events).toBeLessThanOrEqual(MAX_WAITING_EVENTS);
    expect(most.changes).toBeLessThanOrEqual(MAX_WAITING_CHANGES);
    expect(most.inputs).toBeLessThanOrEqual(MAX_WAITING_INPUTS);
    const refused = replies.filter(({ status }) => status !== 200 && status !== 201);
    for (const { status, headers, body } of refused) {
      expect([status, headers.get('retry-after')]).toEqual([503, '5']);
      expect(['overloaded', 'store_unavailable']).toContain(body.code);
    }
    expect(refused.some(({ body }) => body.code === 'overloaded')).toBe(true);
    await until('nothing waits any more', async () =>
      Object.values(house.waiting()).every((count) => count === 0) ? true : null,
    );
    // On a machine that is busy with other things a slow commit may outlast its second: what became of that is not known.
    const unknown = (some: readonly Reply[]): number =>
      some.filter(({ body }) => body.code === 'store_unavailable').length;
    const accepted = taken.filter(({ status }) => status === 200).length * EVENTS_IN_A_REQUEST;
    expect(house.counts().events).toBeGreaterThanOrEqual(accepted);
    expect(house.counts().events).toBeLessThanOrEqual(accepted + unknown(taken) * EVENTS_IN_A_REQUEST);
    const begun = started.filter(({ status }) => status === 201).length;
    const { total = 0 } = (await house.admin.api('GET', `${BASE}/executions?limit=1`)).body;
    expect(total).toBeGreaterThanOrEqual(begun);
    expect(total).toBeLessThanOrEqual(begun + unknown(started));
  });

  it('of small requests ends at the rate of their key', async () => {
    const key = await house.service('SECURITY_ANALYST');
    const time = new Date().toISOString();
    const statuses = new Map<number, number>();
    let late: Reply | null = null;
    for (let sent = 0; sent < 1_300; sent += 50) {
      const some = Array.from({ length: 50 }, (_, index) =>
        key.api('POST', '/api/events', { id: `s${sent + index}`, kind: 'other', action: 'x', subject: 's', time }),
      );
      for (const reply of await Promise.all(some)) {
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
        if (reply.status === 429) late = reply;
      }
    }
    expect([...statuses].sort()).toEqual([
      [200, 1_200],
      [429, 100],
    ]);
    expect([Number(late?.headers.get('retry-after')) > 0, late?.body.code]).toEqual([true, 'rate_limited']);
  });

  it('leaves a record that is intact', async () => {
    await house.halt();
    expect(await verified(house.dataDir)).toMatchObject({ code: 0, verdict: 'intact', problem: null });
  });
});

describe('inputs for executions', () => {
  it('wait up to a limit; who hands in more is told so', async () => {
    const engine = testEngine();
    const by = { type: 'person', id: 'usr_1' } as const;
    const ends = new Map<string, number>();
    const note = (thrown: unknown): void => {
      const end = thrown instanceof FirebreakError ? thrown.code : 'another error';
      ends.set(end, (ends.get(end) ?? 0) + 1);
    };
    const asked = Array.from({ length: MAX_WAITING_INPUTS + 3 }, (_, index) =>
      engine.runner.submit(`exe_${index}`, { type: 'cancel', by, reason: 'drill', compensate: false }).catch(note),
    );
    expect(engine.runner.waiting).toBe(MAX_WAITING_INPUTS);
    await Promise.all(asked);
    expect([...ends].sort()).toEqual([
      ['not_found', MAX_WAITING_INPUTS],
      ['overloaded', 3],
    ]);
    expect(engine.runner.waiting).toBe(0);
    await engine.close();
  });
});
