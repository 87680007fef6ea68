import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the vendor's list of events; not recorded from a live service.
function activity(
  applicationName: string,
  name: string,
  parameters: unknown[] = [],
  changes: Record<string, unknown> = {},
) {
  return {
    kind: 'admin#reports#activity',
    id: { time: RECENT, uniqueQualifier: '-7654321', applicationName, customerId: 'C01' },
    actor: { callerType: 'USER', email: 'Dave@acme.example', profileId: '1093' },
    ipAddress: '8.8.8.8',
    events: [{ type: 'x', name, parameters }],
    ...changes,
  };
}

const value = (name: string, text: string) => ({ name, value: text });
const challenge = (status: string | null, ...methods: string[]) => [
  ...(status === null ? [] : [value('login_challenge_status', status)]),
  { name: 'login_challenge_method', multiValue: methods },
];

describe('google login', () => {
  it('maps a sign-in', () => {
    const parameters = [value('login_type', 'google_password'), { name: 'is_suspicious', boolValue: true }];
    expect(eventOf('google', activity('login', 'login_success', parameters))).toMatchObject({
      id: `login/${RECENT}/-7654321`,
      weakId: false,
      mapping: 'google/1',
      time: RECENT_MS,
      kind: 'login',
      outcome: 'success',
      subject: { type: 'user', id: 'dave@acme.example' },
      ip: '8.8.8.8',
      geo: null,
      attributes: { suspicious: true, loginType: 'google_password', providerUserId: '1093', application: 'login' },
    });
  });

  it.each([
    ['login_failure', [value('login_failure_type', 'login_failure_invalid_password')], 'login', 'failure'],
    ['login_challenge', challenge('Challenge Failed', 'google_prompt'), 'mfa_result', 'failure'],
    ['login_verification', challenge('Challenge Passed.', 'password', 'google_prompt'), 'mfa_result', 'success'],
    ['login_challenge', challenge(null, 'google_prompt'), 'mfa_prompt', 'challenge'],
    ['login_challenge', challenge('Challenge Failed', 'password'), 'login', 'failure'],
    ['login_challenge', challenge('Challenge Passed.', 'password'), 'other', 'success'],
    ['2sv_disable', [], 'mfa_change', 'success'],
    ['password_edit', [], 'password_change', 'success'],
    ['logout', [], 'logout', 'success'],
    ['newly_invented', [], 'other', 'unknown'],
  ])('%s %j is %s, %s', (name, parameters, kind, outcome) => {
    expect(eventOf('google', activity('login', name, parameters))).toMatchObject({
      kind,
      outcome,
      subject: { id: 'dave@acme.example' },
    });
  });

  it('names the factor that was asked for last', () => {
    expect(
      eventOf(
        'google',
        activity('login', 'login_challenge', challenge('Challenge Failed', 'password', 'google_prompt')),
      ).mfa,
    ).toEqual({ factor: 'google_prompt' });
  });

  it('makes an alert about the affected account', () => {
    const event = eventOf(
      'google',
      activity('login', 'account_disabled_hijacked', [value('affected_email_address', 'Eve@acme.example')], {
        actor: {},
      }),
    );
    expect(event).toMatchObject({ kind: 'alert', severity: 'HIGH', subject: { id: 'eve@acme.example' }, actor: null });
  });
});

describe('google admin', () => {
  it('maps a role grant: the admin acted, the user is concerned, the role is the target', () => {
    const parameters = [
      value('USER_EMAIL', 'Eve@acme.example'),
      value('ROLE_NAME', '_SEED_ADMIN_ROLE'),
      value('ROLE_ID', '4711'),
    ];
    expect(eventOf('google', activity('admin', 'ASSIGN_ROLE', parameters))).toMatchObject({
      kind: 'privilege_change',
      outcome: 'success',
      actor: { id: 'dave@acme.example' },
      subject: { id: 'eve@acme.example' },
      target: { type: 'role', id: '4711', name: '_SEED_ADMIN_ROLE' },
      attributes: { change: 'grant' },
    });
  });

  it.each([
    ['UNASSIGN_ROLE', 'privilege_change', 'revoke'],
    ['ADD_GROUP_MEMBER', 'privilege_change', 'grant'],
    ['CHANGE_PASSWORD', 'password_change', 'modify'],
    ['UNENROLL_USER_FROM_STRONG_AUTH', 'mfa_change', 'remove'],
    ['CUSTOMER_TAKEOUT_CREATED', 'data_export', 'create'],
  ])('%s is %s', (name, kind, change) => {
    const event = eventOf('google', activity('admin', name, [value('USER_EMAIL', 'eve@acme.example')]));
    expect(event).toMatchObject({ kind, subject: { id: 'eve@acme.example' }, attributes: { change } });
  });

  it('reads which way a switch went', () => {
    const switched = (to: string) =>
      eventOf('google', activity('admin', 'ENFORCE_STRONG_AUTHENTICATION', [value('NEW_VALUE', to)])).attributes[
        'change'
      ];
    expect([switched('true'), switched('false')]).toEqual(['enable', 'disable']);
  });

  it('blames nobody for a factor without a named user', () => {
    expect(eventOf('google', activity('admin', 'UNENROLL_USER_FROM_STRONG_AUTH')).subject).toBeNull();
  });

  it('takes the first event that means something, and keeps the names of all', () => {
    const events = [
      { name: 'CHANGE_SOMETHING' },
      { name: 'GRANT_ADMIN_PRIVILEGE', parameters: [value('USER_EMAIL', 'e@acme.example')] },
    ];
    expect(eventOf('google', activity('admin', '', [], { events }))).toMatchObject({
      action: 'GRANT_ADMIN_PRIVILEGE',
      kind: 'privilege_change',
      attributes: { eventNames: ['CHANGE_SOMETHING', 'GRANT_ADMIN_PRIVILEGE'] },
    });
  });

  it('gives no strong id without qualifier and time', () => {
    expect(
      eventOf('google', activity('admin', 'X', [], { id: { applicationName: 'admin', uniqueQualifier: '1' } })),
    ).toMatchObject({ weakId: true, timeQuality: 'ingest' });
  });

  it('refuses what holds no event', () => {
    expect(normalised('google', { id: { applicationName: 'login' }, events: [] })).toMatchObject({
      ok: false,
      pointer: '/events',
    });
    expect(normalised('google', { events: [{ name: 'x' }] })).toMatchObject({
      ok: false,
      pointer: '/id/applicationName',
    });
  });
});
