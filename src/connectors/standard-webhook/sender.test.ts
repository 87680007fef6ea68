import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { hostileMessage, HOSTILE, manyNotices, messageOf } from '../../../tests/support/notices.ts';
import { startReceiver, type Received, type Receiver } from '../../../tests/support/receiver.ts';
import { safeHttp } from '../../platform/safe-http.ts';
import type { Sender } from '../../pipeline/notifications/contract.ts';
import { webhookSender } from './sender.ts';

const KEY = Buffer.from('a key of thirty-two bytes, tests');
const SECRET = `whsec_${KEY.toString('base64')}`;
const never = new AbortController().signal;

const BODY = z.strictObject({
  type: z.string(),
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    id: z.string(),
    title: z.string(),
    severity: z.string(),
    notices: z.array(z.looseObject({ kind: z.string(), title: z.string(), whole: z.boolean() })),
    more: z.number(),
  }),
});

let receiver: Receiver;
let sender: Sender;
let now = Date.now();
beforeAll(async () => {
  receiver = await startReceiver({ status: 200 });
  const http = safeHttp({ allow: [new URL(receiver.origin).host] });
  sender = webhookSender({ http, url: `${receiver.origin}/hook`, secret: SECRET, now: () => now });
});
afterAll(async () => {
  await sender.close();
  await receiver.close();
});
afterEach(() => {
  receiver.received.splice(0);
  now = Date.now();
});

/** By the specification's own words, with nothing of the package that signs. */
function verifiedByHand({ headers, body }: Received): boolean {
  const { 'webhook-id': id = '', 'webhook-timestamp': timestamp = '' } = headers;
  const expected = createHmac('sha256', KEY)
    .update(`${String(id)}.${String(timestamp)}.${body}`)
    .digest('base64');
  return headers['webhook-signature'] === `v1,${expected}`;
}

describe('a Standard Webhook', () => {
  it('is signed so that both an independent check and the package take it', async () => {
    await sender.send(messageOf(), never);
    const [received] = receiver.received;
    if (received === undefined) throw new Error('nothing came');
    expect(verifiedByHand(received)).toBe(true);
    expect(verifiedByHand({ ...received, body: `${received.body} ` })).toBe(false);
    expect(new Webhook(SECRET).verify(received.body, received.headers as Record<string, string>)).toMatchObject({
      type: 'approval.requested',
    });
    expect(received.headers['webhook-id']).toBe('msg_1');
  });

  it('has the same id and a new time at every try', async () => {
    now = 1_800_000_000_500;
    await sender.send(messageOf(), never);
    now += 60_000;
    await sender.send(messageOf(), never);
    const [first, second] = receiver.received.map(({ headers }) => headers);
    expect(second?.['webhook-id']).toBe(first?.['webhook-id']);
    expect([first, second].map((headers) => headers?.['webhook-timestamp'])).toEqual(['1800000000', '1800000060']);
    expect(receiver.received.every(verifiedByHand)).toBe(true);
  });

  it('says what it is about', async () => {
    await sender.send(messageOf(), never);
    const { type, data } = BODY.parse(JSON.parse(receiver.received[0]?.body ?? ''));
    expect(type).toBe('approval.requested');
    expect(data).toMatchObject({ id: 'msg_1', title: 'Suspend mara@example.org?', severity: 'HIGH', more: 0 });
    expect(data.notices).toMatchObject([
      {
        ask: { approvalId: 'apr_1', executionId: 'exe_1', intentHash: 'a'.repeat(64) },
        viewUrl: 'https://firebreak.example.org/approvals/apr_1',
        facts: [{ label: 'Action', value: 'ACCOUNT_SUSPEND' }, { label: 'Target' }],
        whole: true,
      },
    ]);
    expect(data.notices[0]).not.toHaveProperty('answerUrl');
  });

  it('lists what a program can read of a digest, and stays small', async () => {
    await sender.send(messageOf(...manyNotices(500)), never);
    const { type, data } = BODY.parse(JSON.parse(receiver.received[0]?.body ?? ''));
    expect([type, data.notices.length, data.more]).toEqual(['digest', 200, 300]);
    const long = 'é'.repeat(100_000);
    await sender.send(messageOf(...manyNotices(500, { title: long, lines: [long, long] })), never);
    expect(Buffer.byteLength(receiver.received[1]?.body ?? '')).toBeLessThan(256 * 1024);
  });

  it('is signed over whatever the texts are', async () => {
    for (const text of HOSTILE) await sender.send(hostileMessage(text), never);
    expect(receiver.received).toHaveLength(HOSTILE.length);
    expect(receiver.received.every(verifiedByHand)).toBe(true);
  });
});
