import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { actionRegistry } from '../../pipeline/actions/registry.ts';
import type { JsonObject } from '../../pipeline/actions/contract.ts';
import { safeHttp } from '../../platform/safe-http.ts';
import { contextOf, testbed } from '../../../tests/support/sandbox-testbed.ts';
import { webhookHandlers, WEBHOOK_PARAMETERS } from './actions.ts';

// Casts of replies in this file are safe: where a shape is wrong the expectation that follows fails.
const bed = testbed();
const target = { type: 'none', id: 'none' } as const;

function call(parameters: object, key: string = randomUUID()): Promise<JsonObject> {
  const [handler] = webhookHandlers({ http: bed.http() });
  // The receiver of the sandbox wants its token like everything there.
  const headers = { Authorization: `Bearer ${bed.token}` };
  return (
    handler?.perform(target, { url: `${bed.url()}/hooks/t`, headers, ...parameters }, null, contextOf(key)) ??
    Promise.reject(new Error('no handler'))
  );
}

async function received(key: string): Promise<unknown[]> {
  const { body } = await bed.raw('GET', '/state');
  return (body['hooks'] as { reference: string }[]).filter(({ reference }) => reference === key);
}

describe('CUSTOM_WEBHOOK', () => {
  it('calls once with its key, JSON for an object and text for a text', async () => {
    const key = randomUUID();
    expect(await call({ body: { incident: 'inc_1', score: 7 } }, key)).toEqual({
      changed: true,
      status: 200,
    });
    await call({ method: 'PUT', body: 'plain' }, `${key}2`);
    expect(await received(key)).toMatchObject([{ method: 'POST', body: '{"incident":"inc_1","score":7}' }]);
    expect(await received(`${key}2`)).toMatchObject([{ method: 'PUT', body: 'plain' }]);
  });

  it('has one effect at a receiver that honours the key, also after a lost reply', async () => {
    const key = randomUUID();
    await bed.raw('POST', '/faults', { kind: 'lost_reply', times: 1, match: { key } });
    await expect(call({}, key)).rejects.toMatchObject({
      code: 'connection_lost',
      resultUnknown: true,
      retryable: true,
    });
    await call({}, key);
    expect(await received(key)).toHaveLength(1);
  });

  it('gives limits, refusals and failures their meaning', async () => {
    await bed.raw('POST', '/faults', { kind: 'rate_limited', retryAfterSeconds: 4, times: 1 });
    await expect(call({})).rejects.toMatchObject({ code: 'rate_limited', retryAfterMs: 4_000, resultUnknown: false });
    await bed.raw('POST', '/faults', { kind: 'error_500', times: 1 });
    await expect(call({})).rejects.toMatchObject({ code: 'server_error', resultUnknown: true });
    await expect(call({ headers: {} })).rejects.toMatchObject({ code: 'unauthenticated', retryable: false });
  });

  it.each(['http://169.254.169.254/latest/', 'http://localhost:1/', 'http://127.0.0.1:1/', 'https://[::1]/'])(
    'does not call %s',
    async (url) => {
      await expect(call({ url })).rejects.toMatchObject({ code: 'address_refused', resultUnknown: false });
    },
  );

  it.each([
    [{ url: 'ftp://example.test/' }, 'url'],
    [{ url: 'https://example.test/', method: 'TRACE' }, 'method'],
    [{ url: 'https://example.test/', headers: { 'Idempotency-Key': 'x' } }, 'headers'],
    [{ url: 'https://example.test/', headers: { 'X-A': 'b\r\nc: d' } }, 'headers'],
    [{ url: 'https://example.test/', body: 'x'.repeat(300_000) }, 'body'],
    [{}, 'url'],
  ])('refuses %j by name', async (parameters, member) => {
    expect(WEBHOOK_PARAMETERS.safeParse(parameters).error?.issues[0]?.path[0]).toBe(member);
    const [handler] = webhookHandlers({ http: safeHttp() });
    await expect(handler?.perform(target, parameters, null, contextOf())).rejects.toMatchObject({
      code: 'invalid_parameters',
      resultUnknown: false,
    });
  });

  it('is attempted once by default, and repeatable only where the instance says so', () => {
    const http = safeHttp();
    const registry = actionRegistry([
      ...webhookHandlers({ http }),
      ...webhookHandlers({ http, connector: 'tickets', receiversHonourKey: true }),
    ]);
    expect(registry.declarationOf('CUSTOM_WEBHOOK')).toMatchObject({ idempotency: 'none', readBack: false });
    expect(registry.declarationOf('CUSTOM_WEBHOOK', 'tickets')).toMatchObject({ idempotency: 'native-key' });
    const templated = { url: '{{context.hook}}', headers: { 'X-Incident': '{{incident.id}}' } };
    expect(registry.checkParameters('CUSTOM_WEBHOOK', templated)).toEqual([]);
  });
});
