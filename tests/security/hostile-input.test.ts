import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BASE, byHand, NOTIFY } from '../support/playbooks.ts';
import { startHarness, type Api, type Counts, type Harness, type Reply } from '../support/server.ts';

const MIB = 1024 * 1024;
const NDJSON = { 'content-type': 'application/x-ndjson' };

let house: Harness;
let api: Api;
let before: Counts;
beforeAll(async () => {
  house = await startHarness();
  api = house.admin.api;
  expect((await api('POST', BASE, byHand('notify', [NOTIFY], { inputs: ['value'] }))).status).toBe(201);
});
beforeEach(() => {
  before = house.counts();
});
afterAll(() => house.stop());

let ids = 0;
const event = (more: object = {}): object => {
  ids += 1;
  const time = new Date().toISOString();
  return { id: `evt-${ids}`, kind: 'login', subject: 'heidi', outcome: 'success', time, ...more };
};
const json = (value: unknown): string => JSON.stringify(value);
/** JSON text with a raw piece in it that `JSON.stringify` would not write. */
const withRaw = (value: object, raw: string): string => json(value).replace('"RAW"', raw);
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** A problem document with this status and code, nothing stored, and a server that still works. */
async function refused(reply: Reply, status: number, code: string, pointer?: string): Promise<void> {
  expect([reply.status, reply.body.code, reply.body.success, reply.text]).toEqual([status, code, false, reply.text]);
  expect(reply.headers.get('content-type')).toContain('application/problem+json');
  expect(reply.body.detail).toMatch(/\w+ \w+/);
  if (pointer !== undefined) expect(reply.body.errors?.map((fault) => fault.pointer)).toContain(pointer);
  expect(house.counts()).toEqual(before);
  expect((await house.anonymous('GET', '/readyz')).status).toBe(200);
}

const sendEvents = (body: unknown, headers: Record<string, string> = {}, query = '') =>
  api('POST', `/api/events${query}`, body, headers);
const trigger = (raw: string) => api('POST', `${BASE}/executions/trigger`, raw);
const save = (playbook: object | string) => api('POST', BASE, playbook);

describe('a request that cannot be read', () => {
  const bodies: readonly (readonly [string, string | Uint8Array])[] = [
    ['cut off', '{"kind": "login"'],
    ['followed by more', '{} {}'],
    ['a word', 'login'],
    ['JSON5', "{kind: 'login'}"],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])],
    ['NUL bytes', new Uint8Array(64)],
    ['an open list', '[{"kind":"login"}'],
  ];
  it.each(bodies)('is malformed when it is %s', async (_what, body) => {
    await refused(await sendEvents(body), 400, 'malformed_json');
    await refused(await api('POST', BASE, body), 400, 'malformed_json');
    await refused(await api('POST', `${BASE}/policies`, body), 400, 'malformed_json');
  });

  it('is empty', async () => {
    await refused(await sendEvents(''), 400, 'malformed_json');
    await refused(await save(''), 400, 'invalid_request');
  });

  it('comes as another type', async () => {
    const xml = { 'content-type': 'application/xml' };
    await refused(await sendEvents('<a/>', xml), 415, 'unsupported_media_type');
    await refused(await api('POST', BASE, '<a/>', xml), 415, 'unsupported_media_type');
    const gzip = { 'content-encoding': 'gzip' };
    await refused(await sendEvents('{}', gzip), 415, 'unsupported_media_type');
  });

  it.each(['[]', '"text"', '7', 'null', 'true'])('has a body of the wrong type: %s', async (body) => {
    await refused(await save(body), 400, 'invalid_request');
    await refused(await trigger(body), 400, 'invalid_request');
  });
});

describe('sizes', () => {
  it('an event of 5 MB is refused, alone and by its line', async () => {
    const big = json(event({ note: 'x'.repeat(5 * MIB) }));
    await refused(await sendEvents(big), 400, 'invalid_request', '/0');
    const { status, body } = await sendEvents(`${json(event())}\n${big}\n${json(event())}\n`, NDJSON);
    expect([status, body.data]).toMatchObject([200, { accepted: 2, rejected: 1, rejections: [{ line: 2 }] }]);
  });

  it('10,001 events are refused, 10,000 are not too many', async () => {
    const lines = (count: number) => `${json(event({ id: 'same' }))}\n`.repeat(count);
    await refused(await sendEvents(lines(10_001), NDJSON), 413, 'batch_too_large');
    const list = `[${Array.from({ length: 10_001 }, () => '{}').join()}]`;
    await refused(await sendEvents(list), 413, 'batch_too_large');
    const { body } = await sendEvents(lines(10_000), NDJSON);
    expect(body.data).toMatchObject({ accepted: 1, duplicate: 9_999, rejected: 0 });
  });

  it('a request above 16 MiB, or 1 MiB elsewhere, is refused', async () => {
    await refused(await sendEvents(' '.repeat(16 * MIB + 1)), 413, 'body_too_large');
    await refused(await save(' '.repeat(MIB + 1)), 413, 'body_too_large');
  });

  it('very long texts are refused or bounded, never kept whole', async () => {
    const long = 'x'.repeat(100_000);
    await refused(await save(byHand('long', [NOTIFY], { name: long })), 422, 'invalid_playbook', '/name');
    await refused(await trigger(json({ playbookId: 'notify', userId: long })), 400, 'invalid_request', '/userId');
    await refused(await api('GET', `/api/incidents?userId=${long.slice(0, 9_000)}`), 400, 'invalid_request', '/userId');
    await refused(await api('GET', `${BASE}/${long.slice(0, 5_000)}`), 404, 'not_found');
    const { status, body } = await sendEvents(event({ subject: long, userAgent: long, action: long }));
    expect([status, body.data.accepted]).toEqual([200, 1]);
    const stored = house.database().prepare<[], { body: string }>('select body from events order by no desc').get();
    expect(stored?.body.length).toBeLessThan(4_000);
  });
});

describe('events', () => {
  it('of an unknown format', async () => {
    await refused(await sendEvents(event(), {}, '?format=syslog'), 400, 'unknown_format', '/format');
    await refused(await sendEvents({ hello: 'world' }), 400, 'invalid_request', '/0');
    await refused(await sendEvents([1, 'two', null, [3]]), 400, 'invalid_request', '/3');
  });

  it('from 1970 are refused: their ids are long forgotten', async () => {
    await refused(await sendEvents(event({ time: '1970-01-01T00:00:01Z' })), 400, 'invalid_request');
  });

  it('from next year are kept with the time of receipt and the claim beside it', async () => {
    const next = new Date(Date.now() + 365 * 86_400_000).toISOString();
    const { body } = await sendEvents(event({ id: 'future', time: next }));
    expect(body.data.accepted).toBe(1);
    const row = house.database().prepare<[], { body: string }>(`select body from events where id = 'future'`).get();
    const stored = JSON.parse(row?.body ?? '{}');
    expect(stored).toMatchObject({ timeQuality: 'ingest', claimedTime: next, time: stored.receivedAt });
  });

  it('with an IPv4 of leading zeros are kept, but not as the address it could be read as', async () => {
    const { body } = await sendEvents(event({ id: 'zeros', ip: '081.002.069.142' }));
    expect(body.data.accepted).toBe(1);
    const row = house.database().prepare<[], { body: string }>(`select body from events where id = 'zeros'`).get();
    // `ipNormalised` is what the shipped playbooks refuse to block by: others read such an address as octal.
    expect(JSON.parse(row?.body ?? '{}')).toMatchObject({ ip: '81.2.69.142', ipNormalised: true });
  });

  it.each([
    ['__proto__', '{"__proto__": {"admin": true}}'],
    ['__proto__ behind an escape', '{"\\u005f_proto__": {"admin": true}}'],
  ])('with %s', async (_what, raw) => {
    await refused(await sendEvents(withRaw(event({ extra: 'RAW' }), raw)), 400, 'invalid_request');
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('nested beyond reason are refused; the server does not run out of stack', async () => {
    await refused(await sendEvents(withRaw(event({ x: 'RAW' }), nested(200_000))), 400, 'invalid_request');
  });

  it('with lone surrogates, NUL and control characters are kept, made harmless', async () => {
    const hostile = withRaw(event({ id: 'hostile', action: 'RAW' }), '"a\\ud800b\\u0000c\\u001b[31m\\u202e"');
    expect((await sendEvents(hostile)).body.data).toMatchObject({ accepted: 1 });
    const row = house.database().prepare<[], { body: string }>(`select body from events where id = 'hostile'`).get();
    const { action } = JSON.parse(row?.body ?? '{}');
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    expect([action.isWellFormed(), /[\u0000-\u001f\u202e]/.test(action)]).toEqual([true, false]);
  });

  it('that write a member twice mean the last one, as everybody reads them', async () => {
    const twice = json(event({ id: 'twice' })).replace(
      '"outcome":"success"',
      '"outcome":"success","outcome":"failure"',
    );
    expect((await sendEvents(twice)).body.data.accepted).toBe(1);
    const row = house.database().prepare<[], { body: string }>(`select body from events where id = 'twice'`).get();
    expect(JSON.parse(row?.body ?? '{}').outcome).toBe('failure');
  });

  it('lose nothing to a bad neighbour: counts, and the line of each', async () => {
    const good = [event(), event(), event()].map(json);
    const lines = [good[0], '{"kind":', '', good[1], '[]', json(event({ time: '1970-01-01T00:00:01Z' })), good[2], 'x'];
    const { status, body } = await sendEvents(lines.join('\n'), NDJSON);
    expect([status, body.data]).toMatchObject([200, { accepted: 3, duplicate: 0, rejected: 4 }]);
    expect(body.data.rejections.map(({ line }: { line: number }) => line).sort()).toEqual([2, 5, 6, 8]);
    for (const { reason } of body.data.rejections) expect(reason).toMatch(/\w+ \w+/);
    expect(house.counts().events).toBe(before.events + 3);
    const again = await sendEvents(lines.join('\n'), NDJSON);
    expect(again.body.data).toMatchObject({ accepted: 0, duplicate: 3, rejected: 4 });
    expect(house.counts().events).toBe(before.events + 3);
  });

  it('of a list are named by their index', async () => {
    const { body } = await sendEvents([event(), 7, event()]);
    expect(body.data).toMatchObject({ accepted: 2, rejected: 1, rejections: [{ index: 1, pointer: '' }] });
  });

  it('in invalid UTF-8 cost only their own line', async () => {
    const bad = Buffer.concat([Buffer.from('{"kind":"login","id":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const body = Buffer.concat([Buffer.from(`${json(event())}\n`), bad, Buffer.from(`\n${json(event())}\n`)]);
    const reply = await sendEvents(body, NDJSON);
    expect(reply.body.data).toMatchObject({ accepted: 2, rejected: 1, rejections: [{ line: 2 }] });
  });
});

describe('playbooks', () => {
  const withAction = (more: object) => byHand('bad', [{ ...NOTIFY, ...more }]);
  const cases: readonly (readonly [string, object, string])[] = [
    ['an unknown type', { ...byHand('bad', [NOTIFY]), playbookType: 'NONSENSE' }, '/playbookType'],
    ['no actions', byHand('bad', []), '/actions'],
    ['an unknown member', { ...byHand('bad', [NOTIFY]), severitty: 'LOW' }, '/severitty'],
    [
      'a condition with an unknown name',
      withAction({ condition: 'incident.sevrity == "HIGH"' }),
      '/actions/0/condition',
    ],
    ['a condition with an undeclared input', withAction({ condition: 'context.nope == 1' }), '/actions/0/condition'],
    ['a condition that is none', withAction({ condition: '1 +' }), '/actions/0/condition'],
    [
      'a template with an unknown name',
      withAction({ parameters: { title: '{{incident.nope}}' } }),
      '/actions/0/parameters/title',
    ],
    ['a template that reaches out', withAction({ target: '{{event.__proto__}}' }), '/actions/0/target'],
    ['a float', withAction({ parameters: { title: 'x', weight: 0.5 } }), '/actions/0/parameters/weight'],
    ['a NUL', withAction({ parameters: { title: 'a\0b' } }), '/actions/0/parameters/title'],
    ['an unknown action', withAction({ actionType: 'LAUNCH' }), '/actions/0/actionType'],
    ['an unknown parameter', withAction({ parameters: { titel: 'x' } }), '/actions/0/parameters/titel'],
    [
      '65 actions',
      byHand(
        'bad',
        Array.from({ length: 65 }, (_, n) => ({ ...NOTIFY, actionId: `a${n}` })),
      ),
      '/actions',
    ],
    ['two actions of one id', byHand('bad', [NOTIFY, NOTIFY]), '/actions/1/actionId'],
    ['a dangerous id', byHand('bad', [{ ...NOTIFY, actionId: 'constructor' }]), '/actions/0/actionId'],
  ];
  it.each(cases)('with %s', async (_what, playbook, pointer) => {
    await refused(await save(playbook), 422, 'invalid_playbook', pointer);
  });

  it('with __proto__, lone surrogates or too deep', async () => {
    const raw = (text: string) => withRaw(byHand('bad', [{ ...NOTIFY, parameters: { title: 'RAW' } }]), text);
    await refused(await save(raw('{"__proto__":{}}')), 400, 'invalid_request', '/actions/0/parameters/title/__proto__');
    await refused(await save(raw('"\\ud800"')), 400, 'invalid_request', '/actions/0/parameters/title');
    await refused(await save(raw(nested(60))), 422, 'invalid_playbook');
    await refused(await save(raw(nested(200_000))), 400, 'invalid_request');
  });
});

describe('policies', () => {
  const gate = { gateName: 'g', approvalRoles: [{ role: 'CISO' }] };
  const cases: readonly (readonly [string, object, string])[] = [
    ['no gates', { name: 'p', policyGates: [] }, '/policyGates'],
    [
      'an unknown role',
      { name: 'p', policyGates: [{ ...gate, approvalRoles: [{ role: 'KING' }] }] },
      '/policyGates/0/approvalRoles/0/role',
    ],
    ['a float', { name: 'p', policyGates: [{ ...gate, requiredApprovers: 1.5 }] }, '/policyGates/0/requiredApprovers'],
    [
      'an unknown condition',
      { name: 'p', policyGates: [{ ...gate, triggers: { condition: 'nope > 1' } }] },
      '/policyGates/0/triggers/condition',
    ],
    [
      'silence that allows what cannot be undone',
      {
        name: 'p',
        policyGates: [
          { ...gate, triggers: { actionTypes: ['FORCE_PASSWORD_RESET'] }, fallbackBehavior: 'ALLOW_ACTION' },
        ],
      },
      '/policyGates/0/fallbackBehavior',
    ],
  ];
  it.each(cases)('with %s', async (_what, policy, pointer) => {
    await refused(await api('POST', `${BASE}/policies`, policy), 422, 'invalid_policy', pointer);
  });
});

describe('a trigger', () => {
  const raw = (member: 'triggerEvent' | 'context', text: string) =>
    withRaw({ playbookId: 'notify', userId: 'anna', [member]: { value: 'RAW' } }, text);

  it.each(['triggerEvent', 'context'] as const)('refuses in its %s what no record holds', async (member) => {
    const at = `/${member}/value`;
    await refused(await trigger(raw(member, '0.5')), 400, 'invalid_request', at);
    await refused(await trigger(raw(member, '9007199254740993')), 400, 'invalid_request', at);
    await refused(await trigger(raw(member, '1e400')), 400, 'invalid_request', at);
    await refused(await trigger(raw(member, '"a\\u0000b"')), 400, 'invalid_request', at);
    await refused(await trigger(raw(member, '"\\udc00"')), 400, 'invalid_request', at);
    await refused(await trigger(raw(member, '{"__proto__":1}')), 400, 'invalid_request', `${at}/__proto__`);
    for (const depth of [17, 58, 61, 62, 63, 64, 100_000])
      await refused(await trigger(raw(member, nested(depth))), 400, 'invalid_request');
  });

  it('refuses users with control characters and members it does not know', async () => {
    await refused(await trigger(json({ playbookId: 'notify', userId: 'a\0b' })), 400, 'invalid_request', '/userId');
    await refused(
      await trigger(json({ playbookId: 'notify', userId: 'anna', dryrun: true })),
      400,
      'invalid_request',
      '/dryrun',
    );
    await refused(await trigger(json({ playbookId: 'notify', userId: 7 })), 400, 'invalid_request', '/userId');
    await refused(await trigger(json({ userId: 'anna' })), 400, 'invalid_request', '/playbookId');
    await refused(await trigger(json({ playbookId: '../x', userId: 'anna' })), 400, 'invalid_request', '/playbookId');
  });

  it('refuses a broken Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'k'.repeat(256) };
    const body = { playbookId: 'notify', userId: 'anna' };
    await refused(
      await api('POST', `${BASE}/executions/trigger`, body, headers),
      400,
      'invalid_request',
      '/idempotency-key',
    );
  });
});

describe('addresses', () => {
  it.each(['/api/incidents/%00', '/api/incidents/%2e%2e%2f', '/api/incidents/a%20b', '/api/incidents/..%5c'])(
    '%s names nothing',
    async (path) => {
      const reply = await api('GET', path);
      expect([400, 404]).toContain(reply.status);
      expect(house.counts()).toEqual(before);
    },
  );

  it('that are not well-formed are a bad request', async () => {
    await refused(await api('GET', '/api/incidents/%ff%zz'), 400, 'invalid_request');
  });

  it('take only their own methods', async () => {
    const reply = await api('PUT', `${BASE}/executions`, {});
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await api('DELETE', `${BASE}/audits`)).status).toBe(405);
  });
});
