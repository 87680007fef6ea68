import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROLES } from '../vocabulary.ts';
import type { User } from './access.ts';
import { grantsOf, type CustomRole } from './custom-role.ts';
import type { Group } from './group.ts';
import { OPERATION_NAMES, OPERATIONS, rolesMay } from './operations.ts';
import { roleFaults } from './role-names.ts';
import { userInForce } from './user-in-force.ts';

const OWN = ['ALPHA', 'BETA', 'GAMMA', 'GONE'];
const names = fc.subarray([...ROLES, ...OWN]);
const saved = { version: 1, createdAt: 0, updatedAt: 0, savedBy: 'usr_1' };
const customRoles = fc
  .tuple(...['ALPHA', 'BETA', 'GAMMA'].map(() => fc.subarray([...OPERATION_NAMES])))
  .map((all) =>
    all.map((operations, index): CustomRole => ({ name: OWN[index] ?? '', description: '', operations, ...saved })),
  )
  .map((roles) => new Map(roles.map((role) => [role.name, role])));
const groupsOf = fc
  .array(names, { maxLength: 3 })
  .map((all) =>
    all.map((roles, index): Group => ({
      ...saved,
      id: `grp_${index}`,
      name: `g${index}`,
      description: '',
      roles,
      rolesSetBy: 'usr_1',
    })),
  )
  .map((groups) => new Map(groups.map((group) => [group.id, group])));
const user = fc
  .record({ roles: names, groups: fc.subarray(['grp_0', 'grp_1', 'grp_2', 'grp_none']) })
  .map((more): User => ({
    id: 'usr_1',
    kind: 'person',
    name: 'P',
    email: null,
    disabled: false,
    linkedAccounts: [],
    createdAt: 0,
    ...more,
  }));

describe('a user in force', () => {
  it('has exactly the roles of their own and of their groups that there are', () => {
    fc.assert(
      fc.property(user, groupsOf, customRoles, (stored, groups, roles) => {
        const found = userInForce(stored, groups, roles);
        const given = [stored.roles, ...(stored.groups ?? []).map((id) => groups.get(id)?.roles ?? [])].flat();
        const known = given.filter((name) => name !== 'GONE');
        expect(new Set(found.roles)).toEqual(new Set(known));
        expect(found.roles).toHaveLength(new Set(known).size);
        expect(found.ownRoles).toEqual(stored.roles);
      }),
    );
  });

  it('may do what one of these roles allows on its own, and nothing else', () => {
    fc.assert(
      fc.property(user, groupsOf, customRoles, fc.constantFrom('person', 'service'), (stored, groups, roles, kind) => {
        const { roles: held, grants } = userInForce(stored, groups, roles);
        for (const operation of OPERATION_NAMES) {
          const alone = held.some((name) => rolesMay([name], kind, operation, grantsOf([name], roles)));
          expect(rolesMay(held, kind, operation, grants)).toBe(alone);
          if (OPERATIONS[operation].humanOnly && kind === 'service') expect(alone).toBe(false);
        }
      }),
    );
  });

  it('has more rights with more roles and groups, never fewer', () => {
    fc.assert(
      fc.property(user, names, groupsOf, customRoles, (stored, more, groups, roles) => {
        const fewer = userInForce(stored, groups, roles);
        const wider = userInForce({ ...stored, roles: [...stored.roles, ...more] }, groups, roles);
        for (const role of fewer.roles) expect(wider.roles).toContain(role);
        for (const grant of fewer.grants) expect(wider.grants).toContain(grant);
      }),
    );
  });
});

describe('a name that no role has', () => {
  it('is a fault with three known names, the nearest first', () => {
    const [fault] = roleFaults(['FRAUD_LEED'], ['FRAUD_LEAD', 'OTHER'], (index) => `/roles/${index}`);
    expect(fault).toMatchObject({
      pointer: '/roles/0',
      detail: expect.stringMatching(/Is it FRAUD_LEAD or \w+ or \w+\?$/),
    });
    expect(roleFaults(['LEGAL', 'OTHER'], ['OTHER'], String)).toEqual([]);
  });
});

describe('SECURITY_ADMIN', () => {
  it('may do everything, so that whoever is one can give and take every role', () => {
    expect(OPERATION_NAMES.filter((name) => !rolesMay(['SECURITY_ADMIN'], 'person', name))).toEqual([]);
  });
});
