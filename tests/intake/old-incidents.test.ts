import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcceptedEvent } from '../../src/pipeline/events/event.ts';
import { incidentOf } from '../../src/pipeline/incidents/incident-change.ts';
import { acceptedEvent, foundIn, testIntake, type TestIntake } from '../support/intake.ts';

/** What arrives of an attack that lies further back than the incident that is open for its subject by now. */

const NOW = Date.UTC(2026, 2, 3, 12, 0, 0);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const THEN = NOW - 3 * DAY;

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
  return acceptedEvent({ subject: 'anna', ip: '81.2.69.142', ...json }, NOW);
}

/** Second factors that anna denied, one each minute. */
const denied = (from: number, to: number): AcceptedEvent[] =>
  Array.from({ length: to - from }, (_, index) =>
    event({ id: `mfa-${from + index}`, kind: 'mfa_result', outcome: 'denied', time: THEN + (from + index) * MINUTE }),
  );
const alertNow = () => event({ id: 'alert', kind: 'alert', action: 'malware.found', time: NOW - MINUTE });

async function incidents() {
  const { items } = await house.journal.listViews({ kind: 'incident', limit: 100, skip: 0 });
  return items.map((view) => incidentOf(view).incident);
}

describe('a finding that goes on growing while its subject has a newer incident', () => {
  it('stays with the incident it opened, however many batches it comes in', async () => {
    await house.intake.take([alertNow()], undefined);
    await house.intake.take(denied(0, 5), undefined);
    await house.intake.take(denied(5, 8), undefined);
    await house.intake.take(denied(8, 12), undefined);
    const severities = (await incidents()).map(({ type, severity }) => `${type} ${severity}`).sort();
    expect(severities).toEqual(['CUSTOM MEDIUM', 'REPEATED_2FA_BYPASS CRITICAL']);
    const other = testIntake({ file: join(folder, 'other.sqlite'), now: NOW });
    await other.intake.take([alertNow(), ...denied(0, 12)], undefined);
    expect(await foundIn(house.journal)).toEqual(await foundIn(other.journal));
    await other.close();
  });

  it('stays with the incident it opened when another one has taken the place of that', async () => {
    await house.intake.take(denied(0, 5), undefined);
    await house.intake.take([alertNow()], undefined);
    await house.intake.take(denied(5, 12), undefined);
    const severities = (await incidents()).map(({ type, severity }) => `${type} ${severity}`).sort();
    expect(severities).toEqual(['CUSTOM MEDIUM', 'REPEATED_2FA_BYPASS CRITICAL']);
  });

  it('falls where it stood', async () => {
    const travel = (id: string, minutes: number, ip: string, lat: number, lon: number, country: string) =>
      event({
        id,
        kind: 'login',
        outcome: 'success',
        time: THEN + minutes * MINUTE,
        ip,
        geo: { country, lat, lon, radiusKm: 5 },
      });
    const london = travel('1', 0, '81.2.69.142', 51.5, -0.1, 'GB');
    const tokyo = travel('2', 60, '202.12.27.33', 35.7, 139.7, 'JP');
    await house.intake.take([london, tokyo], undefined);
    await house.intake.take([alertNow()], undefined);
    const [old] = (await incidents()).filter(({ type }) => type !== 'CUSTOM');
    expect(old?.findings.map(({ superseded }) => superseded)).toEqual([false]);
    // A sign-in in between: the journey was another one.
    await house.intake.take([travel('3', 30, '202.12.27.34', 35.7, 139.7, 'JP')], undefined);
    const [after, ...others] = (await incidents()).filter(({ type }) => type !== 'CUSTOM');
    expect(others).toEqual([]);
    expect(after?.id).toBe(old?.id);
    expect(after?.findings.map(({ lastTime, superseded }) => [lastTime - THEN, superseded])).toEqual([
      [30 * MINUTE, false],
      [60 * MINUTE, true],
    ]);
  });
});
