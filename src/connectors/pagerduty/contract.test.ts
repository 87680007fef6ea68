import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { HOSTILE, hostileMessage, manyNotices, messageOf } from '../../../tests/support/notices.ts';
import { startReceiver, type Receiver } from '../../../tests/support/receiver.ts';
import { safeHttp } from '../../platform/safe-http.ts';
import type { OutgoingMessage, SendError, Sender } from '../../pipeline/notifications/contract.ts';
import { pagerDutyEvents } from './events.ts';
import { pagerDutySender } from './sender.ts';

/**
 * The vendor's own description where it lies beside the repository; it has no licence to be kept here. Without it the
 * few rules below, written down by hand, are all that is checked.
 */
const DESCRIPTION = '../shared/specs/pagerduty-events-v2.json';
const described = existsSync(DESCRIPTION);
if (!described)
  process.stderr.write(`SKIPPED: no ${DESCRIPTION}, so events are not checked against PagerDuty's own schema\n`);

const ROUTING_KEY = 'e93facc04764012d7bfb002500d5d1a6';
const never = new AbortController().signal;

/** What an event has to be, by hand. */
const EVENT = z.discriminatedUnion('event_action', [
  z.strictObject({
    routing_key: z.literal(ROUTING_KEY),
    event_action: z.literal('resolve'),
    dedup_key: z.string().min(1).max(255),
  }),
  z.strictObject({
    routing_key: z.literal(ROUTING_KEY),
    event_action: z.literal('trigger'),
    dedup_key: z.string().min(1).max(255),
    client: z.literal('Firebreak'),
    client_url: z.url().optional(),
    links: z.array(z.strictObject({ href: z.url(), text: z.string() })).optional(),
    payload: z.strictObject({
      summary: z.string().min(1).max(1_024),
      severity: z.enum(['critical', 'error', 'warning', 'info']),
      source: z.string().min(1),
      class: z.string().min(1),
      custom_details: z.strictObject({ text: z.array(z.string()), facts: z.array(z.string()) }),
    }),
  }),
]);

/** An event is at most 512 KB. */
const MAX_EVENT_BYTES = 512 * 1024;

let receiver: Receiver;
let sender: Sender;
beforeAll(async () => {
  receiver = await startReceiver({ status: 202, body: '{"status":"success","message":"ok","dedup_key":"its key"}' });
  const http = safeHttp({ allow: [new URL(receiver.origin).host] });
  sender = pagerDutySender({ http, url: receiver.origin, routingKey: ROUTING_KEY });
});
afterAll(async () => {
  await sender.close();
  await receiver.close();
});
afterEach(() => void receiver.received.splice(0));

async function eventsOf(message: OutgoingMessage) {
  await sender.send(message, never);
  return receiver.received.splice(0).map(({ path, body }) => {
    expect(path).toBe('/v2/enqueue');
    expect(Buffer.byteLength(body)).toBeLessThan(MAX_EVENT_BYTES);
    if (described) expect(schemaFaults(JSON.parse(body))).toEqual([]);
    return EVENT.parse(JSON.parse(body));
  });
}

describe('PagerDuty events', () => {
  it('are one alert for all news of one approval, which its decision closes', async () => {
    const [asked] = await eventsOf(messageOf());
    expect(asked).toMatchObject({
      event_action: 'trigger',
      dedup_key: 'firebreak/approval/apr_1',
      client_url: 'https://firebreak.example.org/approvals/apr_1',
      payload: { summary: 'Suspend mara@example.org?', severity: 'error', class: 'approval.requested' },
    });
    const [reminded] = await eventsOf(messageOf({ kind: 'approval.reminder' }));
    expect(reminded?.dedup_key).toBe(asked?.dedup_key);
    expect(await eventsOf(messageOf({ kind: 'approval.decided' }))).toEqual([
      { routing_key: ROUTING_KEY, event_action: 'resolve', dedup_key: asked?.dedup_key },
    ]);
  });

  it.each([
    ['CRITICAL', 'critical'],
    ['HIGH', 'error'],
    ['MEDIUM', 'warning'],
    ['LOW', 'info'],
  ] as const)('say %s as %s', async (severity, said) => {
    expect(await eventsOf(messageOf({ severity }))).toMatchObject([{ payload: { severity: said } }]);
  });

  it('take the newest news of each thing', async () => {
    const other = { about: { type: 'execution', id: 'exe_9' }, kind: 'execution.failed', title: 'It failed' } as const;
    const events = await eventsOf(messageOf({}, other, { kind: 'approval.decided' }));
    expect(events).toMatchObject([
      { event_action: 'resolve', dedup_key: 'firebreak/approval/apr_1' },
      { event_action: 'trigger', dedup_key: 'firebreak/execution/exe_9', payload: { summary: 'It failed' } },
    ]);
  });

  it('call nobody five hundred times', async () => {
    expect(await eventsOf(messageOf(...manyNotices(5)))).toHaveLength(5);
    const events = await eventsOf(messageOf(...manyNotices(500)));
    expect(events).toMatchObject([
      {
        dedup_key: 'firebreak/message/msg_1',
        payload: { summary: '500 approvals wait, the most severe: Suspend user 499?', class: 'digest' },
      },
    ]);
    expect(pagerDutyEvents(messageOf(...manyNotices(500, { kind: 'approval.decided' })))).toHaveLength(100);
  });

  it('have a key of their own for a thing with a long name', async () => {
    const [long] = await eventsOf(messageOf({ about: { type: 'approval', id: 'x'.repeat(300) } }));
    const [longer] = await eventsOf(messageOf({ about: { type: 'approval', id: 'x'.repeat(301) } }));
    expect(long?.dedup_key).not.toBe(longer?.dedup_key);
  });

  it('fit, whatever the texts are', async () => {
    for (const text of HOSTILE) await eventsOf(hostileMessage(text));
  });

  it('begin anew after a failure in the middle: repeats change nothing', async () => {
    receiver.answerWith({ status: 202, body: '{"status":"success"}' }, { status: 500 });
    await expect(sender.send(messageOf(...manyNotices(3)), never)).rejects.toMatchObject({ retryable: true });
    const first = receiver.received.splice(0).map(({ body }) => EVENT.parse(JSON.parse(body)).dedup_key);
    const all = (await eventsOf(messageOf(...manyNotices(3)))).map((event) => event.dedup_key);
    expect(all.slice(0, 2)).toEqual(first);
    expect(all).toHaveLength(3);
  });

  it('are believed only from the Events API', async () => {
    for (const body of ['', 'ok', '<html>', '{"status":"error"}']) {
      receiver.answerWith({ status: 200, body });
      const failed: SendError = await sender.send(messageOf(), never).then(
        () => Promise.reject(new Error('it was believed')),
        (error: SendError) => error,
      );
      expect(failed).toMatchObject({ code: 'bad_reply' });
    }
    expect(await sender.send(messageOf(), never)).toEqual({ reference: 'its key' });
  });
});

describe.skipIf(!described)("PagerDuty's own description", () => {
  it('refuses what is no event, so that the check above can fail', () => {
    const event = {
      routing_key: ROUTING_KEY,
      event_action: 'trigger',
      payload: { summary: 's', source: 's', severity: 'info' },
    };
    expect(schemaFaults(event)).toEqual([]);
    expect(schemaFaults({ ...event, event_action: 'open' })).not.toEqual([]);
    expect(schemaFaults({ ...event, routing_key: undefined })).not.toEqual([]);
    expect(schemaFaults({ ...event, payload: { ...event.payload, severity: 'high' } })).not.toEqual([]);
    expect(schemaFaults({ ...event, links: [{ text: 'x' }] })).not.toEqual([]);
    expect(schemaFaults({ ...event, extra: 1 })).not.toEqual([]);
  });
});

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

const DOCUMENT = z.object({
  paths: z.object({
    '/enqueue': z.object({
      post: z.object({
        requestBody: z.object({ content: z.object({ 'application/json': z.object({ schema: z.custom<Schema>() }) }) }),
      }),
    }),
  }),
  components: z.object({ schemas: z.record(z.string(), z.custom<Schema>()) }),
});

/** Faults of a value by the description: the few words of JSON Schema that it uses. Members it does not know are faults too. */
function schemaFaults(value: unknown): string[] {
  const document = DOCUMENT.parse(JSON.parse(readFileSync(DESCRIPTION, 'utf8')));
  const root = document.paths['/enqueue'].post.requestBody.content['application/json'].schema;
  return faults(value, root, '');

  function faults(given: unknown, schema: Schema, at: string): string[] {
    if (schema.$ref !== undefined) {
      const named = document.components.schemas[schema.$ref.replace('#/components/schemas/', '')];
      return named === undefined ? [`${at}: no ${schema.$ref}`] : faults(given, named, at);
    }
    if (schema.enum !== undefined) return schema.enum.includes(given) ? [] : [`${at}: not one of the enumeration`];
    if (schema.type === 'string') return typeof given === 'string' ? [] : [`${at}: no string`];
    if (schema.type === 'array') {
      if (!Array.isArray(given)) return [`${at}: no list`];
      return given.flatMap((item, index) => faults(item, schema.items ?? {}, `${at}/${index}`));
    }
    if (schema.type !== 'object') return [];
    if (typeof given !== 'object' || given === null) return [`${at}: no object`];
    const members = new Map(Object.entries(given).filter(([, member]) => member !== undefined));
    const missing = (schema.required ?? [])
      .filter((name) => !members.has(name))
      .map((name) => `${at}/${name}: missing`);
    const { properties } = schema;
    if (properties === undefined) return missing;
    const wrong = [...members].flatMap(([name, member]) => {
      const known = properties[name];
      return known === undefined ? [`${at}/${name}: unknown`] : faults(member, known, `${at}/${name}`);
    });
    return [...missing, ...wrong];
  }
}
