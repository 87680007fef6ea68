import { createHash } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, type Answer, type Receiver } from '../../../tests/support/receiver.ts';
import { safeHttp } from '../../platform/safe-http.ts';
import { externalApprovers, type Approver } from './ask.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const TOKEN = 'a-token-of-enough-characters';
const never = new AbortController().signal;
const QUESTION = {
  service: 'soar',
  key: 'the same key',
  action: 'isolate_host',
  event: { id: 'evt_1', severity: 'critical', host_id: 'srv-7', actor: { email: 'mara@example.org' } },
  requestedAt: Date.UTC(2026, 10, 22, 3, 0, 0, 120),
};

let receiver: Receiver;
const clients: ReturnType<typeof safeHttp>[] = [];
beforeAll(async () => {
  receiver = await startReceiver({ status: 200, body: '{"approved": true}' });
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await receiver.close();
});
afterEach(() => void receiver.received.splice(0));

function approver(given: Partial<Approver> = {}, timeoutMs = 5_000) {
  const http = safeHttp({
    allow: [new URL(receiver.origin).host],
    totalTimeoutMs: timeoutMs,
    headersTimeoutMs: timeoutMs,
    maxResponseBytes: 64 * 1024,
  });
  clients.push(http);
  const usual = { name: 'soar', url: `${receiver.origin}/approve`, secret: null, token: null, eventFields: null };
  return externalApprovers([{ ...usual, http, ...given }], () => Date.now());
}

describe('a service that approves', () => {
  it('is sent exactly what the seed sends', async () => {
    const said = await approver().ask(QUESTION, never);
    const [request] = receiver.received;
    expect(JSON.parse(request?.body ?? '')).toEqual({
      action: 'isolate_host',
      context: { event: QUESTION.event },
      requested_at: '2026-11-22T03:00:00.120Z',
    });
    expect(Object.keys(JSON.parse(request?.body ?? ''))).toEqual(['action', 'context', 'requested_at']);
    expect(request?.path).toBe('/approve');
    expect(request?.headers).toMatchObject({
      'idempotency-key': QUESTION.key,
      'content-type': 'application/json; charset=utf-8',
    });
    const requestDigest = createHash('sha256')
      .update(request?.body ?? '')
      .digest('hex');
    expect(said).toEqual({ heard: true, answer: 'approved', why: null, status: 200, requestDigest });
  });

  it('can know who asks, by a signature or a token, and a repeat by its key', async () => {
    const asked = approver({ secret: SECRET, token: TOKEN });
    await asked.ask(QUESTION, never);
    await asked.ask(QUESTION, never);
    const [first, second] = receiver.received;
    for (const { body, headers } of receiver.received) {
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
        action: 'isolate_host',
      });
      expect(headers.authorization).toBe(`Bearer ${TOKEN}`);
    }
    expect(() =>
      new Webhook(SECRET).verify(`${first?.body} `, (first?.headers ?? {}) as Record<string, string>),
    ).toThrow();
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key']);
  });

  it('is shown no more of the event than it is configured to see', async () => {
    await approver({ eventFields: ['id', 'severity', '__proto__'] }).ask(QUESTION, never);
    expect(JSON.parse(receiver.received[0]?.body ?? '').context).toEqual({
      event: { id: 'evt_1', severity: 'critical' },
    });
    expect(receiver.received[0]?.body).not.toContain('mara');
  });

  it('is sent no event that is larger than anybody reads', async () => {
    const event = { note: 'x'.repeat(70_000) };
    expect(await approver().ask({ ...QUESTION, event }, never)).toMatchObject({
      answer: 'none',
      why: 'request_too_large',
    });
    expect(receiver.received).toEqual([]);
  });
});

const ok = (body: string): Answer => ({ status: 200, body });

describe('what counts', () => {
  it.each<[string, Answer]>([
    ['approved', ok('{"approved": true}')],
    ['approved', ok(' {"note": "x", "approved": true} ')],
    ['denied', ok('{"approved": false}')],
  ])('%s: %j', async (answer, reply) => {
    receiver.answerWith(reply);
    expect(await approver().ask(QUESTION, never)).toMatchObject({ heard: true, answer, why: null, status: 200 });
  });

  it.each<[string, Answer]>([
    ['approved_is_no_boolean', ok('{"approved": "true"}')],
    ['approved_is_no_boolean', ok('{"approved": 1}')],
    ['approved_is_no_boolean', ok('{"approved": null}')],
    ['approved_is_no_boolean', ok('{"approved": [true]}')],
    ['approved_is_no_boolean', ok('{"approved": {"approved": true}}')],
    ['approved_is_missing', ok('{}')],
    ['approved_is_missing', ok('{"Approved": true}')],
    ['approved_is_missing', ok('{"__proto__": {"approved": true}}')],
    ['approved_is_missing', ok('true')],
    ['approved_is_missing', ok('[{"approved": true}]')],
    ['approved_is_missing', ok('null')],
    ['not_json', ok('')],
    ['not_json', ok('{"approved": true')],
    ['not_json', ok('<html>approved: true</html>')],
    ['status_is_not_200', { status: 201, body: '{"approved": true}' }],
    ['status_is_not_200', { status: 204 }],
    ['redirect_refused', { status: 302, headers: { location: '/elsewhere' }, body: '{"approved": true}' }],
    ['redirect_refused', { status: 307, headers: { location: 'http://169.254.169.254/' }, body: '{"approved": true}' }],
    ['unauthenticated', { status: 401, body: '{"approved": true}' }],
    ['forbidden', { status: 403, body: '{"approved": true}' }],
    ['server_error', { status: 500, body: '{"approved": true}' }],
    ['response_too_large', ok(`{"approved": true, "pad": "${'x'.repeat(70_000)}"}`)],
  ])('no answer, and no reason to ask again: %s %j', async (why, reply) => {
    receiver.answerWith(reply);
    expect(await approver().ask(QUESTION, never)).toMatchObject({ heard: true, answer: 'none', why });
    expect(receiver.received).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['rate_limited', { status: 429, headers: { 'retry-after': '7' }, body: '{"approved": true}' }],
    ['unavailable', { status: 503, body: '{"approved": true}' }],
    ['server_error', { status: 502, body: '{"approved": true}' }],
    ['server_error', { status: 504 }],
    ['not_processed', { status: 408 }],
    ['connection_lost', 'cut'],
  ])('not heard, so that it may be asked again: %s %j', async (why, reply) => {
    receiver.answerWith(reply);
    const said = await approver().ask(QUESTION, never);
    expect(said).toMatchObject({ heard: false, why });
    if (why === 'rate_limited') expect(said).toMatchObject({ retryAfterMs: 7_000 });
  });

  it('not heard: nothing within its time', async () => {
    receiver.answerWith('hang');
    expect(await approver({}, 120).ask(QUESTION, never)).toMatchObject({ heard: false, why: 'timeout', status: null });
  });

  it('not heard: nobody listens', async () => {
    const gone = await startReceiver({ status: 200 });
    await gone.close();
    const http = safeHttp({ allow: [new URL(gone.origin).host] });
    clients.push(http);
    const said = await approver({ url: gone.origin, http }).ask(QUESTION, never);
    expect(said).toMatchObject({ heard: false, why: 'connect_failed' });
  });

  it('an address that nobody meant is not called, and whom nobody knows is not asked', async () => {
    const http = safeHttp();
    clients.push(http);
    expect(await approver({ http }).ask(QUESTION, never)).toMatchObject({ answer: 'none', why: 'address_refused' });
    expect(await approver().ask({ ...QUESTION, service: 'sora' }, never)).toMatchObject({ why: 'not_configured' });
    expect(receiver.received).toEqual([]);
  });
});
