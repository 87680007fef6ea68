import { afterEach, describe, expect, it } from 'vitest';
import { startSandboxCompany, type SandboxCompany, type SandboxOptions } from './server.ts';

// Casts of replies in this file are safe: where a shape is wrong the expectation that follows fails.
const TOKEN = 'a token for tests only';
const NOW = 1_772_323_200_000;
const running: SandboxCompany[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((company) => company.stop()));
});

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}
type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>;

async function start(options: Partial<SandboxOptions> = {}): Promise<Call> {
  const company = await startSandboxCompany({ port: 0, token: TOKEN, clock: { now: () => NOW }, ...options });
  running.push(company);
  return async (method, path, body, headers = {}) => {
    const reply = await fetch(`${company.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: reply.status, body: (await reply.json()) as Record<string, unknown>, headers: reply.headers };
  };
}

function key(value: string): Record<string, string> {
  return { 'idempotency-key': value };
}

describe('200', () => {
  it('has the same company for the same seed, and another for another', async () => {
    const states = await Promise.all(
      [1, 1, 2].map(async (seed) => JSON.stringify((await (await start({ seed }))('GET', '/state')).body)),
    );
    expect(states[0]).toBe(states[1]);
    expect(states[0]).not.toBe(states[2]);
    expect(states[0]).toContain('"anna@sandbox.test"');
  });

  it('keeps a ledger of effects, and counts requests and repeats by key', async () => {
    const call = await start();
    await call('POST', '/users/anna/suspend', {}, key('k1'));
    const again = await call('POST', '/users/anna/suspend', {}, key('k1'));
    expect(again.status).toBe(200);
    await call('POST', '/users/bela/suspend', {});
    const { body } = await call('GET', '/ledger');
    expect(body['effects']).toEqual([
      { seq: 1, effect: 'account.suspend', target: 'anna', key: 'k1', at: NOW },
      { seq: 2, effect: 'account.suspend', target: 'bela', key: null, at: NOW },
    ]);
    expect(body).toMatchObject({
      total: 2,
      requests: 3,
      repeats: 1,
      next: null,
      byKey: { k1: { requests: 2, repeats: 1 } },
    });
    expect((await call('GET', '/ledger?after=1')).body['effects']).toMatchObject([{ seq: 2 }]);
  });

  it('moves its clock forward only', async () => {
    const call = await start();
    expect((await call('GET', '/clock')).body).toEqual({ now: NOW });
    expect((await call('POST', '/clock', { now: NOW + 5 })).body).toEqual({ now: NOW + 5 });
    expect((await call('POST', '/clock', { now: NOW + 4 })).status).toBe(409);
    expect((await call('GET', '/clock')).body).toEqual({ now: NOW + 5 });
  });

  it('shows no code in the state, and a six-digit one in the mailbox', async () => {
    const call = await start({ newCode: () => '493817' });
    await call('POST', '/users/anna/challenges', { type: 'EMAIL_OTP', expiresInMs: 60_000 }, key('k1'));
    expect(JSON.stringify((await call('GET', '/state')).body)).not.toContain('493817');
    expect(JSON.stringify((await call('GET', '/users/anna')).body)).not.toContain('493817');
    expect(JSON.stringify((await call('GET', '/mailboxes/anna@sandbox.test/messages')).body)).toContain('493817');
  });

  it('draws its codes from a source that does not repeat itself', async () => {
    const call = await start();
    for (let index = 0; index < 20; index += 1) {
      await call('POST', '/users/anna/challenges', { type: 'EMAIL_OTP', expiresInMs: 60_000 });
    }
    const { body } = await call('GET', '/mailboxes/anna@sandbox.test/messages');
    const codes = (body['messages'] as { text: string }[]).map(({ text }) => /\b[0-9]{6}\b/.exec(text)?.[0]);
    expect(codes).not.toContain(undefined);
    // 20 draws from a million: fewer than 18 different ones come once in 10^10 runs.
    expect(new Set(codes).size).toBeGreaterThanOrEqual(18);
  });

  it('receives webhooks of any body', async () => {
    const call = await start();
    await call('POST', '/hooks/tickets', 'not json', key('k1'));
    const { body } = await call('GET', '/state');
    expect(body['hooks']).toEqual([{ hook: 'tickets', method: 'POST', reference: 'k1', body: 'not json', at: NOW }]);
  });

  it('contains: a suspended or reset account cannot sign in, an enrolled device is asked for by name', async () => {
    const call = await start();
    const signIn = (deviceId: string | null = null) =>
      call('POST', '/users/anna/sessions', { ip: '203.0.113.1', country: 'US', deviceId });
    expect((await signIn('unknown')).body).toMatchObject({ error: { code: 'device_not_enrolled' } });
    expect((await signIn('dev_anna_laptop')).status).toBe(200);
    await call('POST', '/users/anna/password-reset', {});
    expect((await signIn()).body).toMatchObject({ error: { code: 'password_must_change' } });
    await call('POST', '/users/anna/password', {});
    await call('POST', '/users/anna/suspend', {});
    expect((await signIn()).body).toMatchObject({ error: { code: 'account_suspended' } });
    expect((await call('DELETE', '/users/anna/sessions')).body).toMatchObject({
      ended: [expect.any(String), expect.any(String)],
    });
  });

  it('can be emptied and filled again', async () => {
    const call = await start();
    await call('POST', '/users/anna/suspend', {}, key('k1'));
    expect((await call('POST', '/seed', { reset: true, users: [{ id: 'zoe' }] })).body).toEqual({
      users: 1,
      hosts: 0,
      segments: 0,
    });
    expect((await call('GET', '/users/anna')).status).toBe(404);
    expect((await call('GET', '/ledger')).body).toMatchObject({ total: 0, requests: 0 });
  });
});

describe('400', () => {
  it.each([
    ['POST', '/users/anna/sessions', { ip: '1.2.3', country: 'DE' }, '/ip'],
    ['POST', '/users/anna/sessions', { ip: '203.0.113.1', country: 'Germany' }, '/country'],
    ['POST', '/users/anna/suspend', { because: 1 }, '/'],
    ['PUT', '/users/anna/geo-lock', { allowedCountries: [] }, '/allowedCountries'],
    ['PUT', '/users/anna/geo-lock', { expiresAt: 1 }, '/expiresAt'],
    ['PUT', '/users/anna/logging', { expiresInMs: 0 }, '/expiresInMs'],
    ['POST', '/users/anna/challenges', { type: 'SMOKE', expiresInMs: 60_000 }, '/type'],
    ['POST', '/faults', { kind: 'fire' }, '/kind'],
    ['POST', '/seed', { users: [{ id: '' }] }, '/users/0/id'],
  ])('%s %s %j', async (method, path, body, pointer) => {
    const call = await start();
    expect(await call(method, path, body)).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_body', pointer } },
    });
  });

  it('is the answer to a body that is not JSON, a broken path, a wrong key and a wrong If-Match', async () => {
    const call = await start();
    expect((await call('POST', '/users/anna/suspend', '{')).body).toMatchObject({ error: { code: 'malformed_json' } });
    expect((await call('GET', '/users/%ff')).status).toBe(400);
    expect((await call('POST', '/users/anna/suspend', {}, key('a b'))).body).toMatchObject({
      error: { code: 'invalid_key' },
    });
    expect((await call('POST', '/users/anna/suspend', {}, { 'if-match': '*' })).status).toBe(400);
    expect((await call('GET', '/ledger')).body['total']).toBe(0);
  });

  it.each(['127.0.0.1', '169.254.169.254', '0.0.0.0', '::1', '224.0.0.1'])('no list holds %s', async (ip) => {
    const call = await start();
    const entry = { ip, list: 'deny', owner: null, reason: '', addedAt: 0, expiresAt: null };
    expect((await call('PUT', '/ip-list', { entries: [entry] }, { 'if-match': '"1"' })).status).toBe(400);
  });
});

describe('401, 404, 405', () => {
  it('asks for the token everywhere but at its health', async () => {
    const call = await start();
    expect((await call('GET', '/state', undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await call('GET', '/healthz', undefined, { authorization: '' })).status).toBe(200);
    await expect(start({ token: 'short' })).rejects.toThrow('16 characters');
  });

  it.each([
    ['GET', '/users/nobody'],
    ['POST', '/users/nobody/suspend'],
    ['GET', '/challenges/chl_9'],
    ['GET', '/nothing'],
    ['GET', '/users'],
    ['GET', '/users/__proto__'],
  ])('404 for %s %s', async (method, path) => {
    expect((await (await start())(method, path)).status).toBe(404);
  });

  it('405 for a known path with another method', async () => {
    expect((await (await start())('GET', '/users/anna/suspend')).status).toBe(405);
  });
});

describe('409, 412, 422, 428, 507', () => {
  it.each([
    ['POST', '/users/anna/suspend', {}, 'already_suspended'],
    ['POST', '/users/anna/password-reset', {}, 'already_required'],
    ['PUT', '/users/anna/action-block', {}, 'already_blocked'],
    ['POST', '/users/anna/privileges', { name: 'p', grantedBy: 'x' }, 'already_granted'],
  ])('409 when it is so already: %s %s', async (method, path, body, code) => {
    const call = await start();
    expect((await call(method, path, body)).status).toBe(200);
    expect(await call(method, path, body)).toMatchObject({ status: 409, body: { error: { code } } });
  });

  it.each([
    ['POST', '/users/anna/unsuspend'],
    ['POST', '/users/anna/password'],
    ['DELETE', '/users/anna/geo-lock'],
    ['DELETE', '/users/anna/logging'],
    ['DELETE', '/users/anna/action-block'],
  ])('409 when there is nothing to take back: %s %s', async (method, path) => {
    expect((await (await start())(method, path)).status).toBe(409);
  });

  it('412 for a version that is over, 428 for a list without a version', async () => {
    const call = await start();
    const { headers } = await call('GET', '/users/anna');
    const etag = headers.get('etag') ?? '';
    await call('POST', '/users/anna/devices', { name: 'phone' });
    expect((await call('POST', '/users/anna/suspend', {}, { 'if-match': etag })).status).toBe(412);
    expect((await call('PUT', '/ip-list', { entries: [] })).status).toBe(428);
    expect((await call('PUT', '/ip-list', { entries: [] }, { 'if-match': '"7"' })).status).toBe(412);
  });

  it('422 when a key comes with another request; refused requests do not use a key up', async () => {
    const call = await start();
    expect((await call('POST', '/users/anna/unsuspend', {}, key('k1'))).status).toBe(409);
    expect((await call('POST', '/users/anna/suspend', {}, key('k1'))).status).toBe(200);
    expect((await call('POST', '/users/bela/suspend', {}, key('k1'))).status).toBe(422);
    expect((await call('GET', '/ledger')).body['total']).toBe(1);
  });

  it('507 instead of forgetting when the ledger is full', async () => {
    const call = await start({ maxLedgerEntries: 1 });
    expect((await call('POST', '/users/anna/suspend', {})).status).toBe(200);
    expect(await call('POST', '/users/bela/suspend', {})).toMatchObject({
      status: 507,
      body: { error: { code: 'ledger_full' } },
    });
  });
});

describe('faults', () => {
  it('hits only what matches, as often as it was told, and shows what is armed', async () => {
    const call = await start();
    const match = { method: 'POST', pathIncludes: '/users/anna/' };
    await call('POST', '/faults', { kind: 'error_500', times: 1, match });
    expect((await call('GET', '/faults')).body['faults']).toMatchObject([{ left: 1 }]);
    expect((await call('POST', '/users/bela/suspend', {})).status).toBe(200);
    expect((await call('GET', '/users/anna')).status).toBe(200);
    expect((await call('POST', '/users/anna/suspend', {})).status).toBe(500);
    expect((await call('POST', '/users/anna/suspend', {})).status).toBe(200);
    await call('POST', '/faults', { kind: 'rate_limited', retryAfterSeconds: 3 });
    const limited = await call('GET', '/users/anna');
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '3']);
    await call('DELETE', '/faults');
    expect((await call('GET', '/users/anna')).status).toBe(200);
  });

  it('is slow before the work, so that the effect lands late', async () => {
    const waits: { ms: number; go: () => void }[] = [];
    const call = await start({ wait: (ms) => new Promise((go) => waits.push({ ms, go })) });
    await call('POST', '/faults', { kind: 'slow', ms: 5_000, times: 1 });
    const pending = call('POST', '/users/anna/suspend', {}, key('k1'));
    while (waits.length === 0) await call('GET', '/clock');
    expect((await call('GET', '/ledger')).body).toMatchObject({ total: 0, requests: 1 });
    expect(waits[0]?.ms).toBe(5_000);
    waits[0]?.go();
    expect((await pending).status).toBe(200);
    expect((await call('GET', '/ledger')).body['total']).toBe(1);
  });

  it('shows the former state for as many reads as it was told, then the present one', async () => {
    const call = await start();
    await call('POST', '/faults', { kind: 'stale_read', times: 2 });
    await call('POST', '/users/anna/suspend', {});
    const seen: unknown[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { body } = await call('GET', '/users/anna');
      seen.push((body['user'] as { suspended: object | null }).suspended === null);
    }
    expect(seen).toEqual([true, true, false]);
  });

  it('does the work and cuts the line: a repeat gets the stored reply', async () => {
    const call = await start();
    await call('POST', '/faults', { kind: 'lost_reply', times: 1 });
    await expect(call('POST', '/users/anna/suspend', {}, key('k1'))).rejects.toThrow('fetch failed');
    expect((await call('POST', '/users/anna/suspend', {}, key('k1'))).status).toBe(200);
    expect((await call('GET', '/ledger')).body).toMatchObject({ total: 1, requests: 2, repeats: 1 });
  });

  it('takes no more than its limit', async () => {
    const call = await start();
    for (let index = 0; index < 50; index += 1) await call('POST', '/faults', { kind: 'error_500', times: 1 });
    expect((await call('POST', '/faults', { kind: 'error_500', times: 1 })).status).toBe(409);
  });
});
