import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { append } from '../../../tests/support/journal-conformance.ts';
import { openOn } from '../../../tests/support/postgres-place.ts';
import { sharedCluster, type Cluster } from '../../../tests/support/postgres.ts';
import { until } from '../../../tests/support/server.ts';
import { realMachine, type Machine } from '../../platform/machine.ts';
import type { Change } from '../journal.ts';
import { keepMembership } from '../keep-membership.ts';
import type { QueuedEffect } from '../membership.ts';
import { newsChannel, openEar, openTeller, TELL_SPACING_MS, type NewsPorts } from './news.ts';
import type { PostgresJournal } from './postgres-journal.ts';

const shared = sharedCluster();
afterAll(() => shared.remove());

const AT = Date.UTC(2026, 10, 21, 3, 0, 0);
const ID = 'jrn_test';
const CHANNEL = newsChannel(ID);

const effect = (name: string): Change => ({
  appends: [],
  effects: [{ execution: 'exe_1', name, body: { kind: name } }],
});

/** The pause between two looks never ends by itself: whatever is found after the first look was found by a hint. */
const LOOKS_NEVER_FALL_DUE: Machine = {
  ...realMachine,
  sleep: (ms, signal) => realMachine.sleep(ms === 80 || ms === 100 ? 2_147_483_647 : ms, signal),
};

describe.skipIf(shared.skip !== null)('hints between processes', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let url: string;
  const closers: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    cluster = await shared.cluster();
    url = await cluster.database();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await cluster.recycle(url);
  });
  const database = (): string => new URL(url).pathname.slice(1);
  const ports = (more: Partial<NewsPorts> = {}): NewsPorts => ({
    address: { url, scrub: (text) => text },
    machine: realMachine,
    journalId: ID,
    ...more,
  });
  const opened = async (more: Parameters<typeof openOn>[1] = {}): Promise<PostgresJournal> => {
    const journal = await openOn(url, { hints: true, ...more });
    closers.push(() => journal.close());
    return journal;
  };
  const sessions = async (like: string): Promise<number[]> => {
    const text = 'select pid from pg_stat_activity where datname = $1 and (query ilike $2 or application_name like $2)';
    return (await cluster.query(text, [database(), like])).map(({ pid }) => Number(pid));
  };

  /** A process that performs, with its looks. */
  async function worker() {
    const journal = await opened();
    const closing = new AbortController();
    const claimed: QueuedEffect[] = [];
    let looks = 0;
    const ended = keepMembership({
      members: journal.members,
      machine: LOOKS_NEVER_FALL_DUE,
      closing: closing.signal,
      async takeOver() {
        claimed.push(...(await journal.members.claim(100)));
        looks += 1;
      },
      // The store is away in one of the tests.
      onError: () => undefined,
    });
    closers.push(async () => {
      closing.abort();
      await ended;
    });
    const found = (name: string) =>
      until(`${name} is found`, async () => claimed.find((each) => each.name === name) ?? null);
    return { journal, closing, ended, looks: () => looks, found };
  }

  /** Counts what is told on the journal's channel, up to a word of its own. */
  async function counter() {
    const client = new Client({ connectionString: url });
    await client.connect();
    closers.push(() => client.end());
    let told = 0;
    let done = (): void => undefined;
    client.on('notification', ({ payload }) => (payload === 'done' ? done() : (told += 1)));
    await client.query(`listen ${CHANNEL}`);
    return async (): Promise<number> => {
      const said = new Promise<void>((resolve) => (done = resolve));
      await client.query(`notify ${CHANNEL}, 'done'`);
      await said;
      return told;
    };
  }

  it('wake a process that performs, so that it begins what another one queued', async () => {
    const api = await opened({ performs: false });
    const { looks, found } = await worker();
    // The look at its start, and the one after it has begun to listen.
    await until('it listens', async () => (looks() === 2 ? true : null));
    await api.commit([effect('asked')]);
    await found('asked');
    await api.commit([effect('again')]);
    await found('again');
  });

  it('go on after the connection on which a process listens was ended, and what was told meanwhile is found', async () => {
    const api = await opened({ performs: false });
    const { looks, found } = await worker();
    await until('it listens', async () => (looks() === 2 ? true : null));
    const [first] = await sessions(`listen ${CHANNEL}`);
    await cluster.query('select pg_terminate_backend($1, 5000)', [first]);
    await api.commit([effect('meanwhile')]);
    await found('meanwhile');
    const next = await until('it listens again', async () => (await sessions(`listen ${CHANNEL}`))[0] ?? null);
    expect(next).not.toBe(first);
    await api.commit([effect('after')]);
    await found('after');
  });

  it('go on after the server was stopped and started', async () => {
    const api = await opened({ performs: false });
    const { journal, looks, found } = await worker();
    await until('it listens', async () => (looks() === 2 ? true : null));
    await cluster.stop();
    await cluster.start();
    await until('it listens again', async () => (await sessions(`listen ${CHANNEL}`))[0] ?? null);
    // Until it has said that it lives, a look finds nothing.
    await until('it lives again', async () => journal.members.holds() || null);
    await until('it is committed', () => api.commit([effect('late')]).catch(() => null));
    await found('late');
  });

  it('are two for a burst: the first at once, and one for all that was left since', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const machine: Machine = {
      ...realMachine,
      sleep: (ms, signal) => (ms === TELL_SPACING_MS ? released : realMachine.sleep(ms, signal)),
    };
    const api = await opened({ performs: false, machine });
    const told = await counter();
    await api.commit([effect('first')]);
    await until('it was told', async () => ((await told()) === 1 ? true : null));
    for (let n = 0; n < 1_000; n += 1) await api.commit([effect(`n${n}`)]);
    expect(await told()).toBe(1);
    release();
    await until('the rest was told', async () => ((await told()) > 1 ? true : null));
    await api.close();
    expect(await told()).toBe(2);
  });

  it('are not given for what leaves others nothing to do', async () => {
    const api = await opened({ performs: false });
    const performer = await opened();
    const told = await counter();
    await performer.commit([effect('own')]);
    await api.commit([append('s', 0, AT)]);
    // Stale, so nothing was queued; and an effect that is taken out of the queue.
    await api.commit([{ ...append('s', 0, AT), effects: effect('stale').effects ?? [] }]);
    await api.commit([{ appends: [], effects: [{ execution: 'exe_1', name: 'own', body: null }] }]);
    await performer.close();
    await api.close();
    expect(await told()).toBe(0);
  });

  it('are neither given nor heard when they are turned off', async () => {
    const api = await opened({ performs: false, hints: false });
    const { members } = await opened({ hints: false });
    expect(members.listen).toBe(undefined);
    const told = await counter();
    for (let n = 0; n < 20; n += 1) await api.commit([effect(`n${n}`)]);
    expect(await sessions('firebreak teller')).toEqual([]);
    await api.close();
    expect(await told()).toBe(0);
    expect(await members.claim(100)).toHaveLength(20);
  });

  it('of one journal wake nobody on another one', async () => {
    const heard: string[] = [];
    const listen = async (journalId: string) => {
      const ear = openEar(ports({ journalId }), () => 'ear');
      const ended = ear.listen(() => heard.push(journalId), new AbortController().signal);
      closers.push(async () => {
        ear.close();
        await ended;
      });
      await until('it listens', async () => heard.includes(journalId) || null);
    };
    await listen('jrn_one');
    await listen('jrn_two');
    const [one, two] = ['jrn_one', 'jrn_two'].map((journalId) => openTeller(ports({ journalId })));
    closers.push(async () => void (await Promise.all([one?.close(), two?.close()])));
    one?.tell();
    await until('it is heard', async () => heard[2] ?? null);
    two?.tell();
    await until('it is heard', async () => heard[3] ?? null);
    expect(heard).toEqual(['jrn_one', 'jrn_two', 'jrn_one', 'jrn_two']);
    expect(newsChannel('x'.repeat(10_000)).length).toBeLessThan(63);
  });

  it('that cannot be given fail nobody, and cost one try in a while', async () => {
    const asked: number[] = [];
    const machine: Machine = {
      ...realMachine,
      async sleep(ms, signal) {
        asked.push(ms);
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
      },
    };
    const nowhere = { url: url.replace(/:\d+\//, ':1/'), scrub: (text: string) => text };
    const teller = openTeller(ports({ address: nowhere, machine }));
    teller.tell();
    await until('it was tried', async () => asked[0] ?? null);
    for (let n = 0; n < 100; n += 1) teller.tell();
    await pause(0);
    expect(asked).toEqual([1_000]);
    await teller.close();
    teller.tell();
    // Who listens waits longer each time, up to a bound, and ends when it is told to.
    asked.length = 0;
    const ended = new AbortController();
    const patient: Machine = {
      ...realMachine,
      async sleep(ms) {
        if (asked.push(ms) === 9) ended.abort();
      },
    };
    await openEar(ports({ address: nowhere, machine: patient }), () => 'ear').listen(() => undefined, ended.signal);
    expect(asked).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000]);
  });

  it('leave no connection behind, by whichever of both ends', async () => {
    const hasty = openTeller(ports());
    hasty.tell();
    // It has begun to connect.
    await pause(0);
    await hasty.close();
    await until('a connection closed before it was there is over', async () =>
      (await sessions('firebreak teller')).length === 0 ? true : null,
    );
    for (const by of ['the loops', 'the journal'] as const) {
      const api = await opened({ performs: false });
      const { journal, closing, ended, looks } = await worker();
      await until('it listens', async () => (looks() === 2 ? true : null));
      await api.commit([effect(by)]);
      await until('it was told', async () => (await sessions('firebreak teller'))[0] ?? null);
      if (by === 'the loops') {
        closing.abort();
        await ended;
        await until('nobody listens', async () => ((await sessions('listen %')).length === 0 ? true : null));
      }
      await Promise.all([api.close(), journal.close()]);
      await until('all sessions are over', async () => ((await sessions('firebreak %')).length === 0 ? true : null));
    }
  });
});
