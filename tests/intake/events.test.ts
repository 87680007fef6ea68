import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { incidentOf, incidentWrite } from '../../src/pipeline/incidents/incident-change.ts';
import { storedFrom } from '../../src/pipeline/incidents/incidents.service.ts';
import { acceptedEvent, foundIn, testIntake, type TestIntake } from '../support/intake.ts';
import { expectIntact } from '../support/records.ts';

const NOW = Date.UTC(2026, 2, 3, 12, 0, 0);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let folder: string;
let house: TestIntake;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-intake-'));
  house = testIntake({ file: join(folder, 'journal.sqlite'), now: NOW });
});
afterEach(async () => {
  expect(house.errors).toEqual([]);
  await house.close();
  rmSync(folder, { recursive: true, force: true });
});

function event(json: { readonly id: string; readonly [name: string]: unknown }): AcceptedEvent {
  const whole = { time: NOW - MINUTE, kind: 'login', outcome: 'success', subject: 'anna', ip: '81.2.69.142', ...json };
  return acceptedEvent(whole, NOW, 'test:1');
}

const take = (...events: readonly AcceptedEvent[]) => house.intake.take(events, undefined);

async function incidents() {
  const { items } = await house.journal.listViews({ kind: 'incident', limit: 100, skip: 0 });
  return items.map((view) => incidentOf(view).incident);
}

/** Failed sign-ins of different accounts from one address. */
function attempts(from: number, to: number): AcceptedEvent[] {
  return Array.from({ length: to - from }, (_, index) =>
    event({
      id: `attempt-${from + index}`,
      subject: `victim${from + index}`,
      outcome: 'failure',
      time: NOW - 20 * MINUTE + (from + index) * 1_000,
    }),
  );
}

describe('an event that comes again', () => {
  it('counts once, within a batch and across batches, requests and callers', async () => {
    const one = event({ id: 'e1' });
    expect(await take(one, event({ id: 'e2' }), one)).toEqual(['accepted', 'accepted', 'duplicate']);
    expect(await Promise.all([take(one), take(one, event({ id: 'e3' })), take(event({ id: 'e3' }))])).toEqual([
      ['duplicate'],
      ['duplicate', 'accepted'],
      ['duplicate'],
    ]);
    expect(await house.journal.eventCount()).toBe(3);
    const records = await house.journal.readStream('ingest/test:1');
    expect(records.map(({ record }) => record.data['count'])).toEqual([2, 1]);
  });

  it('leaves no record and no trace when nothing of its batch is new', async () => {
    await take(event({ id: 'e1' }));
    const before = await house.journal.streams();
    expect(await take(event({ id: 'e1' }))).toEqual(['duplicate']);
    expect(await house.journal.streams()).toEqual(before);
    expect(await house.journal.readStream('ingest/test:1')).toHaveLength(1);
  });

  it('with other content is kept beside the first one, judged, and told', async () => {
    const changed = { id: 'e1', subject: 'bela', ip: '2.125.160.216' };
    await take(event({ id: 'e1' }));
    expect(await take(event(changed), event(changed))).toEqual(['accepted', 'duplicate']);
    expect(await take(event(changed))).toEqual(['duplicate']);
    expect(await house.journal.eventCount()).toBe(2);
    const first = await house.journal.event('test:1', 'e1');
    expect(first?.event.subject).toEqual({ type: 'user', id: 'anna' });
    expect((await incidents()).map(({ subject, findings }) => [subject.id, findings[0]?.ruleId])).toEqual([
      ['bela', 'event-conflict'],
    ]);
  });

  it('with other content in the same batch is no different', async () => {
    expect(await take(event({ id: 'e1' }), event({ id: 'e1', subject: 'bela' }))).toEqual(['accepted', 'accepted']);
    expect(await incidents()).toHaveLength(1);
  });

  it('from another source is another event', async () => {
    const { event: own, raw } = event({ id: 'e1' });
    expect(await take({ event: own, raw }, { event: { ...own, source: 'test:2' }, raw })).toEqual([
      'accepted',
      'accepted',
    ]);
  });
});

describe('an alert', () => {
  it('opens an incident without a detector, and joins the one that is open', async () => {
    const alert = { kind: 'alert', action: 'malware.found', subject: 'anna' };
    await take(event({ ...alert, id: 'a1', severity: 'high' }), event({ ...alert, id: 'a2' }));
    await take(event({ ...alert, id: 'a3', time: NOW - 30 * MINUTE, severity: 'critical' }));
    const [incident, ...others] = await incidents();
    expect(others).toEqual([]);
    expect(incident).toMatchObject({ source: 'ALERT', severity: 'CRITICAL', subject: { id: 'anna' }, status: 'OPEN' });
    expect(incident?.findings).toHaveLength(3);
  });

  it('is not lost behind hundreds of harmless ones about the same host', async () => {
    const alert = { kind: 'alert', action: 'port.scan', subject: { type: 'host', id: 'db-1' }, severity: 'low' };
    await take(...Array.from({ length: 250 }, (_, index) => event({ ...alert, id: `scan-${index}` })));
    await take(event({ ...alert, id: 'z', action: 'ransomware.found', severity: 'critical', time: NOW - 1_000 }));
    const [incident, ...others] = await incidents();
    expect(others).toEqual([]);
    expect(incident).toMatchObject({ severity: 'CRITICAL', summary: 'test:1 raised the alert ransomware.found.' });
  });

  it('of the day before yesterday is an incident of its own, from one batch as from two', async () => {
    const alert = { kind: 'alert', action: 'malware.found', subject: 'anna' };
    const old = event({ ...alert, id: 'old', time: NOW - 2 * DAY });
    const young = event({ ...alert, id: 'young' });
    await take(young, old);
    const together = await foundIn(house.journal);
    expect(together.incidents).toHaveLength(2);
    const other = testIntake({ file: join(folder, 'other.sqlite'), now: NOW });
    await other.intake.take([old], undefined);
    await other.intake.take([young], undefined);
    expect(await foundIn(other.journal)).toEqual(together);
    // Only the newest one takes what comes next.
    for (const { intake } of [house, other]) {
      await intake.take([event({ ...alert, id: 'next', time: NOW - 2 * MINUTE })], undefined);
    }
    expect((await foundIn(house.journal)).incidents).toHaveLength(2);
    expect(await foundIn(other.journal)).toEqual(await foundIn(house.journal));
    await other.close();
  });
});

/** A person closes the one incident. */
async function close(status: 'RESOLVED' | 'FALSE_POSITIVE'): Promise<void> {
  const view = (await house.journal.listViews({ kind: 'incident', limit: 9, skip: 0 })).items.at(0);
  if (view === undefined) throw new Error('nothing was found');
  const stored = storedFrom(view);
  const closed = { ...stored.incident, status, reason: 'a drill' };
  const record = { type: 'incident.closed', at: NOW, trace: undefined, cause: null };
  const { append, view: next } = incidentWrite(stored, closed, record);
  expect(await house.journal.commit([{ appends: [append], views: [next] }])).toMatchObject([{ status: 'applied' }]);
}

describe('an attack that goes on after people closed its incident', () => {
  it.each(['RESOLVED', 'FALSE_POSITIVE'] as const)('is taken in, and opens another one (%s)', async (status) => {
    await take(...attempts(0, 4));
    await close(status);
    expect(await take(...attempts(4, 8))).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
    const all = await incidents();
    expect(all.map((incident) => incident.status).sort()).toEqual([status, 'OPEN'].sort());
    expect(all.find((incident) => incident.status === 'OPEN')?.accounts).toContain('victim7');
    expect(await take(...attempts(8, 9))).toEqual(['accepted']);
    expect(await incidents()).toHaveLength(2);
  });

  it.each([
    ['FALSE_POSITIVE', 1],
    ['RESOLVED', 2],
  ] as const)('opens nothing for more of the same once it was called %s', async (status, expected) => {
    await take(...attempts(0, 4));
    await close(status);
    await take(event({ id: 'again', subject: 'victim1', outcome: 'failure', time: NOW - 19 * MINUTE }));
    expect(await incidents()).toHaveLength(expected);
  });
});

describe('an incident of which the gravest finding falls', () => {
  it('has the numbers of what still stands: conditions and targets are read from them', async () => {
    const denied = Array.from({ length: 5 }, (_, index) =>
      event({ id: `mfa-${index}`, kind: 'mfa_result', outcome: 'denied', time: NOW - 50 * MINUTE + index * MINUTE }),
    );
    const london = { geo: { country: 'GB', lat: 51.5, lon: -0.1 } };
    const tokyo = { ip: '202.12.27.33', session: 's1', geo: { country: 'JP', lat: 35.7, lon: 139.7 } };
    await take(
      ...denied,
      event({ id: 'first', ...london, time: NOW - 40 * MINUTE }),
      event({ id: 'second', ...tokyo, time: NOW - 20 * MINUTE }),
    );
    const [before] = await incidents();
    expect(before).toMatchObject({ type: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', details: { sourceIp: '202.12.27.33' } });
    // The session was begun at home: nobody has travelled.
    await take(event({ id: 'between', ...london, session: 's1', time: NOW - 30 * MINUTE }));
    const [after] = await incidents();
    expect(after).toMatchObject({
      id: before?.id,
      type: 'REPEATED_2FA_BYPASS',
      details: { attempts: 5, sourceIp: '81.2.69.142' },
    });
    expect(after?.details).not.toHaveProperty('distanceKm');
  });
});

describe('the records of the intake', () => {
  it('are the same whoever comes first within a batch, and verify', async () => {
    const events = [...attempts(0, 5), event({ id: 'z' }), event({ id: 'b', subject: 'bela' })];
    await take(...events);
    const other = testIntake({ file: join(folder, 'other.sqlite'), now: NOW });
    await other.intake.take([...events].reverse(), undefined);
    for (const stream of await house.journal.streams()) {
      const bytes = (await house.journal.readStream(stream)).map((record) => record.bytes);
      expect(
        (await other.journal.readStream(stream)).map((record) => record.bytes),
        stream,
      ).toEqual(bytes);
    }
    await expectIntact(house.journal);
    await other.close();
  });
});

describe('an event that cannot be taken in', () => {
  it('fails alone, and those that share its batch are stored in their order', async () => {
    const broken = testIntake({
      file: join(folder, 'broken.sqlite'),
      now: NOW,
      withPlace(given) {
        if (given.id === 'poison') throw new Error('a fault of the test');
        return given;
      },
    });
    const others = ['a', 'b', 'c', 'd', 'e'].map((id) => broken.intake.take([event({ id })], undefined));
    const poisoned = broken.intake.take([event({ id: 'poison' })], undefined);
    const last = broken.intake.take([event({ id: 'f' })], undefined);
    await expect(poisoned).rejects.toThrow('a fault of the test');
    expect((await Promise.all([...others, last])).flat()).toEqual(Array.from({ length: 6 }, () => 'accepted'));
    expect(await broken.journal.eventCount()).toBe(6);
    await broken.close();
  });
});

describe('an event that breaks a detector', () => {
  it('is stored, told, and costs no other event of its batch', async () => {
    const broken = testIntake({
      file: join(folder, 'broken.sqlite'),
      now: NOW,
      detectionContext: () => ({
        egressLabel(ip) {
          if (ip === '175.16.199.1') throw new Error('a fault of the test');
          return null;
        },
      }),
    });
    const poison = event({ id: 'poison', ip: '175.16.199.1', outcome: 'failure' });
    const verdicts = await broken.intake.take([...attempts(0, 3), poison, ...attempts(3, 6)], undefined);
    expect(verdicts).toEqual(verdicts.map(() => 'accepted'));
    expect(await broken.journal.eventCount()).toBe(7);
    const types = (await broken.journal.readStream('ingest/test:1')).map(({ record }) => record.type);
    expect(types).toContain('detector.error');
    expect((await foundIn(broken.journal)).incidents.length).toBeGreaterThan(0);
    await broken.close();
  });
});
