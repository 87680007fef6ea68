import { beforeAll, describe, expect, it } from 'vitest';
import { DEMO_START } from '../../src/demo/demo.ts';
import { slicesOf } from '../../src/demo/replay-traffic.ts';
import type { Scenario } from '../../src/demo/scenario.ts';
import { drawScenario } from '../../src/demo/traffic.ts';
import type { Finding } from '../../src/pipeline/detections/detector.ts';
import type { Event } from '../../src/pipeline/events/event.ts';
import { detect, normaliseScenario, rulesOfTheDemo } from './detect-scenario.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

describe('the traffic of a seed', () => {
  it('is the same bytes every time, and others for another seed', () => {
    const once = JSON.stringify(drawScenario(7, DEMO_START));
    expect(JSON.stringify(drawScenario(7, DEMO_START))).toBe(once);
    expect(JSON.stringify(drawScenario(8, DEMO_START))).not.toBe(once);
  });

  it('varies people, addresses, places, order and times', () => {
    const scenarios = SEEDS.map((seed) => drawScenario(seed, DEMO_START));
    const byTime = ({ labels }: Scenario): string =>
      [...labels.scenarios]
        .sort((a, b) => a.from - b.from)
        .map(({ id }) => id)
        .join();
    expect(new Set(scenarios.map(byTime)).size).toBeGreaterThan(3);
    expect(new Set(scenarios.flatMap(({ labels }) => labels.scenarios.map(({ sourceIp }) => sourceIp))).size).toBe(40);
    expect(new Set(scenarios.map(({ labels }) => labels.scenarios[0]?.accounts[0])).size).toBeGreaterThan(8);
    expect(new Set(scenarios.map(({ users }) => users[0]?.homeCountry)).size).toBeGreaterThan(1);
  });
});

describe.each(SEEDS)('seed %i', (seed) => {
  let scenario: Scenario;
  let events: readonly Event[];
  let refused: readonly string[];
  let findings: readonly Finding[];

  beforeAll(() => {
    scenario = drawScenario(seed, DEMO_START);
    ({ events, refused } = normaliseScenario(scenario, DEMO_START));
    findings = detect(scenario, events, rulesOfTheDemo(), DEMO_START);
  });

  it('has four attacks in at least 2,000 harmless events of one day, in at least three formats', () => {
    expect(scenario.labels.scenarios.map(({ id }) => id)).toEqual([
      'impossible-travel',
      '2fa-bypass',
      'privilege-action',
      'campaign',
    ]);
    const today = scenario.files.flatMap(({ lines }) => lines).filter(({ time }) => time >= scenario.dayStart);
    expect(today.filter(({ attack }) => attack === null).length).toBeGreaterThanOrEqual(2_000);
    expect(scenario.files.filter(({ lines }) => lines.length > 100).length).toBeGreaterThanOrEqual(3);
    expect(scenario.labels.scenarios[3]?.accounts.length).toBeGreaterThanOrEqual(3);
  });

  it('has near misses of every kind', () => {
    const kinds = new Set(scenario.labels.nearMisses.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      '4 declined pushes',
      '4 failed codes',
      'VPN egress',
      'an administrator doing a usual grant',
      'fast train',
      'fast train over 500 km',
      'flight with time enough',
      'office NAT',
    ]);
  });

  it('is read line by line by the events part, with its own time, and no id comes twice', () => {
    expect(refused).toEqual([]);
    const total = scenario.files.reduce((sum, { lines }) => sum + lines.length, 0);
    expect(events.length).toBe(total);
    expect(events.filter(({ timeQuality, weakId }) => timeQuality !== 'event' || weakId)).toEqual([]);
    expect(new Set(events.map(({ source, id }) => `${source} ${id}`)).size).toBe(total);
    expect(events.filter(({ time }) => time > DEMO_START)).toEqual([]);
  });

  it('says the same time in the file and in the line', () => {
    const times = scenario.files.flatMap(({ lines }) => lines.map(({ time }) => Math.floor(time / 1000))).sort();
    expect(events.map(({ time }) => Math.floor(time / 1000)).sort()).toEqual(times);
  });

  it('makes the detectors find the labelled attacks and nothing else', () => {
    const found = findings.map(({ type, subject }) => `${type} ${subject.id}`).sort();
    const expected = scenario.labels.scenarios.map(({ id, type, accounts, sourceIp }) =>
      id === 'campaign' ? `${type} ${sourceIp}` : `${type} ${accounts[0]}`,
    );
    expect(found).toEqual(expected.sort());
    const campaign = findings.find(({ type }) => type === 'MULTI_ACCOUNT_CAMPAIGN');
    expect(campaign?.accounts.map(({ id }) => id)).toEqual(scenario.labels.scenarios[3]?.accounts);
  });

  it('makes the 2FA attack grave enough for the last stage', () => {
    const details = findings.find(({ type }) => type === 'REPEATED_2FA_BYPASS')?.details ?? {};
    expect(Number(details['attempts']) >= 10 || details['successAfter'] === true).toBe(true);
  });

  it('keeps attackers and harmless people apart', () => {
    const { scenarios, harmless } = scenario.labels;
    const accounts = scenarios.flatMap((each) => each.accounts);
    expect(new Set(accounts).size).toBe(accounts.length);
    expect(harmless.users.filter((id) => accounts.includes(id))).toEqual([]);
    expect(harmless.users.length + accounts.length).toBe(scenario.users.length);
    expect(harmless.addresses.filter((ip) => scenarios.some(({ sourceIp }) => sourceIp === ip))).toEqual([]);
  });

  it('is cut into slices that hold every event once and no half attack', () => {
    const slices = slicesOf(scenario);
    const lines = scenario.files.flatMap((file) => file.lines);
    const sliceOf = (time: number): number => slices.findIndex(({ from, to }) => time >= from && time < to);
    expect(lines.filter(({ time }) => sliceOf(time) === -1)).toEqual([]);
    for (const [index, slice] of slices.entries()) {
      if (index > 0) expect(slice.from).toBeGreaterThanOrEqual(slices[index - 1]?.to ?? 0);
    }
    for (const { id } of scenario.labels.scenarios) {
      const own = lines.filter(({ attack }) => attack === id);
      expect(new Set(own.map(({ time }) => sliceOf(time))).size).toBe(1);
      expect(slices[sliceOf(own[0]?.time ?? 0)]?.attacks).toContain(id);
    }
  });
});
