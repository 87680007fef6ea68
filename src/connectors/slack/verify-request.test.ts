import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_REQUEST_AGE_MS, verifySlackRequest, type SignedRequest } from './verify-request.ts';

/** The example of Slack's page "Verifying requests from Slack". */
const DOCUMENTED: SignedRequest = {
  secret: '8f742231b10e8888abcd99yyyzzz85a5',
  timestamp: '1531420618',
  signature: 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
  rawBody:
    'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
  now: 1_531_420_618_000,
};

describe('verifySlackRequest', () => {
  it("takes Slack's own example", () => {
    expect(verifySlackRequest(DOCUMENTED)).toBe('ok');
    expect(verifySlackRequest({ ...DOCUMENTED, rawBody: Buffer.from(String(DOCUMENTED.rawBody)) })).toBe('ok');
  });

  it('takes it for five minutes, both ways', () => {
    const at = (offset: number) => verifySlackRequest({ ...DOCUMENTED, now: DOCUMENTED.now + offset });
    expect([at(MAX_REQUEST_AGE_MS), at(-MAX_REQUEST_AGE_MS)]).toEqual(['ok', 'ok']);
    expect([at(MAX_REQUEST_AGE_MS + 1), at(-MAX_REQUEST_AGE_MS - 1)]).toEqual(['stale', 'stale']);
    expect(MAX_REQUEST_AGE_MS).toBe(300_000);
  });

  it.each([
    ['another body', { rawBody: `${String(DOCUMENTED.rawBody)}&x=1` }],
    ['another time', { timestamp: '1531420619' }],
    ['another secret', { secret: 'another' }],
    ['no time', { timestamp: undefined }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: '' }],
    ['a signature in upper case', { signature: DOCUMENTED.signature?.toUpperCase() }],
    ['another version', { signature: DOCUMENTED.signature?.replace('v0', 'v1') }],
    ['half a signature', { signature: DOCUMENTED.signature?.slice(0, 35) }],
    ['two signatures', { signature: `${DOCUMENTED.signature},${DOCUMENTED.signature}` }],
    ['a time that is no number', { timestamp: '1531420618.0' }],
    ['a time with a sign', { timestamp: '+1531420618' }],
    ['a time of too many digits', { timestamp: '9'.repeat(13) }],
  ])('calls it forged with %s', (_, changes) => {
    expect(verifySlackRequest({ ...DOCUMENTED, ...changes })).toBe('forged');
  });

  it('takes nothing without a secret, not even what is signed with none', () => {
    const signature = `v0=${createHmac('sha256', '').update(`v0:${DOCUMENTED.timestamp}:x=1`).digest('hex')}`;
    expect(verifySlackRequest({ ...DOCUMENTED, secret: '', signature, rawBody: 'x=1' })).toBe('forged');
  });

  it('never says more than forged of what is not signed, however old it is', () => {
    expect(verifySlackRequest({ ...DOCUMENTED, signature: `v0=${'0'.repeat(64)}`, now: 0 })).toBe('forged');
  });

  it('does not let time and body change places', () => {
    const sign = (base: string) => `v0=${createHmac('sha256', 's').update(base).digest('hex')}`;
    const signature = sign('v0:15314206:18:x=1');
    expect(
      verifySlackRequest({ secret: 's', timestamp: '15314206', signature, rawBody: '18:x=1', now: 15_314_206_000 }),
    ).toBe('ok');
    expect(
      verifySlackRequest({ secret: 's', timestamp: '15314206:18', signature, rawBody: 'x=1', now: 15_314_206_000 }),
    ).toBe('forged');
  });

  it('takes no request with one character changed, and never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (timestamp, signature, rawBody) => {
        expect(verifySlackRequest({ secret: 's', timestamp, signature, rawBody, now: 0 })).toBe('forged');
      }),
    );
    const body = String(DOCUMENTED.rawBody);
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (index, character) => {
        fc.pre(body[index] !== character);
        const rawBody = body.slice(0, index) + character + body.slice(index + 1);
        expect(verifySlackRequest({ ...DOCUMENTED, rawBody })).toBe('forged');
      }),
    );
  });
});
