import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import { ACTION_TYPES } from '../vocabulary.ts';
import type { ActionDeclaration, ActionHandler } from './contract.ts';
import { actionRegistry, actionTypeOf } from './registry.ts';

function handler(
  connector: string,
  rest: Partial<ActionDeclaration> = {},
  parts: Partial<ActionHandler> = {},
): ActionHandler {
  return {
    declaration: {
      type: 'STEP_UP_CHALLENGE',
      connector,
      targetType: 'user',
      idempotency: 'none',
      reversibility: 'selfRecoverable',
      readBack: false,
      settleMs: 0,
      waits: false,
      holds: null,
      contains: false,
      ...rest,
    },
    parameters: z.strictObject({
      challengeType: z.enum(['EMAIL_OTP']).default('EMAIL_OTP'),
      minutes: z.int().max(60).optional(),
      countries: z.array(z.string().regex(/^[A-Z]{2}$/)).optional(),
      nested: z.strictObject({ name: z.string().min(1) }).optional(),
    }),
    perform: () => Promise.resolve({}),
    ...parts,
  };
}

describe('actionTypeOf', () => {
  it('accepts both spellings of every type, and the alias of the runbooks', () => {
    for (const type of ACTION_TYPES) {
      expect(actionTypeOf(type)).toBe(type);
      expect(actionTypeOf(type.toLowerCase())).toBe(type);
    }
    expect(actionTypeOf('revoke_active_sessions')).toBe('FULL_SESSION_KILL');
    expect(actionTypeOf('REVOKE_ACTIVE_SESSIONS')).toBe('FULL_SESSION_KILL');
  });

  it.each(['', 'Full_Session_Kill', 'toString', '__proto__', 'no_such_host'])('does not know %j', (name) => {
    expect(actionTypeOf(name)).toBeNull();
  });
});

describe('routing', () => {
  const [first, second] = [handler('a'), handler('b', { settleMs: 5 })];
  const registry = actionRegistry([first, second]);

  it('takes the first connector of a type unless one is named', () => {
    expect(registry.declarationOf('STEP_UP_CHALLENGE').connector).toBe('a');
    expect(registry.declarationOf('STEP_UP_CHALLENGE', 'b').settleMs).toBe(5);
    expect(registry.handlerFor('STEP_UP_CHALLENGE', 'b')).toBe(second);
    expect(registry.declarations()).toEqual([first.declaration, second.declaration]);
  });

  it('names what nobody offers', () => {
    expect(() => registry.declarationOf('GEO_LOCK')).toThrow('no connector offers GEO_LOCK');
    expect(() => registry.handlerFor('STEP_UP_CHALLENGE', 'c')).toThrow(FirebreakError);
  });
});

describe('the contract', () => {
  const verify = () => Promise.resolve({ says: 'holds', digest: '' } as const);
  it.each([
    ['verify without readBack', handler('a', {}, { verify })],
    ['readBack without verify', handler('a', { readBack: true })],
    ['undo declared and absent', handler('a', { reversibility: 'undo' })],
    ['undo present and not declared', handler('a', {}, { undo: () => Promise.reject(new Error()) })],
    [
      'undo of what cannot be read back',
      handler('a', { reversibility: 'undo' }, { undo: () => Promise.reject(new Error()) }),
    ],
    ['a hold that cannot be read back', handler('a', { holds: 'user.locked' })],
    ['waits without check', handler('a', { waits: true })],
    ['a broken settleMs', handler('a', { settleMs: 0.5 })],
  ])('%s is a mistake found at the start', (_name, broken) => {
    expect(() => actionRegistry([broken])).toThrow('invariant broken');
  });

  it('does not take the same type twice for one connector', () => {
    expect(() => actionRegistry([handler('a'), handler('a')])).toThrow('registered twice');
  });
});

describe('checkParameters', () => {
  const registry = actionRegistry([handler('a')]);
  const check = (parameters: unknown) =>
    registry.checkParameters('STEP_UP_CHALLENGE', parameters, '/actions/0/parameters');

  it('finds nothing wrong with what fits', () => {
    expect(check({})).toEqual([]);
    expect(check({ challengeType: 'EMAIL_OTP', minutes: 15, countries: ['DE'], nested: { name: 'x' } })).toEqual([]);
  });

  it('names the member and the fix', () => {
    expect(check({ challengetype: 'EMAIL_OTP' })).toEqual([
      { pointer: '/actions/0/parameters/challengetype', detail: 'is not a parameter of this action; remove it' },
    ]);
    expect(check({ minutes: 61, countries: ['DE', 'x'] }).map(({ pointer }) => pointer)).toEqual([
      '/actions/0/parameters/minutes',
      '/actions/0/parameters/countries/1',
    ]);
    expect(check([])).toMatchObject([{ pointer: '/actions/0/parameters' }]);
    expect(check({ 'a/b~c': 1 })).toMatchObject([{ pointer: '/actions/0/parameters/a~1b~0c' }]);
  });

  it('leaves values alone that a template will deliver, and only those', () => {
    expect(
      check({ minutes: '{{context.minutes}}', challengeType: '{{context.how}}', countries: ['{{user.country}}'] }),
    ).toEqual([]);
    expect(check({ nested: '{{event.x}}' })).toEqual([]);
    expect(check({ minutes: '{{context.minutes}}', wrong: '{{x}}' })).toMatchObject([
      { pointer: '/actions/0/parameters/wrong' },
    ]);
    expect(check({ minutes: '{{x}}', nested: { name: '' } })).toMatchObject([
      { pointer: '/actions/0/parameters/nested/name' },
    ]);
  });

  it('judges everything again when templates are resolved, and fills in defaults', () => {
    const found = registry.handlerFor('STEP_UP_CHALLENGE', 'a');
    expect(registry.parseParameters(found, {})).toEqual({ challengeType: 'EMAIL_OTP' });
    expect(() => registry.parseParameters(found, { minutes: '{{context.minutes}}' })).toThrow(
      expect.objectContaining({ code: 'invalid_request', faults: [expect.objectContaining({ pointer: '/minutes' })] }),
    );
  });

  it('bounds its answer', () => {
    const hostile = { countries: Array.from({ length: 1_000 }, () => 1) };
    expect(check(hostile)).toHaveLength(50);
  });
});
