import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../platform/errors.ts';
import { IN_FLIGHT_MS, REPLY_LIFETIME_MS } from './idempotency.ts';
import { bearer, harness, START, type Harness } from './fake-services.ts';

const PLAYBOOKS = '/api/incident-playbooks';
const json = { 'content-type': 'application/json' };

function post({ server, adminKey }: Harness, url: string, payload: string | Buffer, headers: object = {}) {
  return server.inject({ method: 'POST', url, payload, headers: { ...bearer(adminKey), ...json, ...headers } });
}

describe('hostile bodies', () => {
  it.each([
    ['{"__proto__":{"admin":true}}', '/__proto__'],
    ['{"actions":[{"constructor":{"prototype":1}}]}', '/actions/0/constructor'],
    ['{"\\u005f_proto__":1}', '/__proto__'],
    ['{"name":"\\ud800"}', '/name'],
    ['{"a":{"\\udc00":1}}', '/a'],
  ])('refuses %s at %s', async (body, pointer) => {
    const test = await harness();
    const response = await post(test, PLAYBOOKS, body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    expect(test.calls).toEqual([]);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });

  it('refuses nesting that would exhaust a stack', async () => {
    const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`;
    const response = await post(await harness(), PLAYBOOKS, `{"a":${deep}}`);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: 'invalid_request' });
  });

  it('names 50 faults at most', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `"k${index}":{"__proto__":1}`).join(',');
    const problem: unknown = (await post(await harness(), PLAYBOOKS, `{${many}}`)).json();
    expect(problem).toHaveProperty('errors.length', 50);
  });

  it.each(['[]', '"text"', '7', 'null', 'true', ''])('refuses %j where an object is expected', async (body) => {
    const response = await post(await harness(), PLAYBOOKS, body);
    expect([response.statusCode, response.json()]).toMatchObject([400, { code: 'invalid_request' }]);
  });

  it.each([
    [`${PLAYBOOKS}/executions/trigger`, { playbookId: 7, userId: 'u' }, '/playbookId'],
    [`${PLAYBOOKS}/executions/trigger`, { playbookId: 'p', userId: 'u', triggerEvent: [] }, '/triggerEvent'],
    [`${PLAYBOOKS}/executions/trigger`, { playbookId: 'p', userId: 'u', dryRun: 'true' }, '/dryRun'],
    [`${PLAYBOOKS}/approvals/a/approve`, { intentHash: 'zz' }, '/intentHash'],
    ['/api/users', { name: 'n', roles: ['root'] }, '/roles/0'],
    ['/api/keys', { name: 'n', scopes: ['everything'] }, '/scopes/0'],
  ])('checks the types of %s %j', async (url, body, pointer) => {
    const response = await post(await harness(), url, JSON.stringify(body));
    expect([response.statusCode, response.json()]).toMatchObject([400, { errors: [{ in: 'body', pointer }] }]);
  });

  it('never answers 5xx to any JSON, on any changing route', async () => {
    const test = await harness();
    const urls = [
      PLAYBOOKS,
      `${PLAYBOOKS}/executions/trigger`,
      `${PLAYBOOKS}/approvals/a/deny`,
      '/api/users',
      '/api/keys',
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...urls), fc.json(), async (url, body) => {
        expect((await post(test, url, body)).statusCode).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});

/** The bytes that the fake ingest was given first. */
function bodyOf({ calls }: Harness): Uint8Array {
  const input = calls[0]?.input;
  const body: unknown = typeof input === 'object' && input !== null && 'body' in input ? input.body : null;
  return body instanceof Uint8Array ? body : new Uint8Array();
}

describe('events', () => {
  it('hands the bytes on as they came, 5 MB of them too', async () => {
    const test = await harness();
    const bytes = Buffer.from(`{"id":"e1", "__proto__": 1, "text": "${'x'.repeat(5_000_000)}"}\r\n`);
    expect((await post(test, '/api/events?format=okta&source=okta:acme', bytes)).statusCode).toBe(200);
    expect(test.calls).toMatchObject([{ input: { mediaType: 'json', format: 'okta', source: 'okta:acme' } }]);
    expect(bytes.equals(bodyOf(test))).toBe(true);
  });

  it('knows NDJSON by its content type and refuses an empty body', async () => {
    const test = await harness();
    await post(test, '/api/events', '{}\n{}', { 'content-type': 'application/x-ndjson; charset=utf-8' });
    expect(test.calls).toMatchObject([{ input: { mediaType: 'ndjson', format: null, source: null } }]);
    expect((await post(test, '/api/events', '')).json()).toMatchObject({ code: 'malformed_json' });
  });
});

describe('tracing', () => {
  it('takes the trace of the caller on, and makes one when there is none', async () => {
    const test = await harness();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    const get = (headers: Record<string, string>) =>
      test.server.inject({ url: PLAYBOOKS, headers: { ...bearer(test.adminKey), ...headers } });
    const response = await get({ traceparent, 'x-correlation-id': 'case-7' });
    expect(response.headers['x-correlation-id']).toBe('case-7');
    await get({ traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, 'x-correlation-id': 'a b' });
    expect(test.calls[0]).toMatchObject({ ctx: { traceId, correlationId: 'case-7', now: START } });
    const { ctx } = test.calls[1] ?? {};
    expect(ctx).toMatchObject({ traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(ctx).not.toMatchObject({ traceId: '0'.repeat(32) });
    expect(ctx).not.toMatchObject({ correlationId: 'a b' });
  });
});

describe('Idempotency-Key', () => {
  const trigger = `${PLAYBOOKS}/executions/trigger`;
  const body = JSON.stringify({ playbookId: 'p1', userId: 'u1' });
  const key = { 'idempotency-key': 'k-1' };

  it('answers a repeat with the first reply and does the work once', async () => {
    const test = await harness();
    const [first, second] = [await post(test, trigger, body, key), await post(test, trigger, body, key)];
    expect([first.statusCode, second.statusCode]).toEqual([201, 201]);
    expect(second.body).toBe(first.body);
    expect(second.headers).toMatchObject({ location: first.headers['location'], 'idempotent-replayed': 'true' });
    expect(test.calls.length).toBe(1);
    expect(test.calls[0]).toMatchObject({ ctx: { idempotencyKey: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  });

  it('refuses the key for another body, and keeps the keys of callers apart', async () => {
    const test = await harness();
    await post(test, trigger, body, key);
    const other = await post(test, trigger, JSON.stringify({ playbookId: 'p2', userId: 'u1' }), key);
    expect([other.statusCode, other.json()]).toMatchObject([422, { code: 'idempotency_mismatch' }]);
    const headers = { ...json, ...key, ...bearer(await test.keyFor(['SECURITY_ANALYST'])) };
    const theirs = await test.server.inject({ method: 'POST', url: trigger, payload: body, headers });
    expect(theirs.headers['idempotent-replayed']).toBeUndefined();
    expect(test.calls.length).toBe(2);
  });

  it('frees the key when the request failed', async () => {
    let broken = true;
    const test = await harness(({ executions }) => ({
      executions: {
        ...executions,
        trigger: (ctx, input) =>
          broken ? Promise.reject(new FirebreakError('conflict', 'paused')) : executions.trigger(ctx, input),
      },
    }));
    expect((await post(test, trigger, body, key)).statusCode).toBe(409);
    broken = false;
    expect((await post(test, trigger, body, key)).statusCode).toBe(201);
  });

  it('refuses a second request while the first is at work, and lets it in when the first was lost', async () => {
    const seen: number[] = [];
    let inner: () => Promise<number> = () => Promise.resolve(0);
    const test = await harness(({ executions }) => ({
      executions: {
        ...executions,
        trigger: async (ctx, input) => {
          seen.push(await inner());
          return executions.trigger(ctx, input);
        },
      },
    }));
    inner = async () => {
      inner = () => Promise.resolve(0);
      const meanwhile = (await post(test, trigger, body, key)).statusCode;
      test.clock.advanceTo(START + IN_FLIGHT_MS);
      await post(test, trigger, body, key);
      return meanwhile;
    };
    await post(test, trigger, body, key);
    expect(seen).toEqual([0, 409]);
  });

  it('forgets a reply after a day', async () => {
    const test = await harness();
    await post(test, trigger, body, key);
    test.clock.advanceTo(START + REPLY_LIFETIME_MS);
    expect((await post(test, trigger, body, key)).headers['idempotent-replayed']).toBeUndefined();
    expect(test.calls.length).toBe(2);
  });

  it('never keeps a secret', async () => {
    const test = await harness();
    const first = await post(test, '/api/keys', JSON.stringify({ name: 'laptop' }), key);
    const { data } = first.json<{ data: { secret: string } }>();
    expect(data.secret).toMatch(/^fbk_/);
    expect(JSON.stringify([...test.journal.views])).not.toContain(data.secret);
    const again = await post(test, '/api/keys', JSON.stringify({ name: 'laptop' }), key);
    expect([again.statusCode, again.json()]).toMatchObject([409, { code: 'conflict' }]);
  });

  it('leaves repeats of events to the service', async () => {
    const test = await harness();
    await post(test, '/api/events', '{}', key);
    await post(test, '/api/events', '{}', key);
    expect(test.calls.length).toBe(2);
    expect(test.calls[0]).toMatchObject({ ctx: { idempotencyKey: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  });

  it('refuses an unusable key', async () => {
    const response = await post(await harness(), trigger, body, { 'idempotency-key': 'x'.repeat(256) });
    expect([response.statusCode, response.json()]).toMatchObject([400, { errors: [{ in: 'header' }] }]);
  });
});
