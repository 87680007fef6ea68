import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the vendor's list of codes; not recorded from a live service.
function log(type: string, changes: Record<string, unknown> = {}) {
  return {
    log_id: '900202603020001',
    date: RECENT,
    type,
    description: null,
    client_name: 'Portal',
    connection: 'Username-Password-Authentication',
    ip: '8.8.8.8',
    user_agent: 'Chrome 120',
    user_id: 'auth0|AbC',
    user_name: 'Carol@acme.example',
    location_info: { country_code: 'DE', city_name: 'Berlin', latitude: 52.5, longitude: 13.4 },
    ...changes,
  };
}

const call = (method: string, path: string, body: unknown = {}) =>
  log('sapi', {
    user_id: undefined,
    user_name: undefined,
    details: {
      request: {
        method,
        path,
        body,
        auth: { user: { user_id: 'auth0|adm', email: 'Admin@acme.example', name: 'Ad Min' } },
      },
    },
  });

describe('auth0', () => {
  it('maps a sign-in', () => {
    expect(eventOf('auth0', log('s'))).toMatchObject({
      id: '900202603020001',
      mapping: 'auth0/1',
      time: RECENT_MS,
      kind: 'login',
      outcome: 'success',
      subject: { type: 'user', id: 'carol@acme.example' },
      actor: { id: 'carol@acme.example' },
      ip: '8.8.8.8',
      geo: { latMicro: 52_500_000, lonMicro: 13_400_000, country: 'DE', city: 'Berlin' },
      attributes: { providerUserId: 'auth0|AbC', application: 'Portal' },
    });
  });

  it.each([
    ['f', 'login', 'failure', undefined],
    ['fp', 'login', 'failure', undefined],
    ['fu', 'login', 'failure', undefined],
    ['slo', 'logout', 'success', undefined],
    ['gd_send_pn', 'mfa_prompt', 'challenge', 'push'],
    ['gd_send_sms', 'mfa_prompt', 'challenge', 'sms'],
    ['gd_auth_rejected', 'mfa_result', 'denied', undefined],
    ['gd_auth_failed', 'mfa_result', 'failure', undefined],
    ['gd_auth_succeed', 'mfa_result', 'success', undefined],
    ['gd_recovery_failed', 'mfa_result', 'failure', 'recovery-code'],
    ['gd_unenroll', 'mfa_change', 'success', undefined],
    ['scp', 'password_change', 'success', undefined],
    ['pwd_leak', 'alert', 'denied', undefined],
    ['newly_invented', 'other', 'unknown', undefined],
    ['constructor', 'other', 'unknown', undefined],
  ])('%s is %s, %s', (type, kind, outcome, factor) => {
    const event = eventOf('auth0', log(type));
    expect(event).toMatchObject({ kind, outcome, subject: { id: 'carol@acme.example' } });
    expect(event.mfa?.factor).toBe(factor);
  });

  it('makes the blocked address the subject, not the last account tried', () => {
    expect(eventOf('auth0', log('limit_mu'))).toMatchObject({
      kind: 'alert',
      severity: 'LOW',
      subject: { type: 'ip', id: '8.8.8.8' },
    });
  });

  it('opens log stream records', () => {
    expect(eventOf(null, { log_id: 'L1', data: log('fp', { log_id: undefined }) })).toMatchObject({
      id: 'L1',
      mapping: 'auth0/1',
      outcome: 'failure',
    });
  });

  it.each([
    ['post', '/api/v2/users/auth0%7CVictim/roles', { roles: ['rol_1'] }, 'privilege_change', 'grant', 'rol_1'],
    ['delete', '/api/v2/users/auth0%7CVictim/roles', { roles: ['rol_1'] }, 'privilege_change', 'revoke', 'rol_1'],
    ['delete', '/api/v2/users/auth0%7CVictim/multifactor/duo', {}, 'mfa_change', 'remove', 'duo'],
    ['patch', '/api/v2/users/auth0%7CVictim', { password: '***' }, 'password_change', 'modify', undefined],
    ['patch', '/api/v2/users/auth0%7CVictim', { name: 'x' }, 'other', undefined, undefined],
  ])('%s %s concerns the user in the path', (method, path, body, kind, change, target) => {
    const event = eventOf('auth0', call(method, path, body));
    expect(event).toMatchObject({
      kind,
      outcome: 'success',
      subject: { id: 'auth0|victim' },
      actor: { id: 'admin@acme.example', name: 'Ad Min' },
    });
    expect(event.attributes['change']).toBe(change);
    expect(event.target?.id).toBe(target);
  });

  it('knows several accounts of one role grant', () => {
    const event = eventOf('auth0', call('post', '/api/v2/roles/rol_1/users', { users: ['auth0|a', 'auth0|b'] }));
    expect(event).toMatchObject({
      subject: { id: 'auth0|a' },
      target: { type: 'role', id: 'rol_1' },
      attributes: { accounts: ['auth0|a', 'auth0|b'] },
    });
  });

  it('keeps log streams, secrets and exports with the one who acted', () => {
    const own = { id: 'admin@acme.example' };
    expect(eventOf('auth0', call('delete', '/api/v2/log-streams/lst_1'))).toMatchObject({
      kind: 'logging_change',
      subject: own,
      target: { id: 'lst_1' },
    });
    expect(eventOf('auth0', call('post', '/api/v2/clients/c1/rotate-secret'))).toMatchObject({
      kind: 'token_create',
      subject: own,
    });
    expect(eventOf('auth0', call('post', '/api/v2/jobs/users-exports'))).toMatchObject({
      kind: 'data_export',
      subject: own,
    });
    // A factor whose owner is not named is nobody's, least of all the administrator's.
    expect(eventOf('auth0', call('delete', '/api/v2/guardian/enrollments/dev_1')).subject).toBeNull();
  });

  it('survives a path that is not well encoded', () => {
    expect(eventOf('auth0', call('post', '/api/v2/users/%ZZ/roles')).subject?.id).toBe('%zz');
  });

  it('refuses what has no type', () => {
    expect(normalised('auth0', { log_id: 'x' })).toMatchObject({ ok: false, code: 'missing_field', pointer: '/type' });
  });
});
