import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { operationOf } from './privilege-operations.ts';
import { DAY, eventOf, HOUR, MINUTE, ruleOf, T0, user } from './test-event.ts';
import { findingsOf } from './test-run.ts';

const RULE = ruleOf('UNUSUAL_PRIVILEGE_ACTION');
const READER = { type: 'role', id: 'r1', name: 'Reader' };
const ADMINISTRATOR = { type: 'role', id: 'r2', name: 'Global Administrator' };
const NOW = T0 + 30 * DAY;

/** Alice grants Bob something. */
function grant(time: number, given: Partial<Event> = {}): Event {
  return eventOf({
    kind: 'privilege_change',
    action: 'user.account.privilege.grant',
    actor: { id: 'alice' },
    subject: user('bob'),
    target: READER,
    time,
    ...given,
  });
}

/** Alice has been around for longer than the learning phase. */
const KNOWN = [eventOf({ time: T0, device: { id: 'laptop' } })];

function grades(events: readonly Event[], conditions: Readonly<Record<string, unknown>> = {}): readonly string[] {
  return findingsOf(ruleOf('UNUSUAL_PRIVILEGE_ACTION', conditions), events).map(
    ({ subject, severity }) => `${subject.id} ${severity}`,
  );
}

describe('unusual privilege action', () => {
  it.each([
    ['a grant', grant(NOW), 'alice MEDIUM'],
    ['a grant of an administrator role', grant(NOW, { target: ADMINISTRATOR }), 'alice HIGH'],
    ['a grant to oneself', grant(NOW, { subject: user('alice') }), 'alice HIGH'],
    [
      'a removed factor',
      grant(NOW, { kind: 'mfa_change', action: 'x', attributes: { change: 'remove' } }),
      'alice MEDIUM',
    ],
    ['a new token', grant(NOW, { kind: 'token_create' }), 'alice MEDIUM'],
    ['logging switched off', grant(NOW, { kind: 'logging_change', action: 'StopLogging' }), 'alice HIGH'],
    ['a bulk export', grant(NOW, { kind: 'data_export' }), 'alice MEDIUM'],
  ])('%s of somebody who does not usually do so', (_name, event, expected) => {
    expect(grades([...KNOWN, event])).toEqual([expected]);
  });

  it.each([
    ['a revoked privilege', grant(NOW, { action: 'Remove member from role' })],
    ['a change that takes away', grant(NOW, { attributes: { change: 'revoke' } })],
    ['a refused grant', grant(NOW, { outcome: 'failure' })],
    ['a grant of unknown outcome', grant(NOW, { outcome: 'unknown' })],
    ['an added factor', grant(NOW, { kind: 'mfa_change', action: 'user.mfa.factor.activate' })],
    ['logging switched on', grant(NOW, { kind: 'logging_change', action: 'StartLogging' })],
  ])('%s is none', (_name, event) => {
    expect(grades([...KNOWN, event])).toEqual([]);
  });

  it('is graded lower while the person is new to us, but not what nobody should do quietly', () => {
    expect(grades([grant(NOW)])).toEqual(['alice LOW']);
    expect(grades([grant(NOW, { subject: user('ALICE') })])).toEqual(['alice HIGH']);
  });

  it('is silent for what a person does regularly, and not after one busy night', () => {
    const weekly = [0, 7, 14, 21].map((day) => grant(T0 + day * DAY));
    expect(grades([...KNOWN, ...weekly, grant(NOW)]).filter((grade) => grade !== 'alice LOW')).toEqual([
      'alice MEDIUM',
    ]);
    const night = [0, 1, 2, 3].map((hour) => grant(NOW + hour * HOUR));
    expect(grades([...KNOWN, ...night])).toEqual(Array.from({ length: 4 }, () => 'alice MEDIUM'));
  });

  it('is HIGH at least after a reset of the own factor or a first sign-in from a new device', () => {
    const reset = eventOf({
      kind: 'mfa_change',
      action: 'user.mfa.factor.reset_all',
      actor: { id: 'helpdesk' },
      time: NOW - HOUR,
    });
    const [finding] = findingsOf(RULE, [...KNOWN, reset, grant(NOW)]).filter(({ subject }) => subject.id === 'alice');
    expect(finding).toMatchObject({ severity: 'HIGH', evidenceCount: 2, details: { afterFactorChange: true } });
    expect(finding?.explanation).toBe(
      'alice, who does not usually do so, granted a privilege (Reader), 60 minutes after a change of the own second factor, ' +
        'from 81.2.69.142.',
    );
    const byOneself = { ...reset, actor: { id: 'alice' } };
    const both = findingsOf(RULE, [...KNOWN, byOneself, grant(NOW)]).filter(({ type }) => type === RULE.ruleType);
    expect(both.map(({ severity, details }) => [severity, details['afterFactorChange']])).toContainEqual([
      'HIGH',
      true,
    ]);
    const device = eventOf({ device: { id: 'unknown' }, time: NOW - HOUR });
    expect(grades([...KNOWN, device, grant(NOW)])).toEqual(['alice HIGH']);
    expect(grades([...KNOWN, eventOf({ device: { id: 'laptop' }, time: NOW - HOUR }), grant(NOW)])).toEqual([
      'alice MEDIUM',
    ]);
    expect(grades([...KNOWN, { ...device, time: NOW - 25 * HOUR }, grant(NOW)])).toEqual(['alice MEDIUM']);
    expect(grades([...KNOWN, device, grant(NOW, { target: ADMINISTRATOR })])).toEqual(['alice CRITICAL']);
  });

  it('names the techniques of what was done', () => {
    const techniquesOf = (event: Event): readonly string[] | undefined =>
      findingsOf(RULE, [...KNOWN, event]).map(({ techniques }) => techniques)[0];
    expect(techniquesOf(grant(NOW, { kind: 'token_create' }))).toEqual(['T1098.001']);
    expect(techniquesOf(grant(NOW))).toEqual(['T1098', 'T1098.003']);
  });

  it('raises a grant outside the change window, also over midnight', () => {
    const noon = NOW - (NOW % DAY) + 12 * HOUR;
    expect(grades([...KNOWN, grant(noon)], { changeWindowStartHour: 8, changeWindowEndHour: 18 })).toEqual([
      'alice MEDIUM',
    ]);
    expect(grades([...KNOWN, grant(noon)], { changeWindowStartHour: 20, changeWindowEndHour: 4 })).toEqual([
      'alice HIGH',
    ]);
    expect(grades([...KNOWN, grant(noon + 10 * HOUR)], { changeWindowStartHour: 20, changeWindowEndHour: 4 })).toEqual([
      'alice MEDIUM',
    ]);
  });

  it('does not learn from a time that is not its own', () => {
    const ingested = Array.from({ length: 5 }, (_, day) => grant(T0 + day * DAY, { timeQuality: 'ingest' }));
    expect(grades([...KNOWN, ...ingested, grant(NOW)])).toContain('alice MEDIUM');
  });

  it('reads hostile attributes as nothing', () => {
    const change = { change: ['revoke'] };
    expect(operationOf(grant(T0, { attributes: change }))).toBe('grant');
    expect(
      grades([
        ...KNOWN,
        grant(NOW, { actor: null, subject: null }),
        grant(NOW + MINUTE, { actor: { id: '' }, subject: null }),
      ]),
    ).toEqual([]);
  });
});
