import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { DEDUPE_HORIZON_MS } from '../../platform/limits.ts';
import { EVENT_FORMATS, EVENT_KINDS, type Event, type EventFormat } from './event.ts';
import { normaliseEvent } from './normalise-event.ts';
import { parseBatch } from './parse-batch.ts';
import { normalised, eventOf, RECEIVED_AT, RECENT } from './test-support.ts';

const LOGIN = { id: 'e1', kind: 'login', time: RECENT, subject: 'alice' };

/** One event of each format that is as full as its mapping reads it; hand-made. Mutations of it reach every branch. */
const FULL: Readonly<Record<EventFormat, Record<string, unknown>>> = {
  firebreak: {
    ...LOGIN,
    geo: { lat: 1, lon: 2 },
    attributes: { a: ['b'] },
    device: { id: 'd' },
    target: { id: 't' },
    mfa: { factor: 'f' },
  },
  okta: {
    uuid: 'u',
    published: RECENT,
    eventType: 'user.account.privilege.grant',
    displayMessage: 'm',
    transaction: { id: 't' },
    actor: { id: 'a', type: 'User', alternateId: 'a@x' },
    target: [
      { id: 'b', type: 'User' },
      { id: 'g', type: 'UserGroup', displayName: 'G' },
    ],
    client: { ipAddress: '1.2.3.4', geographicalContext: { geolocation: { lat: 1, lon: 2 } } },
    request: { ipChain: [{ ip: '1.2.3.4' }] },
    debugContext: { debugData: { factor: 'F', risk: '{level=LOW}', dtHash: 'h', privilegeGranted: 'p' } },
    outcome: { result: 'FAILURE', reason: 'r' },
  },
  entra: {
    id: 'i',
    createdDateTime: RECENT,
    status: { errorCode: 500121, additionalDetails: 'MFA denied' },
    authenticationDetails: [{ authenticationMethod: 'm', succeeded: false }],
    location: { geoCoordinates: { latitude: 1, longitude: 2 } },
    riskEventTypes_v2: ['x'],
    deviceDetail: { deviceId: 'd' },
    activityDateTime: RECENT,
    targetResources: [
      {
        type: 'User',
        userPrincipalName: 'u',
        modifiedProperties: [{ displayName: 'Role.DisplayName', newValue: '"R"' }],
      },
    ],
    initiatedBy: { user: { id: 'a' }, app: { appId: 'b' } },
  },
  auth0: {
    log_id: 'l',
    date: RECENT,
    type: 'sapi',
    details: {
      request: {
        method: 'post',
        path: '/api/v2/users/u/roles',
        body: { roles: ['r'], users: ['u'], permissions: [{}] },
        auth: { user: { email: 'e' }, credentials: { client_id: 'c' } },
      },
    },
    location_info: { latitude: 1, longitude: 2 },
  },
  cloudtrail: {
    eventID: 'e',
    eventTime: RECENT,
    eventName: 'AttachUserPolicy',
    eventSource: 'iam.amazonaws.com',
    eventType: 'AwsApiCall',
    awsRegion: 'r',
    sourceIPAddress: '1.2.3.4',
    userIdentity: {
      type: 'IAMUser',
      arn: 'arn',
      accountId: '1',
      userName: 'u',
      sessionContext: { attributes: { mfaAuthenticated: 'true' }, sessionIssuer: { userName: 's' } },
    },
    requestParameters: { userName: 'v', policyArn: 'p' },
    responseElements: { ConsoleLogin: 'Failure', accessKey: { accessKeyId: 'k' }, user: { arn: 'a' } },
    additionalEventData: { MFAUsed: 'Yes', MFAIdentifier: 'i' },
  },
  google: {
    id: { time: RECENT, uniqueQualifier: '1', applicationName: 'login' },
    actor: { email: 'e', profileId: '1', key: 'k' },
    events: [
      {
        name: 'login_challenge',
        parameters: [
          { name: 'login_challenge_method', multiValue: ['m'] },
          { name: 'login_challenge_status', value: 's' },
        ],
      },
    ],
  },
  ocsf: {
    class_uid: 3002,
    activity_id: 1,
    metadata: { uid: 'u' },
    time: 1,
    time_dt: RECENT,
    status_id: 2,
    is_mfa: true,
    auth_factors: [{ factor_type: 'f' }],
    user: { uid: 'u', name: 'n' },
    actor: { user: { uid: 'a' }, session: { uid: 's' } },
    src_endpoint: { ip: '1.2.3.4', location: { lat: 1, long: 2 }, proxy_endpoint: {} },
    evidences: [{}],
    group: { uid: 'g' },
    policy: { uid: 'p' },
    privileges: ['p'],
    resources: [{ uid: 'r' }],
    device: { uid: 'd' },
  },
  ecs: {
    '@timestamp': RECENT,
    event: {
      id: 'i',
      action: 'assigned-role',
      category: ['iam'],
      type: ['admin'],
      kind: 'event',
      outcome: 'failure',
      dataset: 'd',
      risk_score: 1,
    },
    user: { name: 'n', target: { name: 't', roles: ['r'] } },
    source: { ip: '1.2.3.4', geo: { location: [1, 2] } },
    group: { id: 'g' },
    host: { id: 'h' },
    device: { id: 'd' },
  },
};

const HOSTILE = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    ' ',
    0,
    -0,
    1.5,
    -1,
    1e308,
    '\u0000',
    '\ud800',
    'constructor',
    '__proto__',
    'toString',
    [],
    {},
    [[]],
    [null],
    true,
    'x'.repeat(3_000),
  ),
  fc.constantFrom<unknown>(
    'alert',
    'signal',
    'iam',
    'authentication',
    'ConsoleLogin',
    'sapi',
    3001,
    2004,
    '1.2.3.4, 5.6.7.8',
    '::ffff:1.2.3.4',
    'MFA denied; x',
    0,
    500121,
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
);

/** Replaces one member, at a random place, by something hostile. */
function mutate(value: unknown, steps: readonly number[], hostile: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined || typeof value !== 'object' || value === null) return hostile;
  const entries = Object.entries(value);
  const chosen = entries[step % Math.max(entries.length, 1)];
  if (chosen === undefined) return hostile;
  const changed = entries.map(
    ([name, member]) => [name, name === chosen[0] ? mutate(member, rest, hostile) : member] as const,
  );
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

function expectSound(event: Event): void {
  // Canonical JSON refuses floats, lone surrogates and anything that is not plain data.
  expect(() => canonicalJson(event)).not.toThrow();
  expect(EVENT_KINDS).toContain(event.kind);
  expect(event.id.length).toBeLessThanOrEqual(300);
  expect(canonicalJson(event).length).toBeLessThan(64 * 2_200 + 20_000);
  expect(canonicalJson(event)).not.toContain('\\u0000');
  expect(Object.isFrozen(event) && Object.isFrozen(event.attributes)).toBe(true);
}

describe('totality', () => {
  it('any JSON, under any format, gives an event or a refusal', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(null, ...EVENT_FORMATS), (json, format) => {
        const result = normalised(format, json);
        if (result.ok) expectSound(result.event);
        else expect(result.code).not.toBe('mapping_error');
      }),
      { numRuns: 300 },
    );
  });

  it.each(EVENT_FORMATS)('%s survives anything in place of any member', (format) => {
    const places = fc.array(fc.array(fc.nat(20), { maxLength: 6 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(places, HOSTILE, (paths, hostile) => {
        const json = paths.reduce<unknown>((value, steps) => mutate(value, steps, hostile), FULL[format]);
        const result = normalised(format, json);
        if (result.ok) expectSound(result.event);
        else expect([result.code, result.reason]).not.toContain('mapping_error');
      }),
      { numRuns: 400 },
    );
  });

  it('takes no longer for hostile text', () => {
    const long = `${'a.'.repeat(200_000)}:%[`;
    const started = performance.now();
    for (const format of EVENT_FORMATS)
      for (const name of Object.keys(FULL[format])) normalised(format, { ...FULL[format], [name]: long });
    // About a hundred events with 400 kB of text each: linear work takes far less than a second.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('refusals', () => {
  it.each([
    [null, 'not_an_object', ''],
    [[LOGIN], 'not_an_object', ''],
    ['login', 'not_an_object', ''],
    [{}, 'unknown_format', ''],
    [JSON.parse('{"kind":"alert","a":{"__proto__":{}}}'), 'forbidden_key', '/a/__proto__'],
    [JSON.parse(`{"kind":"alert","a":${'['.repeat(70)}${']'.repeat(70)}}`), 'too_deep', `/a${'/0'.repeat(63)}`],
    [{ ...LOGIN, time: RECEIVED_AT - DEDUPE_HORIZON_MS - 1 }, 'too_old', ''],
    [{ ...LOGIN, proxy: 'x' }, 'invalid_field', '/proxy'],
  ])('%j is refused as %s', (json, code, pointer) => {
    expect(normalised(null, json)).toMatchObject({ ok: false, code, pointer });
  });
});

describe('identity', () => {
  it('is the same for the same event, and its hash is that of its own bytes', () => {
    const bytes = new TextEncoder().encode('{ "kind":"login", "id":"e1" }');
    const once = normaliseEvent(
      { bytes, json: JSON.parse(new TextDecoder().decode(bytes)) },
      { format: null, source: 's', receivedAt: RECEIVED_AT },
    );
    expect(once).toMatchObject({
      ok: true,
      event: { id: 'e1', source: 's', mapping: 'firebreak/1', rawHash: sha256Hex(bytes) },
    });
  });

  it('does not depend on the order of a batch', () => {
    const lines = ['a', 'b', 'c'].map((id) => JSON.stringify({ ...LOGIN, id }));
    const events = (order: readonly string[]) => {
      const { members } = parseBatch(new TextEncoder().encode(`[${order.join(',')}]`), 'json');
      const results = members.map((each) =>
        normaliseEvent(each, { format: null, source: 's', receivedAt: RECEIVED_AT }),
      );
      return new Map(results.map((each) => [each.ok ? each.event.id : '', each.ok ? canonicalJson(each.event) : '']));
    };
    expect(events([...lines].reverse())).toEqual(events(lines));
    expect(events([...lines, ...lines]).size).toBe(3);
  });

  it('without an own id is the delivery, else the bytes, and is marked weak', () => {
    const json = { kind: 'alert' };
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    const options = { format: null, source: 's', receivedAt: RECEIVED_AT };
    expect(normaliseEvent({ bytes, json }, options)).toMatchObject({
      event: { id: `raw:${sha256Hex(bytes)}`, weakId: true },
    });
    expect(normaliseEvent({ bytes, json }, { ...options, deliveryId: 'key-1/7' })).toMatchObject({
      event: { id: 'key-1/7', weakId: true },
    });
  });

  it('of a number that lost digits is weak: two ids must not become one', () => {
    const event = eventOf('firebreak', { kind: 'alert', id: '12345678901234567890' });
    expect(event.weakId).toBe(false);
    expect(normalised('firebreak', { kind: 'alert', id: JSON.parse('12345678901234567890') })).toMatchObject({
      ok: false,
      pointer: '/id',
    });
    expect(eventOf('okta', { eventType: 'x', uuid: JSON.parse('12345678901234567890') }).weakId).toBe(true);
  });
});

describe('time', () => {
  it('of next year is a claim; of a missing clock is the time of receipt', () => {
    expect(eventOf(null, { ...LOGIN, time: '2027-03-02T08:30:00Z' })).toMatchObject({
      time: RECEIVED_AT,
      timeQuality: 'ingest',
      claimedTime: '2027-03-02T08:30:00Z',
    });
    expect(eventOf(null, { ...LOGIN, time: undefined })).toMatchObject({ time: RECEIVED_AT, timeQuality: 'ingest' });
    expect(eventOf(null, { ...LOGIN, time: 1_772_440_200 })).toMatchObject({
      timeQuality: 'ingest',
      claimedTime: '1772440200',
    });
  });
});

describe('texts', () => {
  it('are clean in the shape while the bytes are hashed as they came', () => {
    const json = {
      ...LOGIN,
      subject: { id: 'ali\u202ece', name: 'A\u0000\ud800' },
      reason: 'r'.repeat(900),
      id: 'i'.repeat(400),
    };
    const event = eventOf(null, json);
    expect(event.subject).toEqual({ type: 'user', id: 'ali\ufffdce', name: 'A\ufffd\ufffd' });
    expect(event.reason).toHaveLength(500);
    expect(event.id).toMatch(/^sha256:/);
    expect(event.rawHash).toBe(sha256Hex(JSON.stringify(json)));
  });
});
