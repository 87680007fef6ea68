import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the OCSF schema; real pairs are read in corpora.test.ts.
function ocsf(classUid: number, activityId: number, changes: Record<string, unknown> = {}) {
  return {
    class_uid: classUid,
    activity_id: activityId,
    type_name: `Class ${classUid}: ${activityId}`,
    time: RECENT_MS,
    status_id: 1,
    metadata: { uid: 'ocsf-1', version: '1.3.0', product: { name: 'IdP' } },
    user: { uid: 'u-1', name: 'Frank F.', email_addr: 'Frank@acme.example' },
    src_endpoint: {
      ip: '8.8.8.8',
      autonomous_system: { number: 64500 },
      location: { lat: 52.5, long: 13.4, country: 'DE', city: 'Berlin' },
    },
    actor: { user: { uid: 'u-9', email_addr: 'Admin@acme.example' }, session: { uid: 's-1' } },
    http_request: { user_agent: 'curl' },
    ...changes,
  };
}

describe('ocsf', () => {
  it('maps an authentication, and from it the class fields can be told again', () => {
    const given = ocsf(3002, 1, { session: { uid: 's-2' }, device: { uid: 'd-1' } });
    const event = eventOf('ocsf', given);
    expect(event).toMatchObject({
      id: 'ocsf-1',
      mapping: 'ocsf/1',
      time: RECENT_MS,
      kind: 'login',
      outcome: 'success',
      subject: { type: 'user', id: 'frank@acme.example', name: 'Frank F.' },
      asn: 64500,
      geo: { latMicro: 52_500_000, lonMicro: 13_400_000, country: 'DE', city: 'Berlin' },
      session: 's-2',
      device: { id: 'd-1' },
      userAgent: 'curl',
    });
    const back = {
      class_uid: event.attributes['classUid'],
      time: event.time,
      status_id: event.outcome === 'success' ? 1 : 2,
      metadata: { uid: event.id },
      src_endpoint: {
        ip: event.ip,
        location: { lat: Number(event.geo?.latMicro) / 1e6, long: Number(event.geo?.lonMicro) / 1e6 },
      },
      user: { uid: event.attributes['providerUserId'] },
    };
    expect(given).toMatchObject(back);
  });

  it.each([
    [3001, 3, 'password_change', 'modify'],
    [3001, 4, 'password_change', 'reset'],
    [3001, 7, 'privilege_change', 'grant'],
    [3001, 8, 'privilege_change', 'revoke'],
    [3001, 10, 'mfa_change', 'add'],
    [3001, 11, 'mfa_change', 'remove'],
    [3001, 9, 'other', 'disable'],
    [3005, 1, 'privilege_change', 'grant'],
    [3005, 2, 'privilege_change', 'revoke'],
    [3006, 3, 'privilege_change', 'grant'],
    [3006, 4, 'privilege_change', 'revoke'],
    [3001, 99, 'other', undefined],
    [6003, 1, 'other', undefined],
  ])('class %s activity %s is %s', (classUid, activityId, kind, change) => {
    const event = eventOf('ocsf', ocsf(classUid, activityId));
    expect(event).toMatchObject({ kind, subject: { id: 'frank@acme.example' }, actor: { id: 'admin@acme.example' } });
    expect(event.attributes['change']).toBe(change);
  });

  it('says outcomes by id or by word, and unknown otherwise', () => {
    expect(eventOf('ocsf', ocsf(3002, 1, { status_id: 2 })).outcome).toBe('failure');
    expect(eventOf('ocsf', ocsf(3002, 1, { status_id: undefined, status: 'Failure' })).outcome).toBe('failure');
    expect(eventOf('ocsf', ocsf(3002, 1, { status_id: 99 })).outcome).toBe('unknown');
    expect(eventOf('ocsf', ocsf(3002, 1, { status_id: undefined })).outcome).toBe('unknown');
  });

  it('takes a failed logon with MFA for a failed factor', () => {
    expect(
      eventOf(
        'ocsf',
        ocsf(3002, 1, { status_id: 2, is_mfa: true, auth_factors: [{ factor_type: 'Push Notification' }] }),
      ),
    ).toMatchObject({
      kind: 'mfa_result',
      outcome: 'failure',
      mfa: { factor: 'Push Notification' },
    });
    expect(eventOf('ocsf', ocsf(3002, 2)).kind).toBe('logout');
  });

  it('does not believe a time in seconds, and takes time_dt instead', () => {
    expect(eventOf('ocsf', ocsf(3002, 1, { time: RECENT_MS / 1000, time_dt: RECENT }))).toMatchObject({
      time: RECENT_MS,
      timeQuality: 'event',
    });
    expect(eventOf('ocsf', ocsf(3002, 1, { time: RECENT_MS / 1000 }))).toMatchObject({
      timeQuality: 'ingest',
      claimedTime: String(RECENT_MS / 1000),
    });
  });

  it('never blames the actor of a change for the account concerned', () => {
    expect(eventOf('ocsf', ocsf(3001, 11, { user: undefined })).subject).toBeNull();
    expect(eventOf('ocsf', ocsf(3005, 1, { user: undefined })).subject).toBeNull();
    expect(eventOf('ocsf', ocsf(3002, 1, { user: undefined })).subject?.id).toBe('admin@acme.example');
  });

  it('prefers what names one account: address, ARN, id, name', () => {
    const id = (user: unknown) => eventOf('ocsf', ocsf(3002, 1, { user })).subject?.id;
    expect(id({ uid: 'arn:aws:iam::1:user/Zoe', name: 'Zoe' })).toBe('arn:aws:iam::1:user/zoe');
    expect(id({ uid: 'S-1-5-21', name: 'zoe@acme.example' })).toBe('zoe@acme.example');
    expect(id({ uid: 'S-1-5-21', name: 'Zoe Z.' })).toBe('s-1-5-21');
    expect(id({ name: 'Zoe' })).toBe('zoe');
  });

  it('names the group, the policy or the privilege', () => {
    expect(eventOf('ocsf', ocsf(3006, 3, { group: { uid: 'g-1', name: 'Admins' } })).target).toEqual({
      type: 'group',
      id: 'g-1',
      name: 'Admins',
    });
    expect(eventOf('ocsf', ocsf(3001, 7, { policy: { name: 'root' } })).target).toMatchObject({
      type: 'policy',
      id: 'root',
    });
    expect(eventOf('ocsf', ocsf(3005, 1, { privileges: ['SeDebugPrivilege'] })).target).toEqual({
      type: 'privilege',
      id: 'SeDebugPrivilege',
    });
  });

  it.each([
    [0, 'LOW'],
    [2, 'LOW'],
    [3, 'MEDIUM'],
    [4, 'HIGH'],
    [5, 'CRITICAL'],
    [6, 'CRITICAL'],
  ])('makes an alert of a finding: severity %s is %s', (severityId, severity) => {
    const evidences = [{ src_endpoint: { ip: '8.8.4.4' } }];
    const finding = ocsf(2004, 1, {
      severity_id: severityId,
      user: undefined,
      actor: undefined,
      src_endpoint: undefined,
      evidences,
    });
    expect(eventOf('ocsf', finding)).toMatchObject({
      kind: 'alert',
      severity,
      subject: { type: 'ip', id: '8.8.4.4' },
      ip: '8.8.4.4',
    });
  });

  it('refuses what has no class', () => {
    expect(normalised('ocsf', { metadata: {} })).toMatchObject({ ok: false, pointer: '/class_uid' });
  });
});
