import { describe, expect, it } from 'vitest';
import { harness } from './fake-services.ts';

const PROXY = '10.1.2.3';
const LIMITS = { requestsPerMinute: 1_000, ingestPerMinute: 1_000, failuresPerMinute: 2 };

/** Fails with a wrong key: 401 as long as the address has failures left, then 429. */
async function door(trustedProxies: readonly string[]) {
  const { server } = await harness(undefined, { trustedProxies, rateLimits: LIMITS });
  return async (remoteAddress: string, forwarded?: string): Promise<number> => {
    const headers = {
      authorization: 'Bearer fbk_wrong',
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    };
    return (await server.inject({ method: 'GET', url: '/api/incidents', remoteAddress, headers })).statusCode;
  };
}

describe('where a request came from', () => {
  it('is what a trusted proxy says: who fails behind it locks out nobody else', async () => {
    const knock = await door([PROXY]);
    const [first, second] = ['198.51.100.1', '198.51.100.2'];
    for (const status of [401, 401, 429]) expect(await knock(PROXY, first)).toBe(status);
    expect(await knock(PROXY, second)).toBe(401);
  });

  it('is the other end of the connection where that is not trusted, whatever it says', async () => {
    const knock = await door([PROXY]);
    const stranger = '203.0.113.9';
    for (const status of [401, 401, 429]) expect(await knock(stranger, `198.51.100.${status}`)).toBe(status);
    expect(await knock('203.0.113.10')).toBe(401);
  });

  it('is what the proxy added, not what its client had written before', async () => {
    const knock = await door([`${PROXY}/32`]);
    for (const [index, status] of [401, 401, 429].entries())
      expect(await knock(PROXY, `192.0.2.${index}, 198.51.100.1`)).toBe(status);
  });

  it.each(['unknown', '<script>', '198.51.100.1:4711', ''])('is the proxy when it says %j', async (said) => {
    const knock = await door([PROXY]);
    for (const status of [401, 401, 429]) expect(await knock(PROXY, said)).toBe(status);
    expect(await knock(PROXY, '198.51.100.1')).toBe(401);
  });

  it('is counted for the whole network that one IPv6 host has', async () => {
    const knock = await door([]);
    for (const [index, status] of [401, 401, 429].entries()) expect(await knock(`2001:db8:1:2::${index}`)).toBe(status);
    expect(await knock('2001:db8:1:3::1')).toBe(401);
  });

  it('is nobody else without proxies', async () => {
    const knock = await door([]);
    for (const [index, status] of [401, 401, 429].entries())
      expect(await knock('127.0.0.1', `198.51.100.${index}`)).toBe(status);
  });
});
