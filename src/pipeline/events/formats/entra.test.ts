import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the Microsoft Graph description; not recorded from a live service.
function signIn(errorCode: number | null, changes: Record<string, unknown> = {}) {
  return {
    id: '66ea54eb-0001',
    createdDateTime: '2026-03-02T08:30:00.1234567Z',
    userId: '11111111-aaaa',
    userPrincipalName: 'Bob@acme.example',
    userDisplayName: 'Bob B.',
    appDisplayName: 'Office 365',
    correlationId: 'corr-1',
    ipAddress: '2a00:1450::0001',
    isInteractive: true,
    location: { city: 'London', countryOrRegion: 'GB', geoCoordinates: { latitude: 51.5, longitude: -0.12 } },
    deviceDetail: { deviceId: 'dev-1', browser: 'Edge 120' },
    riskLevelDuringSignIn: 'medium',
    riskEventTypes_v2: ['unfamiliarFeatures'],
    status: { errorCode, failureReason: 'Other.', additionalDetails: null },
    ...changes,
  };
}

const mfa = (detail: string) =>
  signIn(500_121, {
    authenticationDetails: [
      { authenticationMethod: 'Password', succeeded: true, authenticationStepResultDetail: 'Correct password' },
      { authenticationMethod: 'Mobile app notification', succeeded: false, authenticationStepResultDetail: detail },
    ],
  });

describe('entra sign-in', () => {
  it('maps a sign-in', () => {
    expect(eventOf('entra', signIn(0))).toMatchObject({
      id: '66ea54eb-0001',
      mapping: 'entra/1',
      time: RECENT_MS + 123,
      timeQuality: 'event',
      kind: 'login',
      outcome: 'success',
      action: 'signIn',
      subject: { type: 'user', id: 'bob@acme.example', name: 'Bob B.' },
      ip: '2a00:1450::1',
      ipClass: 'public',
      geo: { latMicro: 51_500_000, lonMicro: -120_000, country: 'GB', city: 'London' },
      device: { id: 'dev-1' },
      session: null,
      risk: 50,
      attributes: {
        correlationId: 'corr-1',
        providerUserId: '11111111-aaaa',
        application: 'Office 365',
        riskEvents: ['unfamiliarFeatures'],
      },
    });
    expect(eventOf('entra', signIn(0, { isInteractive: false })).action).toBe('signIn.nonInteractive');
    expect(eventOf('entra', signIn(0, { sessionId: 's-1' })).session).toBe('s-1');
  });

  it.each([
    [50_126, 'failure'],
    [50_053, 'failure'],
    [50_034, 'failure'],
    [50_074, 'challenge'],
    [50_076, 'challenge'],
    [50_057, 'denied'],
    [53_003, 'denied'],
    [700_082, 'unknown'],
    [null, 'unknown'],
  ])('code %s is a sign-in that ended %s', (code, outcome) => {
    expect(eventOf('entra', signIn(code))).toMatchObject({ kind: 'login', outcome });
  });

  it.each([
    ['MFA denied; user declined the authentication', 'denied'],
    ['MFA denied; Phone App Reported Fraud', 'denied'],
    ['MFA denied; user did not respond to mobile app notification', 'unanswered'],
    ['MFA denied; invalid verification code', 'failure'],
    ['', 'failure'],
  ])('500121 with %j is a second factor that ended %s', (detail, outcome) => {
    expect(eventOf('entra', mfa(detail))).toMatchObject({
      kind: 'mfa_result',
      outcome,
      mfa: { factor: 'Mobile app notification' },
    });
  });

  it('finds a refused factor behind another code too', () => {
    const record = signIn(50_074, {
      status: { errorCode: 50_074, additionalDetails: 'MFA Denied; user declined the authentication' },
    });
    expect(eventOf('entra', record)).toMatchObject({ kind: 'mfa_result', outcome: 'denied' });
  });

  it('repeats the correlation id over the records of one sign-in, and never as the session', () => {
    const records = [
      signIn(50_074, { id: 'a' }),
      { ...mfa('MFA denied; user declined the authentication'), id: 'b' },
    ].map((each) => eventOf('entra', each));
    expect(records.map((each) => each.attributes['correlationId'])).toEqual(['corr-1', 'corr-1']);
    expect(records.map((each) => each.kind)).toEqual(['login', 'mfa_result']);
    expect(records.map((each) => each.session)).toEqual([null, null]);
  });

  it('opens Azure Monitor records', () => {
    expect(eventOf('entra', { category: 'SignInLogs', time: RECENT, properties: signIn(0) })).toMatchObject({
      kind: 'login',
      id: '66ea54eb-0001',
    });
    expect(eventOf(null, { category: 'AuditLogs', properties: audit('Add member to role') }).mapping).toBe('entra/1');
  });
});

const BOB = { type: 'User', id: '11111111-aaaa', userPrincipalName: 'bob@acme.example', displayName: 'Bob B.' };

function audit(activityDisplayName: string, changes: Record<string, unknown> = {}) {
  return {
    id: 'Directory_0001',
    activityDateTime: RECENT,
    activityDisplayName,
    category: 'RoleManagement',
    correlationId: 'corr-2',
    result: 'success',
    initiatedBy: { user: { id: '2222', userPrincipalName: 'Admin@acme.example', ipAddress: '8.8.8.8' }, app: null },
    targetResources: [BOB],
    ...changes,
  };
}

const modified = (displayName: string, newValue: string | null, oldValue: string | null = null) => ({
  targetResources: [{ ...BOB, modifiedProperties: [{ displayName, newValue, oldValue }] }],
});

describe('entra audit', () => {
  it('maps a role grant: the admin acted, the user is concerned, the role is the target', () => {
    const event = eventOf('entra', audit('Add member to role', modified('Role.DisplayName', '"Global Administrator"')));
    expect(event).toMatchObject({
      kind: 'privilege_change',
      outcome: 'success',
      ip: '8.8.8.8',
      actor: { id: 'admin@acme.example', type: 'User' },
      subject: { id: 'bob@acme.example', name: 'Bob B.' },
      target: { type: 'role', id: 'Global Administrator', name: 'Global Administrator' },
      attributes: { change: 'grant', correlationId: 'corr-2', category: 'RoleManagement' },
    });
  });

  it('reads the role that was taken away from the old value', () => {
    const event = eventOf(
      'entra',
      audit('Remove member from role', modified('Role.DisplayName', 'null', '"Helpdesk"')),
    );
    expect(event).toMatchObject({ target: { id: 'Helpdesk' }, attributes: { change: 'revoke' } });
  });

  it.each([
    ['Disable Strong Authentication', 'mfa_change', 'remove'],
    ['User deleted security info', 'mfa_change', 'remove'],
    ['User registered security info', 'mfa_change', 'add'],
    ['Reset user password', 'password_change', undefined],
    ['Update application – Certificates and secrets management', 'token_create', 'create'],
    ['Download users', 'data_export', undefined],
    ['Set federation settings on domain', 'privilege_change', 'modify'],
    ['Something new', 'other', undefined],
  ])('%s is %s', (name, kind, change) => {
    const event = eventOf('entra', audit(name));
    expect(event.kind).toBe(kind);
    expect(event.attributes['change']).toBe(change);
  });

  it('sees per-user MFA switched off in an ordinary update', () => {
    const off = '[{"State":0}]';
    expect(
      eventOf('entra', audit('Update user', modified('StrongAuthenticationRequirement', off))).attributes['change'],
    ).toBe('remove');
    expect(
      eventOf('entra', audit('Update user', modified('StrongAuthenticationRequirement', '[{"State":1}]'))).attributes[
        'change'
      ],
    ).toBe('modify');
    expect(eventOf('entra', audit('Update user', modified('Department', '"x"'))).kind).toBe('other');
  });

  it('never blames the administrator for a factor without a named user', () => {
    expect(eventOf('entra', audit('Disable Strong Authentication', { targetResources: [] })).subject).toBeNull();
    expect(eventOf('entra', audit('Set federation settings on domain', { targetResources: [] })).subject).toBeNull();
    expect(eventOf('entra', audit('Download users', { targetResources: [] })).subject?.id).toBe('admin@acme.example');
  });

  it('knows an application as the actor, and as the one that received a privilege', () => {
    const initiatedBy = { user: null, app: { appId: 'app-1', displayName: 'Sync' } };
    const targetResources = [{ type: 'ServicePrincipal', id: 'sp-1', displayName: 'Robot' }];
    expect(
      eventOf('entra', audit('Add app role assignment to service principal', { initiatedBy, targetResources })),
    ).toMatchObject({
      subject: null,
      actor: { id: 'app-1', type: 'Application' },
      target: { type: 'serviceprincipal', id: 'sp-1' },
      attributes: { grantee: 'Robot' },
    });
  });

  it('refuses what is neither', () => {
    expect(normalised('entra', { id: 'x' })).toMatchObject({ ok: false, code: 'missing_field' });
  });
});
