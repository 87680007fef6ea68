import { describe, expect, it } from 'vitest';
import { eventOf, normalised, RECENT, RECENT_MS } from '../test-support.ts';

// Origin of the fixtures: hand-made after the Elastic Common Schema; not recorded from a live cluster.
function ecs(event: Record<string, unknown>, changes: Record<string, unknown> = {}) {
  return {
    '@timestamp': RECENT,
    event: { id: 'ecs-1', kind: 'event', outcome: 'success', ...event },
    user: { id: 'u-1', name: 'Grace', email: 'Grace@acme.example' },
    source: {
      ip: '8.8.8.8',
      as: { number: 64500 },
      geo: { location: { lat: 48.85, lon: 2.35 }, country_iso_code: 'FR', city_name: 'Paris' },
    },
    user_agent: { original: 'Safari' },
    ...changes,
  };
}

const login = { category: ['authentication'], type: ['start'], action: 'logged-in' };
const iam = (action: string, ...types: string[]) => ({ category: ['iam'], type: types, action });
const VICTIM = { user: { name: 'admin', target: { name: 'Victim', id: 'u-2' } } };

describe('ecs', () => {
  it('maps a sign-in, nested or with dotted names', () => {
    const expected = {
      id: 'ecs-1',
      mapping: 'ecs/1',
      time: RECENT_MS,
      kind: 'login',
      outcome: 'success',
      subject: { type: 'user', id: 'grace@acme.example' },
      ip: '8.8.8.8',
      asn: 64500,
      geo: { latMicro: 48_850_000, lonMicro: 2_350_000, country: 'FR', city: 'Paris' },
      userAgent: 'Safari',
    };
    expect(eventOf('ecs', ecs(login))).toMatchObject(expected);
    const dotted = {
      '@timestamp': RECENT,
      'event.id': 'ecs-1',
      'event.category': 'authentication',
      'event.outcome': 'success',
      'event.action': 'logged-in',
      'user.email': 'Grace@acme.example',
      'source.ip': '8.8.8.8',
      'source.as.number': 64500,
      'source.geo.location': [2.35, 48.85],
      'source.geo.country_iso_code': 'FR',
      'source.geo.city_name': 'Paris',
      'user_agent.original': 'Safari',
    };
    expect(eventOf(null, dotted)).toMatchObject(expected);
  });

  it.each([
    [{ ...login, outcome: 'failure' }, 'login', 'failure'],
    [{ ...login, outcome: 'unknown' }, 'login', 'unknown'],
    [{ ...login, outcome: undefined }, 'login', 'unknown'],
    [{ category: ['authentication'], type: ['end'], action: 'x' }, 'logout', 'success'],
    [
      { category: ['authentication'], action: 'mfa_verify', outcome: 'failure', reason: 'user declined' },
      'mfa_result',
      'denied',
    ],
    [{ category: ['authentication'], action: 'mfa_push_sent' }, 'mfa_prompt', 'challenge'],
    [{ category: ['network'], action: 'x' }, 'other', 'success'],
    [{ category: ['configuration'], action: 'audit_log_disabled' }, 'logging_change', 'success'],
    [{ category: ['configuration'], action: 'catalog_disabled' }, 'other', 'success'],
  ])('%j is %s, %s', (event, kind, outcome) => {
    expect(eventOf('ecs', ecs(event))).toMatchObject({ kind, outcome });
  });

  it.each([
    [iam('mfa-device-removed', 'user', 'deletion'), 'mfa_change', 'remove'],
    [iam('reset-password', 'user', 'change'), 'password_change', 'reset'],
    [iam('assigned-role', 'user', 'admin'), 'privilege_change', 'grant'],
    [iam('removed-role', 'admin'), 'privilege_change', 'revoke'],
    [iam('added-user-account', 'user', 'creation'), 'other', 'add'],
    [iam('created-api-token', 'user'), 'token_create', 'add'],
  ])('%j is %s, %s, and concerns the target', (event, kind, change) => {
    expect(eventOf('ecs', ecs(event, VICTIM))).toMatchObject({
      kind,
      subject: { id: 'victim' },
      actor: { id: 'admin' },
      attributes: { change },
    });
  });

  it('blames nobody for a factor without a target', () => {
    expect(eventOf('ecs', ecs(iam('mfa-device-removed'))).subject).toBeNull();
  });

  it('reads the actions of known data sets by their own tables', () => {
    expect(
      eventOf('ecs', ecs({ dataset: 'okta.system', action: 'user.mfa.factor.reset_all', category: ['iam'] }, VICTIM)),
    ).toMatchObject({ kind: 'mfa_change', attributes: { change: 'reset' } });
    expect(
      eventOf('ecs', ecs({ dataset: 'aws.cloudtrail', provider: 'cloudtrail.amazonaws.com', action: 'StopLogging' }))
        .kind,
    ).toBe('logging_change');
  });

  it('makes alerts, about a host when no user is named', () => {
    const changes = { user: undefined, host: { id: 'HOST-7', name: 'laptop' }, 'kibana.alert.severity': 'high' };
    expect(eventOf('ecs', ecs({ kind: 'alert', risk_score: 73.4 }, changes))).toMatchObject({
      kind: 'alert',
      severity: 'HIGH',
      risk: 73,
      subject: { type: 'host', id: 'host-7' },
      attributes: { host_id: 'HOST-7' },
    });
    expect(eventOf('ecs', ecs({ kind: 'signal' })).severity).toBe('LOW');
  });

  it('refuses what describes no event', () => {
    expect(normalised('ecs', { '@timestamp': RECENT })).toMatchObject({
      ok: false,
      code: 'missing_field',
      pointer: '/event',
    });
  });
});
