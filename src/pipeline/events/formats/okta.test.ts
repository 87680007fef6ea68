import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the vendor's field names; not recorded from a live service.
const ALICE = { id: '00uALICE', type: 'User', alternateId: 'Alice@acme.example', displayName: 'Alice A.' };
const ADMIN = { id: '00uADMIN', type: 'User', alternateId: 'root@acme.example', displayName: 'Root' };

function okta(eventType: string, changes: Record<string, unknown> = {}) {
  return {
    uuid: 'dc9fd3c0-0001',
    published: RECENT,
    eventType,
    displayMessage: 'made by hand',
    actor: ALICE,
    client: {
      ipAddress: '8.8.4.4',
      userAgent: { rawUserAgent: 'Mozilla/5.0', os: 'Mac OS X' },
      geographicalContext: { city: 'Paris', country: 'France', geolocation: { lat: 48.85, lon: 2.35 } },
    },
    authenticationContext: { externalSessionId: 'idxSESSION' },
    securityContext: { asNumber: 64500, isProxy: false },
    debugContext: { debugData: { dtHash: 'f00d', risk: '{level=HIGH, reasons=New Device}', threatSuspected: 'false' } },
    outcome: { result: 'SUCCESS', reason: null },
    transaction: { type: 'WEB', id: 'tx1' },
    target: [],
    ...changes,
  };
}

const failure = (reason: string) => ({ outcome: { result: 'FAILURE', reason } });
const administrative = (...target: unknown[]) => ({ actor: ADMIN, target });
const factor = (name: string) => ({ debugContext: { debugData: { factor: name } } });

describe('okta', () => {
  it('maps a sign-in completely', () => {
    const event = eventOf(
      'okta',
      okta('user.session.start', { request: { ipChain: [{ ip: '8.8.4.4' }, { ip: '::ffff:10.0.0.1' }, { ip: 'x' }] } }),
    );
    expect(event).toEqual({
      id: 'dc9fd3c0-0001',
      weakId: false,
      source: 'test:acme',
      mapping: 'okta/1',
      time: RECENT_MS,
      receivedAt: event.receivedAt,
      timeQuality: 'event',
      kind: 'login',
      action: 'user.session.start',
      outcome: 'success',
      subject: { type: 'user', id: 'alice@acme.example', name: 'Alice A.' },
      actor: { id: 'alice@acme.example', name: 'Alice A.', type: 'User' },
      ip: '8.8.4.4',
      ipClass: 'public',
      ipNormalised: false,
      asn: 64500,
      proxy: false,
      geo: { latMicro: 48_850_000, lonMicro: 2_350_000, radiusM: 20_000, country: null, city: 'Paris', from: 'event' },
      userAgent: 'Mozilla/5.0',
      device: { id: 'f00d', fingerprint: 'f00d' },
      session: 'idxSESSION',
      mfa: null,
      target: null,
      risk: 75,
      attributes: {
        correlationId: 'tx1',
        providerUserId: '00uALICE',
        countryName: 'France',
        suspicious: false,
        ipChain: ['8.8.4.4', '10.0.0.1'],
      },
      rawHash: event.rawHash,
    });
  });

  it.each([
    ['user.session.start', failure('INVALID_CREDENTIALS'), 'login', 'failure'],
    ['user.session.start', { outcome: { result: 'DENY' } }, 'login', 'denied'],
    ['user.session.start', { outcome: { result: 'NEWLY_INVENTED' } }, 'login', 'unknown'],
    ['user.session.start', { outcome: null }, 'login', 'unknown'],
    ['user.authentication.auth_via_mfa', failure('INVALID_CREDENTIALS'), 'mfa_result', 'failure'],
    ['user.authentication.auth_via_mfa', failure('FastPass declined phishing attempt'), 'mfa_result', 'denied'],
    ['user.authentication.auth_via_mfa', { outcome: { result: 'UNANSWERED' } }, 'mfa_result', 'unanswered'],
    ['user.authentication.auth_via_mfa', { outcome: { result: 'ABANDONED' } }, 'mfa_result', 'unanswered'],
    ['user.authentication.auth_via_mfa', {}, 'mfa_result', 'success'],
    ['user.mfa.okta_verify.deny_push', {}, 'mfa_result', 'denied'],
    ['system.push.send_factor_verify_push', {}, 'mfa_prompt', 'challenge'],
    ['system.sms.send_factor_verify_message', failure('no number'), 'mfa_prompt', 'failure'],
    [
      'user.authentication.auth_via_mfa',
      { ...failure('INVALID_CREDENTIALS'), ...factor('PASSWORD_AS_FACTOR') },
      'login',
      'failure',
    ],
    ['user.authentication.auth_via_mfa', factor('PASSWORD_AS_FACTOR'), 'other', 'success'],
    ['user.session.end', {}, 'logout', 'success'],
    ['newly.invented.type', {}, 'other', 'success'],
  ])('%s %j is %s, %s', (eventType, changes, kind, outcome) => {
    expect(eventOf('okta', okta(eventType, changes))).toMatchObject({
      kind,
      outcome,
      subject: { id: 'alice@acme.example' },
    });
  });

  it('names the factor', () => {
    expect(eventOf('okta', okta('user.authentication.auth_via_mfa', factor('GOOGLE_TOTP'))).mfa).toEqual({
      factor: 'GOOGLE_TOTP',
    });
    expect(eventOf('okta', okta('user.mfa.okta_verify.deny_push')).mfa).toEqual({ factor: 'OKTA_VERIFY_PUSH' });
  });

  it.each([
    ['user.mfa.factor.deactivate', 'mfa_change', 'remove'],
    ['user.mfa.factor.reset_all', 'mfa_change', 'reset'],
    ['user.mfa.factor.activate', 'mfa_change', 'add'],
    ['user.account.reset_password', 'password_change', undefined],
    ['user.account.privilege.grant', 'privilege_change', 'grant'],
    ['user.account.privilege.revoke', 'privilege_change', 'revoke'],
    ['user.lifecycle.suspend', 'other', undefined],
  ])('%s concerns the user, not the administrator', (eventType, kind, change) => {
    const event = eventOf('okta', okta(eventType, administrative(ALICE)));
    expect(event).toMatchObject({ kind, subject: { id: 'alice@acme.example' }, actor: { id: 'root@acme.example' } });
    expect(event.attributes).toMatchObject({ providerUserId: '00uALICE' });
    expect(event.attributes['change']).toBe(change);
  });

  it('blames nobody when a factor was removed and the user is not named', () => {
    expect(eventOf('okta', okta('user.mfa.factor.reset_all', administrative())).subject).toBeNull();
  });

  it('names the role or group that was granted', () => {
    const debugContext = { debugData: { privilegeGranted: 'Super administrator' } };
    const toUser = eventOf('okta', okta('user.account.privilege.grant', { ...administrative(ALICE), debugContext }));
    expect(toUser.target).toEqual({ type: 'role', id: 'Super administrator', name: 'Super administrator' });
    const group = { id: '00g1', type: 'UserGroup', displayName: 'Helpdesk', alternateId: 'unknown' };
    const toGroup = eventOf('okta', okta('group.privilege.grant', { ...administrative(group), debugContext }));
    expect(toGroup.subject).toBeNull();
    expect(toGroup).toMatchObject({ target: { id: 'Super administrator' }, attributes: { grantee: 'Helpdesk' } });
    const member = eventOf('okta', okta('group.user_membership.add', administrative(group, ALICE)));
    expect(member).toMatchObject({
      kind: 'privilege_change',
      subject: { id: 'alice@acme.example' },
      target: { type: 'UserGroup', id: '00g1' },
    });
  });

  it('shows a grant to oneself: actor and subject have the same id', () => {
    const event = eventOf(
      'okta',
      okta('user.account.privilege.grant', { actor: { ...ALICE, alternateId: 'ALICE@ACME.example' }, target: [ALICE] }),
    );
    expect(event.actor?.id).toBe(event.subject?.id);
  });

  it('keeps tokens, log streams and exports with the one who acted', () => {
    const token = { id: '00T1', type: 'Token', displayName: 'ci', alternateId: 'unknown' };
    expect(eventOf('okta', okta('system.api_token.create', administrative(token)))).toMatchObject({
      kind: 'token_create',
      subject: { id: 'root@acme.example' },
      target: { type: 'Token', id: '00T1', name: 'ci' },
    });
    const stream = { id: 'ls1', type: 'LogStream', displayName: 'to-siem' };
    for (const [verb, change] of [
      ['deactivate', 'disable'],
      ['delete', 'delete'],
      ['update', 'modify'],
    ] as const) {
      expect(eventOf('okta', okta(`system.log_stream.lifecycle.${verb}`, administrative(stream)))).toMatchObject({
        kind: 'logging_change',
        target: { id: 'ls1' },
        attributes: { change },
      });
    }
    expect(eventOf('okta', okta('analytics.reports.export.download')).kind).toBe('data_export');
  });

  it('makes an alert about an address when there is no user', () => {
    const actor = { id: '8.8.4.4', type: 'IP address', alternateId: 'unknown', displayName: '8.8.4.4' };
    const event = eventOf(
      'okta',
      okta('security.threat.detected', { actor, outcome: { result: 'DENY', reason: 'Login failures' } }),
    );
    expect(event).toMatchObject({
      kind: 'alert',
      severity: 'MEDIUM',
      outcome: 'denied',
      subject: { type: 'ip', id: '8.8.4.4' },
    });
  });

  it('takes no system principal for a person', () => {
    const actor = { id: 'okta', type: 'SystemPrincipal', alternateId: 'system@okta.com' };
    expect(eventOf('okta', okta('group.privilege.grant', { actor })).subject).toBeNull();
    expect(eventOf('okta', okta('user.session.start', { actor, target: [ALICE] })).subject?.id).toBe(
      'alice@acme.example',
    );
    expect(
      eventOf('okta', okta('user.session.start', { actor: { ...ALICE, alternateId: 'unknown' } })).subject?.id,
    ).toBe('00ualice');
  });

  it('refuses what has no eventType', () => {
    expect(normalised('okta', { uuid: 'x' })).toMatchObject({
      ok: false,
      code: 'missing_field',
      pointer: '/eventType',
    });
  });
});
