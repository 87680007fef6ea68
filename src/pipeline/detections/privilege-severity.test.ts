import { describe, expect, it } from 'vitest';
import type { Event } from '../events/event.ts';
import { SEVERITIES } from '../vocabulary.ts';
import { isSelf, operationOf, OPERATIONS } from './privilege-operations.ts';
import { confidenceOf, isOutsideChangeWindow, severityOf } from './privilege-severity.ts';
import { DAY, eventOf, HOUR, ruleOf, T0, user } from './test-event.ts';

const MIDNIGHT = T0 - (T0 % DAY);
const PLAIN = { learning: false, usual: false, afterTrigger: false, outside: false };

/** The hours of a day, each at its first and its last moment, in which a grant is outside. */
function hoursOutside(changeWindowStartHour: number, changeWindowEndHour: number): readonly number[] {
  const rule = ruleOf('UNUSUAL_PRIVILEGE_ACTION', { changeWindowStartHour, changeWindowEndHour });
  return Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => {
    const first = isOutsideChangeWindow('grant', MIDNIGHT + hour * HOUR, rule);
    expect(isOutsideChangeWindow('grant', MIDNIGHT + (hour + 1) * HOUR - 1, rule)).toBe(first);
    return first;
  });
}

describe('the change window', () => {
  it('begins with its first hour and ends before its last', () => {
    expect(hoursOutside(8, 18)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 18, 19, 20, 21, 22, 23]);
  });

  it('may run over midnight', () => {
    expect(hoursOutside(20, 4)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(hoursOutside(23, 1)).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
  });

  it('is the whole day unless the rule says otherwise', () => {
    expect(hoursOutside(0, 24)).toEqual([]);
  });

  it('is there for grants only', () => {
    const rule = ruleOf('UNUSUAL_PRIVILEGE_ACTION', { changeWindowStartHour: 8, changeWindowEndHour: 18 });
    expect(OPERATIONS.filter((operation) => isOutsideChangeWindow(operation, MIDNIGHT, rule))).toEqual([
      'grant',
      'adminGrant',
      'selfGrant',
      'tokenCreation',
    ]);
  });
});

describe('the severity of an operation', () => {
  it.each([
    ['grant', 'LOW', 'MEDIUM', null],
    ['adminGrant', 'MEDIUM', 'HIGH', null],
    ['selfGrant', 'HIGH', 'HIGH', 'HIGH'],
    ['mfaRemoval', 'LOW', 'MEDIUM', null],
    ['tokenCreation', 'LOW', 'MEDIUM', null],
    ['loggingOff', 'HIGH', 'HIGH', 'MEDIUM'],
    ['dataExport', 'LOW', 'MEDIUM', null],
  ] as const)('%s is %s while we learn, %s when it is unusual, %s when it is usual', (operation, ...severities) => {
    const learning = { ...PLAIN, learning: true };
    const usual = { ...PLAIN, usual: true };
    expect([learning, PLAIN, usual].map((known) => severityOf(operation, known))).toEqual(severities);
    expect(severityOf(operation, { ...usual, learning: true })).toBe(severities[2]);
  });

  it('is one step higher outside the window, and never more than the highest', () => {
    expect(severityOf('grant', { ...PLAIN, outside: true })).toBe('HIGH');
    expect(severityOf('grant', { ...PLAIN, usual: true, outside: true })).toBe('LOW');
    expect(severityOf('adminGrant', { ...PLAIN, outside: true, afterTrigger: true })).toBe('CRITICAL');
  });

  it('is one step higher after a reset, and HIGH at least', () => {
    for (const operation of OPERATIONS) {
      for (const usual of [true, false]) {
        for (const learning of [true, false]) {
          const known = { ...PLAIN, usual, learning };
          const ground = severityOf(operation, known);
          const after = severityOf(operation, { ...known, afterTrigger: true });
          const rank = ground === null ? -1 : SEVERITIES.indexOf(ground);
          expect(after).toBe(SEVERITIES[Math.min(3, Math.max(2, rank + 1))]);
        }
      }
    }
  });
});

describe('the confidence in an operation', () => {
  it.each([
    ['unusual', PLAIN, 65, 75],
    ['learning', { ...PLAIN, learning: true }, 50, 60],
    ['usual', { ...PLAIN, usual: true }, 40, 50],
    ['usual while learning', { ...PLAIN, usual: true, learning: true }, 40, 50],
    ['after a trigger', { ...PLAIN, afterTrigger: true }, 85, 95],
    ['outside', { ...PLAIN, outside: true }, 70, 80],
    ['all at once', { ...PLAIN, afterTrigger: true, outside: true }, 90, 100],
  ])('%s', (_name, known, ground, grave) => {
    for (const operation of OPERATIONS) {
      const isGrave = operation === 'selfGrant' || operation === 'loggingOff';
      expect(confidenceOf(operation, known)).toBe(isGrave ? grave : ground);
    }
  });
});

describe('the operation in the words of a provider', () => {
  const named = (kind: 'privilege_change' | 'mfa_change' | 'logging_change', action: string): string | null =>
    operationOf(eventOf({ kind, action, actor: { id: 'alice' }, subject: user('bob'), target: null }));

  it.each(['Revoke', 'Remove', 'Detach', 'Delete', 'Unassign', 'Deactivate', 'Disable', 'Withdraw'])(
    '%s takes something away',
    (word) => {
      expect(named('privilege_change', `${word} role`)).toBe(null);
      expect(named('mfa_change', `${word} factor`)).toBe('mfaRemoval');
      expect(named('logging_change', `${word} trail`)).toBe('loggingOff');
    },
  );

  it.each(['Reset', 'Unenroll', 'Unregister'])('%s removes a factor', (word) => {
    expect(named('mfa_change', `${word} factor`)).toBe('mfaRemoval');
    expect(named('privilege_change', `${word} role`)).toBe('grant');
  });

  it.each(['Start', 'Enable', 'Create', 'Activate', 'Restore'])('%s switches logging on', (word) => {
    expect(named('logging_change', `${word} trail`)).toBe(null);
    expect(named('mfa_change', `${word} factor`)).toBe(null);
  });

  it.each(['Stop', 'Suspend', 'Pause', 'Disable and create', 'Update'])('%s switches logging off', (word) => {
    expect(named('logging_change', `${word} trail`)).toBe('loggingOff');
  });

  it.each(['admin', 'owner', 'Root', 'superuser', 'FullAccess', 'full_access'])(
    'a target called %s is grave',
    (name) => {
      const granted = (target: { type: string; id: string; name?: string } | null): string | null =>
        operationOf(
          eventOf({ kind: 'privilege_change', action: 'x', actor: { id: 'alice' }, subject: user('bob'), target }),
        );
      expect(granted({ type: 'role', id: 'r1', name: `The ${name} role` })).toBe('adminGrant');
      expect(granted({ type: 'role', id: `r-${name}` })).toBe('adminGrant');
      expect(granted({ type: 'role', id: 'r1', name: 'Reader' })).toBe('grant');
      expect(granted(null)).toBe('grant');
    },
  );

  it.each([
    ['revoke', null, 'mfaRemoval', 'loggingOff'],
    ['remove', null, 'mfaRemoval', 'loggingOff'],
    ['delete', null, 'mfaRemoval', 'loggingOff'],
    ['disable', null, 'mfaRemoval', 'loggingOff'],
    ['reset', 'grant', 'mfaRemoval', 'loggingOff'],
    ['create', 'grant', null, null],
    ['enable', 'grant', null, null],
    ['add', 'grant', null, null],
    ['update', 'grant', null, 'loggingOff'],
  ])('counts less than what the mapping says it did: %s', (change, ...expected) => {
    const kinds = ['privilege_change', 'mfa_change', 'logging_change'] as const;
    for (const action of ['remove', 'create']) {
      const told = { action, attributes: { change }, actor: { id: 'alice' }, subject: user('bob'), target: null };
      expect(kinds.map((kind) => operationOf(eventOf({ ...told, kind })))).toEqual(expected);
    }
  });
});

describe('a change that the mapping does not tell', () => {
  const silent: readonly Event['attributes'][] = [{}, { change: '' }, { change: null }, { change: 7 }];

  it.each(silent.map((attributes) => [attributes]))('is read from the words: %j', (attributes) => {
    const told = { attributes, actor: { id: 'alice' }, subject: user('bob'), target: null };
    expect(operationOf(eventOf({ ...told, kind: 'mfa_change', action: 'Remove factor' }))).toBe('mfaRemoval');
    expect(operationOf(eventOf({ ...told, kind: 'privilege_change', action: 'Remove role' }))).toBe(null);
    expect(operationOf(eventOf({ ...told, kind: 'logging_change', action: 'Start trail' }))).toBe(null);
  });
});

describe('a deed to oneself', () => {
  it('is known by id and by name, whatever the spelling, and never by nothing', () => {
    const selfOf = (actor: { id: string; name?: string } | null, subject: string): boolean =>
      isSelf(eventOf({ actor, subject: user(subject) }));
    expect(selfOf({ id: 'ALICE' }, 'alice')).toBe(true);
    expect(selfOf({ id: '7', name: 'Alice' }, 'alice')).toBe(true);
    expect(selfOf({ id: 'zoe\u0308' }, 'zo\u00eb')).toBe(true);
    expect(selfOf({ id: 'alice' }, 'bob')).toBe(false);
    expect(selfOf({ id: '', name: '' }, '')).toBe(false);
    expect(selfOf(null, 'alice')).toBe(false);
    expect(isSelf(eventOf({ actor: { id: 'alice' }, subject: null }))).toBe(false);
  });
});
