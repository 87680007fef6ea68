import { describe, expect, it } from 'vitest';
import { ROLES } from '../vocabulary.ts';
import { OPERATION_NAMES, OPERATIONS, rolesMay } from './operations.ts';
import { mayDo, requireOperation, systemPrincipal, type Principal } from './principal.ts';
import { mintSecret, SECRET_PATTERN, secretHash } from './secret.ts';

const analyst: Principal = {
  ...systemPrincipal('test'),
  kind: 'person',
  roles: ['SECURITY_ANALYST'],
};

describe('operations', () => {
  it('names each operation once, each with a role', () => {
    expect(Object.keys(OPERATIONS)).toEqual([...OPERATION_NAMES]);
    for (const rule of Object.values(OPERATIONS)) expect(rule.roles.length).toBeGreaterThan(0);
  });

  it('lets SECURITY_ADMIN do everything and AUDITOR only read', () => {
    for (const name of OPERATION_NAMES) {
      expect(rolesMay(['SECURITY_ADMIN'], 'person', name)).toBe(true);
      expect(rolesMay(['AUDITOR'], 'person', name)).toBe(name.endsWith('.read') || name.endsWith('.own'));
      expect(rolesMay([], 'person', name)).toBe(false);
    }
  });

  it('lets no service account vote or manage access, whatever its roles', () => {
    for (const name of ['approval.vote', 'user.manage', 'key.own', 'key.manage'] as const) {
      expect(rolesMay(ROLES, 'service', name)).toBe(false);
    }
    expect(mayDo(systemPrincipal('seed'), 'approval.vote')).toBe(false);
  });
});

describe('requireOperation', () => {
  it('says whether role, scope or kind is in the way', () => {
    expect(() => requireOperation(analyst, 'playbook.write')).toThrow('needs one of the roles SECURITY_ADMIN, IR_LEAD');
    expect(() => requireOperation({ ...analyst, scopes: ['audit.read'] }, 'event.ingest')).toThrow('scopes');
    expect(() => requireOperation({ ...analyst, kind: 'service' }, 'approval.vote')).toThrow('for people');
    expect(() => requireOperation(analyst, 'approval.vote')).not.toThrow();
  });

  it('never lets a scope widen a role', () => {
    expect(mayDo({ ...analyst, scopes: ['user.manage'] }, 'user.manage')).toBe(false);
  });
});

describe('secrets', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 8);
  it('have a prefix, 43 characters and a hash of the whole', () => {
    const secret = mintSecret('fbk', bytes);
    expect(secret).toBe('fbk_AAgQGCAoMDhASFBYYGhweICIkJigqLC4wMjQ2ODo8Pg');
    expect(secret).toMatch(SECRET_PATTERN);
    // Computed with another implementation of SHA-256.
    expect(secretHash('fbk', secret)).toBe('c970f2eece438ed4f5c5a5e73f73bfcdb1f13d9a924839f5aeb6f8dae8867a4d');
    expect(secretHash('fbs', secret)).toBeNull();
    expect(() => mintSecret('fbk', new Uint8Array(16))).toThrow('32 random bytes');
  });
});
