import { describe, expect, it } from 'vitest';
import { FLOW_LIFETIME_MS, openedFlow, sealedFlow, type Flow } from './flow.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const KEY = Buffer.from('one key');
const FLOW: Flow = { state: 's', nonce: 'n', codeVerifier: 'v', to: '/approvals', startedAt: NOW };

describe('the flow in a cookie', () => {
  const cookie = sealedFlow(FLOW, KEY);
  it('is what was sealed, for ten minutes', () => {
    expect(openedFlow(cookie, KEY, NOW)).toEqual(FLOW);
    expect(openedFlow(cookie, KEY, NOW + FLOW_LIFETIME_MS - 1)).toEqual(FLOW);
    expect(openedFlow(cookie, KEY, NOW + FLOW_LIFETIME_MS)).toBeNull();
    expect(openedFlow(cookie, KEY, NOW - 1)).toBeNull();
  });

  it('is nothing when it is missing, altered, cut, or sealed with another key', () => {
    const other = sealedFlow({ ...FLOW, to: '/approvals/apr_1' }, KEY);
    const [body = ''] = other.split('.');
    const [, mac = ''] = cookie.split('.');
    for (const wrong of [undefined, '', '.', 'x.y', cookie.slice(0, -1), `${cookie}.x`, `${body}.${mac}`, body])
      expect(openedFlow(wrong, KEY, NOW)).toBeNull();
    expect(openedFlow(cookie, Buffer.from('another key'), NOW)).toBeNull();
  });
});
