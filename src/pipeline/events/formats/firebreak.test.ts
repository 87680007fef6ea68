import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made; this is our own format.
const LOGIN = {
  id: 'evt-1',
  time: RECENT,
  kind: 'login',
  action: 'portal.login',
  outcome: 'failure',
  reason: 'bad password',
  subject: { type: 'user', id: 'Heidi@acme.example', name: 'Heidi H.' },
  actor: { id: 'heidi@ACME.example', type: 'person' },
  ip: '8.8.8.8',
  asn: 64500,
  proxy: false,
  geo: { lat: 48.85, lon: '2.35', country: 'fr', city: 'Paris', radiusM: 500 },
  userAgent: 'Firefox',
  device: { id: 'dev-1', fingerprint: 'ff' },
  session: 's-1',
  mfa: 'totp',
  target: { type: 'app', id: 'portal', name: 'Portal' },
  risk: 40,
};

describe('firebreak', () => {
  it('maps every member', () => {
    expect(eventOf('firebreak', LOGIN)).toMatchObject({
      id: 'evt-1',
      weakId: false,
      mapping: 'firebreak/1',
      time: RECENT_MS,
      timeQuality: 'event',
      kind: 'login',
      action: 'portal.login',
      outcome: 'failure',
      reason: 'bad password',
      subject: { type: 'user', id: 'heidi@acme.example', name: 'Heidi H.' },
      actor: { id: 'heidi@acme.example', type: 'person' },
      ip: '8.8.8.8',
      ipClass: 'public',
      asn: 64500,
      proxy: false,
      geo: { latMicro: 48_850_000, lonMicro: 2_350_000, radiusM: 500, country: 'FR', city: 'Paris', from: 'event' },
      userAgent: 'Firefox',
      device: { id: 'dev-1', fingerprint: 'ff' },
      session: 's-1',
      mfa: { factor: 'totp' },
      target: { type: 'app', id: 'portal', name: 'Portal' },
      risk: 40,
      attributes: {},
    });
  });

  it('takes the short forms', () => {
    expect(
      eventOf('firebreak', { kind: 'Login', time: RECENT_MS, subject: 'heidi', device: 'dev-1', target: 'portal' }),
    ).toMatchObject({
      time: RECENT_MS,
      kind: 'login',
      action: 'login',
      outcome: 'unknown',
      subject: { type: 'user', id: 'heidi' },
      device: { id: 'dev-1' },
      target: { type: 'unknown', id: 'portal' },
    });
  });

  it("takes the seeds' alerts: severity, host_id, segment_id, user_account, user_id", () => {
    const alert = {
      id: 'a-1',
      kind: 'alert',
      severity: 'critical',
      host_id: 'HOST-7',
      segment_id: 'seg-9',
      user_account: 'Svc-Backup',
      user_id: 'U42',
      score: 0.5,
    };
    expect(eventOf('firebreak', alert)).toMatchObject({
      kind: 'alert',
      severity: 'CRITICAL',
      subject: { type: 'user', id: 'svc-backup' },
      attributes: { host_id: 'HOST-7', segment_id: 'seg-9', user_account: 'Svc-Backup', user_id: 'U42', score: '0.5' },
    });
    expect(eventOf('firebreak', { kind: 'alert' })).toMatchObject({ severity: 'LOW', subject: null });
    expect(eventOf('firebreak', { kind: 'alert', host_id: 'HOST-7' }).subject).toEqual({ type: 'host', id: 'host-7' });
    expect(eventOf('firebreak', { kind: 'alert', segment_id: 7 }).subject).toEqual({ type: 'segment', id: '7' });
    expect(eventOf('firebreak', { kind: 'alert', ip: '008.8.8.8' }).subject).toEqual({ type: 'ip', id: '8.8.8.8' });
    expect(eventOf('firebreak', { kind: 'login', host_id: 'HOST-7' }).subject).toBeNull();
    expect(eventOf('firebreak', { kind: 'login', user_id: 42 }).subject).toEqual({ type: 'user', id: '42' });
  });

  it('keeps unknown scalars and declared attributes, and looks nothing up along a prototype', () => {
    const event = eventOf('firebreak', {
      kind: 'alert',
      team: 'blue',
      open: true,
      none: null,
      list: [1],
      attributes: { tags: ['a', 1], constructor: 'x' },
    });
    expect(event.attributes).toEqual({ tags: ['a', 1], constructor: 'x', team: 'blue', open: true });
    expect(event.attributes['toString']).toBeUndefined();
  });

  it.each([
    ['/kind', { kind: 'logon' }],
    ['/kind', { kind: undefined }],
    ['/kind', { kind: 7 }],
    ['/outcome', { outcome: 'maybe' }],
    ['/time', { time: true }],
    ['/subject', { subject: 7 }],
    ['/subject/id', { subject: { name: 'x' } }],
    ['/subject/id', { subject: { id: {} } }],
    ['/subject/type', { subject: { id: 'x', type: 'planet' } }],
    ['/actor', { actor: [] }],
    ['/ip', { ip: 123 }],
    ['/asn', { asn: 1.5 }],
    ['/asn', { asn: -1 }],
    ['/proxy', { proxy: 'no' }],
    ['/geo', { geo: 'Paris' }],
    ['/geo/lat', { geo: { lat: 'north', lon: 1 } }],
    ['/geo/radiusM', { geo: { lat: 1, lon: 1, radiusM: -5 } }],
    ['/userAgent', { userAgent: {} }],
    ['/device', { device: 1 }],
    ['/mfa', { mfa: true }],
    ['/severity', { severity: 'fatal' }],
    ['/risk', { risk: 101 }],
    ['/attributes', { attributes: [] }],
    ['/attributes/a~1b', { attributes: { 'a/b': { c: 1 } } }],
  ])('refuses a wrong member and points at %s', (pointer, changes) => {
    const result = normalised('firebreak', { ...LOGIN, ...changes });
    expect(result).toMatchObject({ ok: false, pointer });
    if (!result.ok) expect(result.reason).not.toBe('');
  });

  it('does not let a person make his own events be refused by their values', () => {
    const long = 'x'.repeat(5_000);
    const event = eventOf('firebreak', {
      ...LOGIN,
      ip: '1.2.3.4, 6.6.6.6',
      time: 'soon',
      userAgent: long,
      referer: long,
      geo: { lat: 999, lon: 1 },
    });
    expect(event).toMatchObject({ ip: null, timeQuality: 'ingest', claimedTime: 'soon', geo: null });
    expect(event.userAgent).toHaveLength(500);
    // Left out, not cut: half a name must not become a target.
    expect(event.attributes).toEqual({});
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]));
    expect(Object.keys(eventOf('firebreak', { ...many, kind: 'alert' }).attributes)).toHaveLength(64);
  });
});
