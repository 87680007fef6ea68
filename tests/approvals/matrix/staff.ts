import type { Login } from './case.ts';

/** The people of the matrix, and behind which accounts they are. Imports nothing of the product. */

export const VOTER_ROLES = [
  'SECURITY_ADMIN',
  'INCIDENT_COMMANDER',
  'SECURITY_ANALYST',
  'COMPLIANCE_OFFICER',
  'IR_LEAD',
  'CISO',
  'LEGAL',
  'AUDITOR',
] as const;

/** Who may make keys for everybody, and therefore could be behind anybody. */
export const MAKER = 'boss';
/** Somebody who has both roles of most gates. */
export const BOTH = 'both';

const person = (human: string, ...roles: readonly string[]): Login => ({
  human,
  roles,
  kind: 'person',
  disabled: false,
});

/** `CISO.a` and the like are three different people of a role. The first has two more accounts. */
export const humanOf = (role: string, which: 'a' | 'b' | 'c'): string => `${role}.${which}`;
/** An account that names the person's first one as linked. */
export const secondLogin = (human: string): string => `${human}/second`;
/** An account that the person's first one names as linked. */
export const namedLogin = (human: string): string => `${human}/named`;
export const serviceOf = (role: string): string => `${role}.service`;

export const STAFF: Readonly<Record<string, Login>> = Object.fromEntries(
  [
    ...VOTER_ROLES.flatMap((role) => {
      const a = humanOf(role, 'a');
      return [
        [a, person(a, role)],
        [secondLogin(a), person(a, role)],
        [namedLogin(a), person(a, role)],
        [humanOf(role, 'b'), person(humanOf(role, 'b'), role)],
        [humanOf(role, 'c'), person(humanOf(role, 'c'), role)],
        [serviceOf(role), { ...person(serviceOf(role), role), kind: 'service' }],
      ] as [string, Login][];
    }),
    [MAKER, person(MAKER, 'SECURITY_ADMIN')] as [string, Login],
    [BOTH, person(BOTH, 'SECURITY_ADMIN', 'INCIDENT_COMMANDER')] as [string, Login],
    // One person who has one role with one account and the other with another one.
    [secondLogin(BOTH), person(BOTH, 'INCIDENT_COMMANDER')] as [string, Login],
    [namedLogin(BOTH), person(BOTH, 'SECURITY_ADMIN')] as [string, Login],
  ].map(([name, login]) => [name, login] as const),
);
