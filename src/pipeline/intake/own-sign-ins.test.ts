import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { eventKey, StoreUnavailableError } from '../../journal/journal.ts';
import { ACCESS_STREAM } from '../access/access.store.ts';
import { MAX_FAILURES } from '../access/lockout.ts';
import { NOW, PASSWORD, refusalOf, signInHouse, type SignInHouse } from '../access/test-sign-in.ts';
import { createOwnSignIns, OWN_SOURCE } from './own-sign-ins.ts';

/** The queue over a journal in memory; what is told is kept here, in place of intake. */
function listening(house: SignInHouse, told: Map<string, { readonly [name: string]: unknown }>) {
  const faults: Error[] = [];
  let asleep = 0;
  const ownSignIns = createOwnSignIns({
    journal: {
      streamHead: (stream) => house.journal.streamHead(stream),
      readStream: async (stream, after = 0) => (house.journal.streams.get(stream) ?? []).slice(after),
      knownEvents: async (ids) =>
        new Map(ids.flatMap(({ source, id }) => (told.has(id) ? [[eventKey(source, id), 'hash'] as const] : []))),
    },
    ingest: {
      async ingest(_ctx, { body, source, format }) {
        const fault = faults.shift();
        if (fault !== undefined) throw fault;
        expect([source, format]).toEqual([OWN_SOURCE, 'firebreak']);
        for (const event of JSON.parse(Buffer.from(body).toString())) {
          expect(told.has(event.id)).toBe(false);
          told.set(event.id, event);
        }
        return { data: {} };
      },
    },
    machine: { sleep: async () => void (asleep += 1) },
    closing: new AbortController().signal,
    now: () => NOW,
    onError: (thrown) => faults.push(thrown instanceof Error ? thrown : new Error(String(thrown))),
  });
  const heard = async () => {
    ownSignIns.look();
    while (ownSignIns.busy) await new Promise((resolve) => setImmediate(resolve));
    return [...told.values()];
  };
  return { heard, faults, asleep: () => asleep };
}

describe('own sign-ins', () => {
  it('are told with who, from where and how it ended; a lock is an event of its own', async () => {
    const house = await signInHouse();
    await house.withPassword('bob');
    await house.signIn('bob@example.org', PASSWORD);
    for (let tries = 0; tries <= MAX_FAILURES; tries += 1) await refusalOf(house.signIn('bob@example.org', 'wrong'));
    await refusalOf(house.signIn('nobody@example.org', 'wrong'));
    const events = await listening(house, new Map()).heard();
    expect(events[0]).toMatchObject({
      kind: 'login',
      outcome: 'success',
      subject: 'bob@example.org',
      ip: '203.0.113.9',
      time: NOW,
    });
    expect(events.map(({ outcome, reason, action }) => [action, outcome, reason].join(' ')).slice(1)).toEqual([
      ...Array.from({ length: MAX_FAILURES }, () => 'firebreak.sign_in failure wrong_credential'),
      'firebreak.account_locked denied too_many_failures',
      'firebreak.sign_in denied locked',
      'firebreak.sign_in failure wrong_credential',
    ]);
    expect(events.at(-1)?.['subject']).toBeNull();
  });

  it('are told after an outage, and after a crash between the record and the telling, once each', async () => {
    const house = await signInHouse();
    await house.withPassword('bob');
    await house.signIn('bob@example.org', PASSWORD);
    const told = new Map<string, { readonly [name: string]: unknown }>();
    const first = listening(house, told);
    first.faults.push(new StoreUnavailableError('away', false), new FirebreakError('overloaded', 'later'));
    expect(await first.heard()).toHaveLength(1);
    expect(first.asleep()).toBe(2);
    expect(await first.heard()).toHaveLength(1);
    // Recorded, and then the process ends: another one begins, knowing only the journal.
    await house.signIn('bob@example.org', PASSWORD);
    expect(await listening(house, told).heard()).toHaveLength(2);
    expect(await listening(house, told).heard()).toHaveLength(2);
  });

  it('that cannot be told are told with the next one', async () => {
    const house = await signInHouse();
    await house.withPassword('bob');
    await house.signIn('bob@example.org', PASSWORD);
    const one = listening(house, new Map());
    one.faults.push(new Error('a mistake'));
    expect(await one.heard()).toHaveLength(0);
    one.faults.length = 0;
    await house.signIn('bob@example.org', PASSWORD);
    expect(await one.heard()).toHaveLength(2);
    expect(house.journal.streams.has(ACCESS_STREAM)).toBe(true);
  });
});
