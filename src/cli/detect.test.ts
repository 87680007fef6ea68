import { describe, expect, it } from 'vitest';
import type { GeoLookup } from '../pipeline/detections/geo.ts';
import { DETECT_EXIT_CODES, detectCommand, type DetectOptions } from './detect.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const AT = '2026-11-21T11:00:00Z';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  files: Readonly<Record<string, string>>,
  given: Partial<DetectOptions> = {},
  openGeo?: () => Promise<GeoLookup>,
): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await detectCommand(
    { format: 'firebreak', file: '-', receivedAt: NOW, ...given },
    {
      stdout: (text) => (out += text),
      stderr: (text) => (err += text),
      readInput: (path) => {
        const text = files[path];
        return text === undefined
          ? Promise.reject(new Error(`no file ${path}`))
          : Promise.resolve(new TextEncoder().encode(text));
      },
      ...(openGeo === undefined ? {} : { openGeo }),
    },
  );
  return { code, out, err };
}

function line(id: string, given: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    id,
    time: AT,
    kind: 'login',
    outcome: 'failure',
    ip: '203.0.113.9',
    action: 'login',
    ...given,
  });
}

const CAMPAIGN = ['a', 'b', 'c'].map((name) => line(name, { subject: { type: 'user', id: name } }));

describe('firebreak detect', () => {
  it('prints each finding as a sentence and ends with 1', async () => {
    const { code, out, err } = await run({ '-': CAMPAIGN.join('\n') });
    expect(err).toBe('');
    expect(out).toMatch(/^2026-11-21T11:00:00.000Z CRITICAL 55 % MULTI_ACCOUNT_CAMPAIGN: 3 accounts had .* fnd_\w+\n$/);
    expect(code).toBe(DETECT_EXIT_CODES.found);
  });

  it('prints NDJSON with --json, the same for a list in another order with repeats', async () => {
    const lines = await run({ '-': CAMPAIGN.join('\n') }, { json: true });
    expect(JSON.parse(lines.out)).toMatchObject({
      severity: 'CRITICAL',
      accounts: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    });
    const list = await run({ '-': `[${[...CAMPAIGN, ...CAMPAIGN].toReversed().join(',')}]` }, { json: true });
    expect(list.out).toBe(lines.out);
  });

  it('ends with 0 when nothing is found', async () => {
    expect(await run({ '-': CAMPAIGN[0] ?? '' })).toEqual({ code: DETECT_EXIT_CODES.nothingFound, out: '', err: '' });
  });

  it('ends with 3 and says which events were refused', async () => {
    const { code, out, err } = await run({ '-': [...CAMPAIGN, '{"id": \u001b[31m'].join('\n') });
    expect(code).toBe(DETECT_EXIT_CODES.incomplete);
    expect(out).toContain('CRITICAL');
    expect(err).toBe('refused: line 4: the event is not valid JSON\n');
    const old = await run({ '-': line('x', { time: '2020-01-01T00:00:00Z', subject: { type: 'user', id: 'a' } }) });
    expect(old.err).toContain('say when it was received');
  });

  it.each([
    ['a file that is not there', {}, {}],
    ['an empty input', { '-': '' }, {}],
    ['a rules file that is no list', { '-': '[]', rules: 'a: 1' }, { rules: 'rules' }],
    [
      'a faulty rule',
      { '-': '[]', rules: '- {ruleId: r, ruleType: REPEATED_2FA_BYPASS, conditions: {minAttempts: 0}}' },
      { rules: 'rules' },
    ],
    ['a faulty egress list', { '-': '[]', egress: '- {cidr: x}' }, { egress: 'egress' }],
    ['a geo database that is none', { '-': '[]' }, { geoDb: '/nowhere.mmdb' }],
  ])('ends with 2 for %s', async (_name, files, options) => {
    const { code, out, err } = await run(files, options);
    expect([code, out]).toEqual([DETECT_EXIT_CODES.cannotRun, '']);
    expect(err).not.toBe('');
  });

  it('obeys its own rules and egress list', async () => {
    const rules = '- {ruleId: r, ruleType: MULTI_ACCOUNT_CAMPAIGN, conditions: {minAccounts: 4}}';
    expect((await run({ '-': CAMPAIGN.join('\n'), rules }, { rules: 'rules' })).code).toBe(0);
    const egress = '- {cidr: 203.0.113.0/24, label: office, expires: "2027-01-01"}';
    expect((await run({ '-': CAMPAIGN.join('\n'), egress }, { egress: 'egress' })).code).toBe(0);
  });

  it('places events by a geo database', async () => {
    const travel = [
      line('l', { ip: '81.2.69.142' }),
      line('m', { ip: '216.160.83.56', time: '2026-11-21T11:20:00Z' }),
    ].map((text) => text.replace('"failure"', '"success"').replace('{', '{"subject":{"type":"user","id":"alice"},'));
    const openGeo = (): Promise<GeoLookup> =>
      Promise.resolve({
        lookup: (ip) => ({
          latMicro: 51_500_000,
          lonMicro: ip.startsWith('81') ? 0 : -74_000_000,
          radiusM: 10_000,
          country: 'XX',
          city: 'X',
          from: 'database',
        }),
        database: { name: 'Test', build: '2026-08-05' },
      });
    const { code, out } = await run({ '-': travel.join('\n') }, { geoDb: 'any' }, openGeo);
    expect(code).toBe(DETECT_EXIT_CODES.found);
    expect(out).toContain('(Test 2026-08-05, Test 2026-08-05)');
  });
});
