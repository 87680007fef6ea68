import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../journal/journal.ts';
import { FirebreakError } from '../platform/errors.ts';
import { bearer, harness, type Harness } from './fake-services.ts';

const PLAYBOOKS = '/api/incident-playbooks';

interface Sent {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

async function send({ server, adminKey }: Harness, { method = 'GET', url, body, headers = {} }: Sent) {
  return server.inject({
    method,
    url,
    headers: { ...bearer(adminKey), ...headers },
    ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

const json = { 'content-type': 'application/json' };

/** What each problem document promises, whatever went wrong. */
function expectProblem(
  response: { statusCode: number; headers: Record<string, unknown>; json: () => unknown },
  status: number,
  code: string,
): void {
  expect(response.json()).toMatchObject({ success: false, status, code, type: `/errors/${code}` });
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8');
}

/** A service whose list fails with `error`. */
function failing(error: unknown): Promise<Harness> {
  return harness(({ playbooks }) => ({ playbooks: { ...playbooks, list: () => Promise.reject(error) } }));
}

describe('200 and 201', () => {
  it('wraps a list in the envelope and gives each item both ids', async () => {
    const test = await harness();
    const response = await send(test, { url: `${PLAYBOOKS}?limit=2&skip=1&type=CUSTOM&enabled=false` });
    const item = { _id: 'x1', id: 'x1', name: 'first' };
    expect(response.json()).toEqual({ success: true, count: 1, total: 7, limit: 2, skip: 1, data: [item] });
    expect(test.calls[0]).toMatchObject({ input: { limit: 2, skip: 1, type: 'CUSTOM', enabled: false } });
  });

  it('answers a creation with its place', async () => {
    const response = await send(await harness(), {
      method: 'POST',
      url: PLAYBOOKS,
      body: { name: 'p' },
      headers: json,
    });
    expect(response.statusCode).toBe(201);
    expect(response.headers).toMatchObject({ location: `${PLAYBOOKS}/x1`, etag: '"3"', 'cache-control': 'no-store' });
    expect(response.json()).toEqual({ success: true, count: 1, data: { _id: 'x1', id: 'x1' } });
  });

  it('hands a warning of the service on', async () => {
    const warnings = ['channels are not enforced yet'];
    const test = await harness(({ policies }) => ({
      policies: { ...policies, create: () => Promise.resolve({ data: { id: 'p' }, warnings }) },
    }));
    const response = await send(test, { method: 'POST', url: `${PLAYBOOKS}/policies`, body: {}, headers: json });
    expect(response.json()).toMatchObject({ warnings });
  });

  it('never takes a fixed word for a playbook', async () => {
    const test = await harness();
    for (const word of ['executions', 'approvals', 'audits', 'policies', 'metrics']) {
      await send(test, { url: `${PLAYBOOKS}/${word}` });
      expectProblem(await send(test, { method: 'DELETE', url: `${PLAYBOOKS}/${word}` }), 405, 'method_not_allowed');
      const body = { playbookId: word };
      const created = await send(test, { method: 'POST', url: PLAYBOOKS, body, headers: json });
      expectProblem(created, 422, 'invalid_playbook');
    }
    expect(test.calls.map(({ verb }) => verb)).toEqual([
      'executions.list',
      'approvals.list',
      'audits.list',
      'policies.list',
      'metrics.read',
    ]);
  });
});

describe('400 malformed', () => {
  it('refuses what is not JSON or not UTF-8 without repeating it', async () => {
    const test = await harness();
    const bodies = ['{"name": "hunter2', '', Buffer.from([0x22, 0xff, 0x22]).toString('latin1')];
    const response = await send(test, { method: 'POST', url: PLAYBOOKS, body: bodies[0], headers: json });
    expectProblem(response, 400, 'malformed_json');
    expect(response.body).not.toContain('hunter2');
    const bytes = await test.server.inject({
      method: 'POST',
      url: PLAYBOOKS,
      headers: { ...bearer(test.adminKey), ...json },
      payload: Buffer.from([0x22, 0xff, 0x22]),
    });
    expectProblem(bytes, 400, 'malformed_json');
  });

  it('names the faulty part and member', async () => {
    const test = await harness();
    const query = await send(test, { url: `${PLAYBOOKS}?limit=0&stauts=FAILED` });
    expectProblem(query, 400, 'invalid_request');
    expect(query.json()).toMatchObject({
      errors: [
        { in: 'query', pointer: '/limit' },
        { in: 'query', pointer: '/stauts', detail: 'is not known here' },
      ],
    });
    const body = { status: 'TRIAGED', 'a/b~c': 1 };
    const patch = await send(test, { method: 'PATCH', url: '/api/incidents/i1', body, headers: json });
    expect(patch.json()).toMatchObject({ errors: [{ in: 'body', pointer: '/a~1b~0c' }] });
  });

  it('wants a reason for closing an incident', async () => {
    const test = await harness();
    const close = (body: unknown) => send(test, { method: 'PATCH', url: '/api/incidents/i1', body, headers: json });
    expect((await close({ status: 'RESOLVED' })).json()).toMatchObject({ errors: [{ pointer: '/reason' }] });
    expect((await close({ status: 'FALSE_POSITIVE', reason: ' ' })).statusCode).toBe(400);
    expect((await close({ status: 'FALSE_POSITIVE', reason: 'drill' })).statusCode).toBe(200);
    expect((await close({ status: 'TRIAGED' })).statusCode).toBe(200);
  });

  it('refuses an address that is not well-formed', async () => {
    expectProblem(await send(await harness(), { url: `${PLAYBOOKS}/%` }), 400, 'invalid_request');
  });
});

describe('401', () => {
  it('asks for a key and says nothing about why one is wrong', async () => {
    const { server, adminKey } = await harness();
    const without = await server.inject({ url: PLAYBOOKS });
    expectProblem(without, 401, 'unauthenticated');
    expect(without.headers['www-authenticate']).toContain('Bearer');
    const other = `fbk_${'A'.repeat(43)}`;
    for (const headers of [
      bearer(other),
      bearer('fbk_short'),
      { authorization: `Basic ${adminKey}` },
      { ...bearer(adminKey), 'x-api-key': other },
    ]) {
      expectProblem(await server.inject({ url: PLAYBOOKS, headers }), 401, 'unauthenticated');
    }
    expect((await server.inject({ url: PLAYBOOKS, headers: { 'x-api-key': adminKey } })).statusCode).toBe(200);
  });
});

describe('403', () => {
  it('says which roles would do', async () => {
    const { server, keyFor } = await harness();
    const headers = bearer(await keyFor(['AUDITOR']));
    const response = await server.inject({ method: 'DELETE', url: `${PLAYBOOKS}/p1`, headers });
    expectProblem(response, 403, 'forbidden');
    expect(response.body).toContain('IR_LEAD');
  });

  it('keeps a key to its source', async () => {
    const test = await harness();
    const headers = bearer(await test.keyFor(['SECURITY_ANALYST'], 'service', { source: 'okta:acme' }));
    const post = (source: string) =>
      test.server.inject({
        method: 'POST',
        url: `/api/events${source}`,
        headers: { ...headers, ...json },
        payload: '{}',
      });
    expectProblem(await post('?source=okta:other'), 403, 'forbidden');
    expect((await post('')).statusCode).toBe(200);
    expect(test.calls).toMatchObject([{ input: { source: 'okta:acme' } }]);
  });
});

describe('404', () => {
  it('answers for unknown addresses and unknown things', async () => {
    const test = await harness();
    expectProblem(await send(test, { url: '/api/nothing' }), 404, 'not_found');
    expectProblem(await send(test, { url: '/errors/no_such_code' }), 404, 'not_found');
    const missing = await failing(new FirebreakError('not_found', 'There is no such playbook'));
    expectProblem(await send(missing, { url: PLAYBOOKS }), 404, 'not_found');
  });
});

describe('405', () => {
  it('lists what is allowed', async () => {
    const test = await harness();
    const response = await send(test, { method: 'PUT', url: `${PLAYBOOKS}/executions`, body: {}, headers: json });
    expectProblem(response, 405, 'method_not_allowed');
    expect(response.headers['allow']).toBe('GET, HEAD');
    const events = await send(test, { url: '/api/events' });
    expect(events.headers['allow']).toBe('POST');
    const one = await send(test, { method: 'POST', url: `${PLAYBOOKS}/p1`, body: {}, headers: json });
    expect(one.headers['allow']).toBe('DELETE, GET, HEAD, PUT');
  });
});

describe('409', () => {
  it('hands the present state on', async () => {
    const fault = { pointer: '/status', detail: 'is RESOLVED' };
    const test = await failing(new FirebreakError('conflict', 'The incident is closed', [fault]));
    const response = await send(test, { url: PLAYBOOKS });
    expectProblem(response, 409, 'conflict');
    expect(response.json()).toMatchObject({ detail: 'The incident is closed', errors: [fault] });
  });
});

describe('412', () => {
  it('gives the service the versions of If-Match, and its refusal to the caller', async () => {
    const stale = new FirebreakError('stale_version', 'The playbook is at version 4');
    const test = await harness(({ playbooks }) => ({
      playbooks: {
        ...playbooks,
        update: (ctx, input) =>
          input.ifMatch === null || input.ifMatch.includes(4) ? playbooks.update(ctx, input) : Promise.reject(stale),
      },
    }));
    const put = async (match?: string) => {
      const headers = match === undefined ? json : { ...json, 'if-match': match };
      return send(test, { method: 'PUT', url: `${PLAYBOOKS}/p1`, body: {}, headers });
    };
    expectProblem(await put('"3"'), 412, 'stale_version');
    expectProblem(await put('W/"4"'), 412, 'stale_version');
    for (const match of ['"4"', '"3", "4"', '*', undefined]) expect((await put(match)).statusCode).toBe(200);
  });
});

describe('413', () => {
  it('refuses a body over 1 MiB, and events over 16 MiB', async () => {
    const test = await harness();
    const body = JSON.stringify({ name: 'x'.repeat(1024 * 1024) });
    const playbook = await send(test, { method: 'POST', url: PLAYBOOKS, body, headers: json });
    expectProblem(playbook, 413, 'body_too_large');
    const events = await send(test, { method: 'POST', url: '/api/events', body, headers: json });
    expect(events.statusCode).toBe(200);
    const huge = 'x'.repeat(16 * 1024 * 1024 + 1);
    const tooMany = await send(test, { method: 'POST', url: '/api/events', body: huge, headers: json });
    expectProblem(tooMany, 413, 'body_too_large');
  });

  it("hands on the service's refusal of 10,001 events", async () => {
    const error = new FirebreakError('batch_too_large', 'At most 10000 events');
    const test = await harness(() => ({ ingest: { ingest: () => Promise.reject(error) } }));
    const body = '{"id":"e"}\n'.repeat(10_001);
    const headers = { 'content-type': 'application/x-ndjson' };
    expectProblem(await send(test, { method: 'POST', url: '/api/events', body, headers }), 413, 'batch_too_large');
  });
});

describe('415', () => {
  it('refuses other content types and compressed bodies', async () => {
    const test = await harness();
    const post = (headers: Record<string, string>, url = PLAYBOOKS) =>
      send(test, { method: 'POST', url, body: '{}', headers });
    expectProblem(await post({ 'content-type': 'text/plain' }), 415, 'unsupported_media_type');
    expectProblem(await post({ 'content-type': 'application/x-ndjson' }), 415, 'unsupported_media_type');
    expectProblem(await post({ 'content-type': 'text/xml' }, '/api/events'), 415, 'unsupported_media_type');
    expectProblem(await post({ ...json, 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
  });
});

describe('422', () => {
  it("hands on the service's faults", async () => {
    const faults = [{ pointer: '/actions/0/stage', detail: 'must be at least 1' }];
    const test = await failing(new FirebreakError('invalid_playbook', 'The playbook is not valid', faults));
    const response = await send(test, { url: PLAYBOOKS });
    expectProblem(response, 422, 'invalid_playbook');
    expect(response.json()).toMatchObject({ errors: faults });
  });
});

describe('429', () => {
  const rateLimits = { requestsPerMinute: 3, ingestPerMinute: 1, failuresPerMinute: 2 };

  it('limits each key for itself, and events apart', async () => {
    const test = await harness(undefined, { rateLimits });
    const other = await test.keyFor(['AUDITOR']);
    for (let count = 0; count < 3; count += 1) {
      expect((await send(test, { url: PLAYBOOKS })).statusCode).toBe(200);
    }
    const refused = await send(test, { url: PLAYBOOKS });
    expectProblem(refused, 429, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await test.server.inject({ url: PLAYBOOKS, headers: bearer(other) })).statusCode).toBe(200);
    const ingest = () => send(test, { method: 'POST', url: '/api/events', body: '{}', headers: json });
    expect((await ingest()).statusCode).toBe(200);
    expectProblem(await ingest(), 429, 'rate_limited');
  });

  it('stops looking up keys for an address that keeps guessing', async () => {
    const { server } = await harness(undefined, { rateLimits });
    const guess = () => server.inject({ url: PLAYBOOKS, headers: bearer(`fbk_${'B'.repeat(43)}`) });
    expect([(await guess()).statusCode, (await guess()).statusCode]).toEqual([401, 401]);
    const refused = await guess();
    expectProblem(refused, 429, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await server.inject({ url: '/healthz' })).statusCode).toBe(200);
  });
});

describe('500', () => {
  it('leaks nothing of what happened', async () => {
    for (const error of [new Error('password is hunter2'), new TypeError('x'), 'a string', null]) {
      const response = await send(await failing(error), { url: PLAYBOOKS });
      expectProblem(response, 500, 'internal');
      expect(response.body).not.toContain('hunter2');
      expect(response.json()).toMatchObject({ errors: [], traceId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    }
  });

  it('does not send what does not fit the schema', async () => {
    const test = await harness(({ playbooks }) => ({
      playbooks: { ...playbooks, list: () => Promise.resolve({ items: [], total: Number.NaN }) },
    }));
    expectProblem(await send(test, { url: PLAYBOOKS }), 500, 'internal');
  });
});

describe('503', () => {
  it('says when to come back while the journal is away', async () => {
    const response = await send(await failing(new StoreUnavailableError('disk /var/x is full', true)), {
      url: PLAYBOOKS,
    });
    expectProblem(response, 503, 'store_unavailable');
    expect(response.headers['retry-after']).toBe('5');
    expect(response.body).not.toContain('/var/x');
  });

  it('answers 503 when a credential cannot be looked up, not 401', async () => {
    const test = await harness(({ access }) => ({
      access: { ...access, authenticate: () => Promise.reject(new StoreUnavailableError('gone', false)) },
    }));
    expectProblem(await send(test, { url: PLAYBOOKS }), 503, 'store_unavailable');
  });

  it('is not ready when a check fails or throws', async () => {
    for (const ready of [
      () => Promise.resolve({ ready: false, failing: ['journal'] }),
      () => Promise.reject(new Error('secret detail')),
    ]) {
      const { server } = await harness(({ health }) => ({ health: { ...health, ready } }));
      const response = await server.inject({ url: '/readyz' });
      expect(response.statusCode).toBe(503);
      expect(response.json()).toMatchObject({ status: 'unavailable' });
      expect(response.body).not.toContain('secret detail');
      expect((await server.inject({ url: '/healthz' })).json()).toEqual({ status: 'ok' });
    }
  });
});
