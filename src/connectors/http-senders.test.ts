import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, type Receiver } from '../../tests/support/receiver.ts';
import { HOSTILE, hostileMessage, manyNotices, messageOf, UNPRINTABLE } from '../../tests/support/notices.ts';
import { safeHttp, type SafeHttp, type SafeHttpOptions } from '../platform/safe-http.ts';
import { SendError, type Sender } from '../pipeline/notifications/contract.ts';
import { pagerDutySender } from './pagerduty/sender.ts';
import { slackSender } from './slack/sender.ts';
import { webhookSender } from './standard-webhook/sender.ts';
import { teamsSender } from './teams/sender.ts';

/** What every sender over HTTP promises, against a real server with faults. */

const SECRET_PATH = '/services/T000/B000/s3cretpath';
const ROUTING_KEY = 's3cretroutingkey0000000000000000';
const WEBHOOK_SECRET = `whsec_${Buffer.from('s3cret'.repeat(6)).toString('base64')}`;
const SECRETS = [SECRET_PATH, 's3cret', ROUTING_KEY, WEBHOOK_SECRET];

interface Case {
  readonly channel: string;
  readonly success: { readonly status: number; readonly body: string };
  open(http: SafeHttp, origin: string): Sender;
}

const CASES: readonly Case[] = [
  {
    channel: 'SLACK',
    success: { status: 200, body: 'ok' },
    open: (http, origin) => slackSender({ http, url: `${origin}${SECRET_PATH}`, buttons: true }),
  },
  {
    channel: 'TEAMS',
    success: { status: 202, body: '' },
    open: (http, origin) => teamsSender({ http, url: `${origin}${SECRET_PATH}` }),
  },
  {
    channel: 'PAGERDUTY',
    success: { status: 202, body: '{"status":"success","dedup_key":"k"}' },
    open: (http, origin) => pagerDutySender({ http, url: origin, routingKey: ROUTING_KEY }),
  },
  {
    channel: 'WEBHOOK',
    success: { status: 204, body: '' },
    open: (http, origin) =>
      webhookSender({ http, url: `${origin}${SECRET_PATH}`, secret: WEBHOOK_SECRET, now: () => Date.now() }),
  },
];

describe.each(CASES)('the $channel sender', ({ channel, success, open }) => {
  let receiver: Receiver;
  const opened: Sender[] = [];
  const never = new AbortController().signal;

  beforeAll(async () => {
    receiver = await startReceiver(success);
  });
  afterAll(() => receiver.close());
  afterEach(async () => {
    receiver.received.length = 0;
    await Promise.all(opened.splice(0).map((sender) => sender.close()));
  });

  function sender(options: SafeHttpOptions = {}, origin = receiver.origin): Sender {
    const one = open(safeHttp({ allow: [new URL(origin).host], ...options }), origin);
    opened.push(one);
    return one;
  }

  async function failureOf(attempt: Promise<unknown>): Promise<SendError> {
    const thrown: unknown = await attempt.then(
      () => null,
      (error: unknown) => error,
    );
    if (!(thrown instanceof SendError)) throw new Error('no SendError', { cause: thrown });
    const told = `${thrown.message} ${String(thrown.stack)} ${JSON.stringify(thrown)} ${String(thrown.cause)}`;
    for (const secret of SECRETS) expect(told).not.toContain(secret);
    return thrown;
  }

  it('sends JSON once', async () => {
    expect(sender().channel).toBe(channel);
    await sender().send(messageOf(), never);
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.headers['content-type']).toContain('application/json');
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toBeTypeOf('object');
  });

  it('hands on how long the receiver asks to wait', async () => {
    receiver.answerWith({ status: 429, headers: { 'retry-after': '7' }, body: 'slow down please' });
    const error = await failureOf(sender().send(messageOf(), never));
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true, retryAfterMs: 7_000 });
  });

  it.each([500, 502, 503])('calls a %i retryable', async (status) => {
    receiver.answerWith({ status, body: SECRETS.join(' ') });
    expect(await failureOf(sender().send(messageOf(), never))).toMatchObject({ retryable: true, retryAfterMs: null });
  });

  it.each([400, 401, 403, 404, 410, 413])('calls a %i final', async (status) => {
    receiver.answerWith({ status, body: SECRETS.join(' ') });
    const error = await failureOf(sender().send(messageOf(), never));
    expect(error).toMatchObject({ retryable: false });
    expect(error.message).toContain(String(status));
  });

  it.each([301, 307])('follows no redirect (%i)', async (status) => {
    receiver.answerWith({ status, headers: { location: 'http://169.254.169.254/' } });
    expect(await failureOf(sender().send(messageOf(), never))).toMatchObject({ code: 'redirect_refused' });
    expect(receiver.received).toHaveLength(1);
  });

  it('gives up a receiver that does not answer', async () => {
    receiver.answerWith('hang');
    const error = await failureOf(sender({ totalTimeoutMs: 60 }).send(messageOf(), never));
    expect(error).toMatchObject({ code: 'timeout', retryable: true });
  });

  it('calls a lost reply retryable: telling twice is better than not at all', async () => {
    receiver.answerWith('cut');
    const error = await failureOf(sender().send(messageOf(), never));
    expect(error).toMatchObject({ code: 'connection_lost', retryable: true });
    await sender().send(messageOf(), never);
    expect(receiver.received).toHaveLength(2);
  });

  it('ends at once when it is told to', async () => {
    receiver.answerWith('hang');
    const controller = new AbortController();
    const attempt = sender().send(messageOf(), controller.signal);
    await expect.poll(() => receiver.received.length).toBe(1);
    controller.abort();
    expect(await failureOf(attempt)).toMatchObject({ code: 'aborted', retryable: true });
  });

  it('leaves what it cannot finish for a later try when it is closed', async () => {
    receiver.answerWith('hang');
    const one = sender();
    const attempt = failureOf(one.send(messageOf(), never));
    await expect.poll(() => receiver.received.length).toBe(1);
    await one.close();
    expect(await attempt).toMatchObject({ code: 'closed', retryable: true });
    expect(await failureOf(one.send(messageOf(), never))).toMatchObject({ code: 'closed', retryable: true });
  });

  it('calls nobody there retryable, and an address that may not be called final', async () => {
    const gone = await startReceiver(success);
    await gone.close();
    expect(await failureOf(sender({}, gone.origin).send(messageOf(), never))).toMatchObject({
      code: 'connect_failed',
      retryable: true,
    });
    expect(await failureOf(sender({ allow: [] }).send(messageOf(), never))).toMatchObject({
      code: 'address_refused',
      retryable: false,
    });
  });

  it('sends nothing unprintable and nothing too big, whatever the texts are', async () => {
    for (const text of HOSTILE) {
      await sender().send(hostileMessage(text), never);
      await sender().send(messageOf(...manyNotices(60, { title: text, lines: [text] })), never);
    }
    const bodies = receiver.received.map(({ body }) => body);
    expect(bodies.length).toBeGreaterThanOrEqual(2 * HOSTILE.length);
    for (const body of bodies) {
      expect(textsIn(JSON.parse(body)).filter((text) => UNPRINTABLE.test(text) || !text.isWellFormed())).toEqual([]);
      expect(Buffer.byteLength(body)).toBeLessThan(256 * 1024);
    }
  });

  it('never carries the link that is for one reader', async () => {
    await sender().send(messageOf(), never);
    await sender().send(messageOf(...manyNotices(3)), never);
    expect(receiver.received.map(({ body }) => body).join()).not.toContain('only-for-this-reader');
  });

  it('links only to pages', async () => {
    const viewUrl = 'javascript:alert(document.domain)';
    await sender().send(messageOf({ viewUrl }), never);
    await sender().send(messageOf({ viewUrl: `https://x.example/${'y'.repeat(5_000)}` }), never);
    expect(receiver.received.map(({ body }) => body).join()).not.toMatch(/javascript:|yyyy/);
  });
});

/** Every text in a JSON value, names of members included. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...textsIn(member)]);
}
