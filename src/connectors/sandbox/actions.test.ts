import { createServer } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { safeHttp } from '../../platform/safe-http.ts';
import type { ActionTarget } from '../../pipeline/actions/contract.ts';
import { contextOf, STARTED_AT, testbed, undoOf } from '../../../tests/support/sandbox-testbed.ts';
import { sandboxHandlers } from './actions.ts';

/*
 * Casts of reply bodies in this file are safe: the shapes are the sandbox's own, and where one is wrong the expectation
 * that follows it fails.
 */
const bed = testbed();
const MINUTE_MS = 60_000;
let users = 0;

async function newUser(rest: object = {}): Promise<ActionTarget> {
  users += 1;
  const id = `person${users}`;
  await bed.raw('POST', '/seed', { users: [{ id, ...rest }] });
  return { type: 'user', id };
}

async function userNow(target: ActionTarget): Promise<Record<string, unknown>> {
  const { body } = await bed.raw('GET', `/users/${target.id}`);
  return body['user'] as Record<string, unknown>;
}

let businessNow = STARTED_AT;
async function advance(ms: number): Promise<void> {
  businessNow += ms;
  expect((await bed.raw('POST', '/clock', { now: businessNow })).status).toBe(200);
}

afterEach(async () => {
  await bed.raw('DELETE', '/faults');
});

describe('STEP_UP_CHALLENGE', () => {
  const seedParameters = { challengeType: 'EMAIL_OTP', expirationMinutes: 15 };

  async function issue(parameters: object = seedParameters) {
    const target = await newUser();
    const context = contextOf();
    const handler = bed.handler('STEP_UP_CHALLENGE');
    const outcome = await handler.perform(target, parameters, null, context);
    const check = () => handler.check?.(target, parameters, outcome, context);
    const { challengeId: id } = z.object({ challengeId: z.string() }).parse(outcome);
    const answer = (code: string) => bed.raw('POST', `/challenges/${id}/answer`, { code });
    return { target, outcome, check, answer };
  }

  async function codeOf(path: string): Promise<string> {
    const { body } = await bed.raw('GET', path);
    const [message] = body['messages'] as { text: string }[];
    return /\b[0-9]{6}\b/.exec(message?.text ?? '')?.[0] ?? '';
  }

  it('passes when the user answers with the code from the mailbox', async () => {
    const { target, check, answer, outcome } = await issue();
    expect(await check()).toEqual({ state: 'pending' });
    expect(outcome['expiresAt']).toBe(businessNow + 15 * MINUTE_MS);
    expect((await answer(await codeOf(`/mailboxes/${target.id}@sandbox.test/messages`))).status).toBe(200);
    expect(await check()).toMatchObject({ state: 'passed' });
  });

  it('can deliver the code in the app instead', async () => {
    const { target, check, answer } = await issue({ challengeType: 'IN_APP_OTP' });
    await answer(await codeOf(`/users/${target.id}/notifications`));
    expect(await check()).toMatchObject({ state: 'passed' });
  });

  it('fails after five wrong answers, and then not even the right one helps', async () => {
    const { target, check, answer } = await issue();
    for (let index = 0; index < 5; index += 1) await answer('x');
    expect(await check()).toMatchObject({ state: 'failed' });
    expect((await answer(await codeOf(`/mailboxes/${target.id}@sandbox.test/messages`))).status).toBe(409);
  });

  it('expires by business time', async () => {
    const { check } = await issue();
    await advance(15 * MINUTE_MS - 1);
    expect(await check()).toEqual({ state: 'pending' });
    await advance(1);
    expect(await check()).toMatchObject({ state: 'expired' });
  });
});

describe('FULL_SESSION_KILL', () => {
  it('is not believed when the target lies', async () => {
    const target = await newUser({ sessions: [{ ip: '203.0.113.7', country: 'US' }] });
    const handler = bed.handler('FULL_SESSION_KILL');
    const context = contextOf();
    const prior = (await handler.observe?.(target, {}, context)) ?? null;
    await bed.raw('POST', '/faults', { kind: 'lying_kill', times: 1 });
    const outcome = await handler.perform(target, {}, prior, context);
    expect(outcome).toMatchObject({ changed: true });
    expect(await handler.verify?.(target, {}, prior, outcome, context)).toMatchObject({ says: 'absent' });
    await handler.perform(target, {}, prior, context);
    expect(await handler.verify?.(target, {}, prior, outcome, context)).toMatchObject({ says: 'holds' });
  });

  it('does not mistake a session that came afterwards for one that survived', async () => {
    const target = await newUser({ sessions: [{ ip: '203.0.113.7', country: 'US' }] });
    const handler = bed.handler('FULL_SESSION_KILL');
    const context = contextOf();
    const outcome = await handler.perform(target, {}, null, context);
    await bed.raw('POST', `/users/${target.id}/sessions`, { ip: '203.0.113.8', country: 'US' });
    expect(await handler.verify?.(target, {}, null, outcome, context)).toMatchObject({ says: 'holds' });
  });

  it('says foreign when somebody else ended the sessions', async () => {
    const target = await newUser({ sessions: [{ ip: '203.0.113.7', country: 'US' }] });
    const handler = bed.handler('FULL_SESSION_KILL');
    const context = contextOf();
    const prior = (await handler.observe?.(target, {}, context)) ?? null;
    await bed.raw('DELETE', `/users/${target.id}/sessions`);
    expect(await handler.verify?.(target, {}, prior, null, context)).toMatchObject({ says: 'foreign' });
  });
});

describe('SELECTIVE_TOKEN_REVOKE', () => {
  it('takes the suspicious session and leaves the one on the trusted device', async () => {
    const sessions = [
      { ip: '198.51.100.1', country: 'DE', deviceId: 'laptop' },
      { ip: '203.0.113.7', country: 'US' },
    ];
    const target = await newUser({ devices: ['laptop'], sessions });
    await bed.handler('SELECTIVE_TOKEN_REVOKE').perform(target, {}, null, contextOf());
    expect((await userNow(target))['sessions']).toMatchObject([{ ip: '198.51.100.1' }]);
    await bed.handler('SELECTIVE_TOKEN_REVOKE').perform(target, { ip: '198.51.100.1' }, null, contextOf());
    expect(await userNow(target)).toMatchObject({ sessions: [], tokens: [] });
  });
});

describe('GEO_LOCK and ENHANCED_LOGGING', () => {
  it('locks to the home country when none is named, and keeps others out', async () => {
    const target = await newUser({ homeCountry: 'NL' });
    await bed.handler('GEO_LOCK').perform(target, {}, null, contextOf());
    const signIn = (country: string) => bed.raw('POST', `/users/${target.id}/sessions`, { ip: '203.0.113.9', country });
    expect(await signIn('US')).toMatchObject({ status: 403, body: { error: { code: 'country_locked' } } });
    expect((await signIn('NL')).status).toBe(200);
  });

  it('puts a former lock of somebody else back, with its owner', async () => {
    const target = await newUser();
    await bed.raw(
      'PUT',
      `/users/${target.id}/geo-lock`,
      { allowedCountries: ['FR', 'DE'] },
      { 'idempotency-key': 'theirs' },
    );
    const handler = bed.handler('GEO_LOCK');
    const parameters = { allowedCountries: ['DE'] };
    const context = contextOf();
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    expect(await handler.verify?.(target, parameters, prior, null, context)).toMatchObject({ says: 'absent' });
    const outcome = await handler.perform(target, parameters, prior, context);
    expect((await userNow(target))['geoLock']).toMatchObject({ allowedCountries: ['DE'] });
    const undo = undoOf(context.effectKey);
    expect(await handler.undo?.(target, parameters, prior, outcome, undo)).toMatchObject({ result: 'restored' });
    expect((await userNow(target))['geoLock']).toMatchObject({ allowedCountries: ['DE', 'FR'], owner: 'theirs' });
    expect(await handler.undo?.(target, parameters, prior, outcome, undo)).toMatchObject({ result: 'restored' });
  });

  it('counts as restored when it has ended by itself', async () => {
    const target = await newUser();
    const handler = bed.handler('ENHANCED_LOGGING');
    const parameters = { expirationMinutes: '30' };
    const context = contextOf();
    const outcome = await handler.perform(target, parameters, null, context);
    expect((await userNow(target))['loggingLevel']).toBe('enhanced');
    await advance(30 * MINUTE_MS);
    expect((await userNow(target))['loggingLevel']).toBe('standard');
    expect(await handler.undo?.(target, parameters, null, outcome, undoOf(context.effectKey))).toMatchObject({
      result: 'restored',
    });
  });
});

describe('ACTION_BLOCK', () => {
  it('takes the grant away, makes the others ineffective, and gives the grant back on undo', async () => {
    const target = await newUser({ privileges: ['audit.read', 'user.admin'] });
    const handler = bed.handler('ACTION_BLOCK');
    const parameters = { privilege: 'user.admin' };
    const context = contextOf();
    const prior = (await handler.observe?.(target, parameters, context)) ?? null;
    const outcome = await handler.perform(target, parameters, prior, context);
    expect((await userNow(target))['privileges']).toMatchObject([{ name: 'audit.read', effective: false }]);
    const again = await bed.raw('POST', `/users/${target.id}/privileges`, { name: 'user.admin', grantedBy: 'x' });
    expect(again.status).toBe(409);
    await handler.undo?.(target, parameters, prior, outcome, undoOf(context.effectKey));
    expect((await userNow(target))['privileges']).toMatchObject([
      { name: 'audit.read', effective: true },
      { name: 'user.admin', effective: true },
    ]);
  });
});

describe('IPBLACKLIST_ADD and IPWHITELIST_ADD', () => {
  const deny = (id: string, parameters: object = {}) =>
    bed.handler('IPBLACKLIST_ADD').perform({ type: 'ip', id }, parameters, null, contextOf());

  it.each([
    '10.0.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '240.0.0.1',
    '0.0.0.0',
    '::1',
    'fe80::1',
    'fd00::1',
  ])('never blocks %s', async (address) => {
    await expect(deny(address)).rejects.toMatchObject({
      code: 'address_refused',
      retryable: false,
      resultUnknown: false,
    });
  });

  it.each([
    '010.1.1.1',
    '0x08080808',
    '134744072',
    '8.8.8',
    '2001:4860::8888 ',
    '2001:4860:0::8888',
    '2A00::1',
    'evil',
    '8.8.8.8/0',
  ])('never blocks %s, which is not the usual form of an address', async (address) => {
    await expect(deny(address)).rejects.toMatchObject({ code: 'invalid_address' });
  });

  it('never blocks an address that the event did not write plainly, also as a template delivers the flag', async () => {
    await expect(deny('8.8.8.8', { ipNormalised: true })).rejects.toMatchObject({ code: 'normalised_address' });
    await expect(deny('8.8.8.8', { ipNormalised: 'true' })).rejects.toMatchObject({ code: 'normalised_address' });
    await expect(deny('8.8.8.8', { ipNormalised: 'perhaps' })).rejects.toMatchObject({ code: 'invalid_parameters' });
  });

  it('stops sign-ins until it ends by itself', async () => {
    const target = await newUser();
    const signIn = () => bed.raw('POST', `/users/${target.id}/sessions`, { ip: '203.0.113.50', country: 'US' });
    const handler = bed.handler('IPBLACKLIST_ADD');
    const ip: ActionTarget = { type: 'ip', id: '203.0.113.50' };
    const outcome = await handler.perform(ip, { expirationMinutes: 60 }, null, contextOf());
    expect(await signIn()).toMatchObject({ status: 403, body: { error: { code: 'ip_denied' } } });
    await advance(60 * MINUTE_MS);
    expect((await signIn()).status).toBe(200);
    expect(await handler.undo?.(ip, {}, null, outcome, contextOf())).toMatchObject({ result: 'restored' });
  });

  it('does not rely on an entry of somebody else that ends too early', async () => {
    const ip: ActionTarget = { type: 'ip', id: '203.0.113.51' };
    const handler = bed.handler('IPBLACKLIST_ADD');
    await handler.perform(ip, { expirationMinutes: 10 }, null, contextOf());
    const context = contextOf();
    expect(await handler.perform(ip, { expirationMinutes: 60 }, null, context)).toMatchObject({ changed: true });
    expect(await handler.verify?.(ip, {}, null, null, context)).toMatchObject({ says: 'holds' });
  });

  it('loses no entry when two connectors write at the same time', async () => {
    const other = sandboxHandlers({ baseUrl: bed.url(), token: bed.token, http: bed.http() });
    const second = other.find(({ declaration }) => declaration.type === 'IPBLACKLIST_ADD');
    const ids = Array.from({ length: 20 }, (_, index) => `203.0.113.${100 + index}`);
    await Promise.all(
      ids.map(async (id, index) => {
        const handler = index % 2 === 0 ? second : bed.handler('IPBLACKLIST_ADD');
        await handler?.perform({ type: 'ip', id }, {}, null, contextOf());
      }),
    );
    const { body } = await bed.raw('GET', '/ip-list');
    const listed = (body['entries'] as { ip: string }[]).map((entry) => entry.ip);
    expect(ids.filter((id) => !listed.includes(id))).toEqual([]);
  });
});

describe('hostile input', () => {
  it('makes one line of a title with line breaks, and cuts a long one', async () => {
    const target = await newUser();
    const title = `Hello\r\nBcc: everybody@example.test\u2028${'x'.repeat(3_000)}`;
    await bed.handler('USER_NOTIFICATION').perform(target, { title, sendEmail: 'true' }, null, contextOf());
    const { body } = await bed.raw('GET', `/mailboxes/${target.id}@sandbox.test/messages`);
    const [message] = body['messages'] as { subject: string }[];
    expect(message?.subject).toMatch(/^Hello Bcc: everybody@example\.test x+$/);
    expect(message?.subject.length).toBeLessThanOrEqual(200);
  });

  it('sends the notice even when nothing readable is left of its title', async () => {
    const target = await newUser();
    const title = '\u0000\r\n\u001b';
    const parameters = { title, message: `\ud800${'m'.repeat(20_000)}` };
    await bed.handler('USER_NOTIFICATION').perform(target, parameters, null, contextOf());
    const { body } = await bed.raw('GET', `/mailboxes/${target.id}@sandbox.test/messages`);
    expect(body['messages']).toMatchObject([{ subject: '(no title)' }]);
  });

  it.each(['..', '.', '\ud800'])('refuses the user id %j, which a URL would swallow', async (id) => {
    const call = bed.handler('ACCOUNT_SUSPEND').perform({ type: 'user', id }, {}, null, contextOf());
    await expect(call).rejects.toMatchObject({ code: 'invalid_target', resultUnknown: false });
  });

  it.each(['../ledger', 'a/b', '%2e%2e', '__proto__', 'constructor', 'nobody?x=1', 'jürgen'])(
    'names %s as an unknown user and touches nothing else',
    async (id) => {
      const call = bed.handler('FULL_SESSION_KILL').perform({ type: 'user', id }, {}, null, contextOf());
      await expect(call).rejects.toMatchObject({ code: 'user_not_found', retryable: false, resultUnknown: false });
    },
  );

  it('takes an unknown shape of a reply for an error, not for a success', async () => {
    const server = createServer((_request, response) => response.end('{"done":true}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const host = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const http = safeHttp({ allow: [host] });
    try {
      const handlers = sandboxHandlers({ baseUrl: `http://${host}`, token: 'x', http });
      const kill = handlers.find(({ declaration }) => declaration.type === 'FULL_SESSION_KILL');
      const target: ActionTarget = { type: 'user', id: 'anna' };
      await expect(kill?.perform(target, {}, null, contextOf())).rejects.toMatchObject({
        code: 'unexpected_reply',
        resultUnknown: true,
      });
      await expect(kill?.observe?.(target, {}, contextOf())).rejects.toMatchObject({ resultUnknown: false });
    } finally {
      await http.close();
      server.close();
    }
  });
});
