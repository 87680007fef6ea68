import { beforeEach, describe, expect, it } from 'vitest';
import { createCustomRoleService, type CustomRoleService } from './custom-roles.service.ts';
import { createGroupService, type GroupService } from './groups.service.ts';
import { createSingleSignOnService, type SingleSignOnService } from './single-sign-on.service.ts';
import { ANONYMOUS, FROM, NOW, refusalOf, signInHouse, type SignInHouse } from './test-sign-in.ts';
import { createVoters } from './voters.ts';

/** Groups, as sign-in and voting see them. */

let house: SignInHouse;
let groups: GroupService;
let roles: CustomRoleService;
let sso: SingleSignOnService;
beforeEach(async () => {
  house = await signInHouse();
  const { journal, randomBytes } = house;
  groups = createGroupService(journal, randomBytes);
  roles = createCustomRoleService(journal, () => Promise.resolve([]));
  const groupOf = new Map([
    ['fraud', 'Fraud desk'],
    ['bosses', 'bosses'],
  ]);
  const roleOf = new Map([['admins', 'SECURITY_ADMIN'] as const]);
  sso = createSingleSignOnService(journal, { randomBytes, roleOf, groupOf, onRecorded: () => undefined });
});
const signIn = (subject: string, claimed: readonly string[]) =>
  sso.signIn(ANONYMOUS, {
    claims: {
      issuer: 'https://idp.example',
      subject,
      email: `${subject}@corp.example`,
      emailVerified: true,
      name: null,
      groups: claimed,
    },
    from: FROM,
    previous: null,
  });
const seen = (id: string) => house.access.getUser(house.admin, id);

describe('a group of the provider', () => {
  it('means the group of that name, whatever its case, as long as the provider says so', async () => {
    await groups.create(house.admin, { name: 'fraud DESK', roles: ['LEGAL'] });
    const { session } = await signIn('nora', ['fraud']);
    expect(await seen(session.userId)).toMatchObject({ ownRoles: [], roles: ['LEGAL'] });
    expect(await refusalOf(signIn('nora', []))).toBe('forbidden');
    expect(await seen(session.userId)).toMatchObject({ groups: [], roles: [] });
    expect(await house.sessions.list(await adminAs(session.userId), { limit: 9, skip: 0 })).toMatchObject({ total: 0 });
  });

  it('leaves the groups alone that no group of the provider means', async () => {
    const desk = await groups.create(house.admin, { name: 'Fraud desk', roles: ['LEGAL'] });
    const own = await groups.create(house.admin, { name: 'ours', roles: ['AUDITOR'] });
    const { session } = await signIn('nora', ['fraud']);
    await groups.addMember(house.admin, own.id, session.userId);
    await signIn('nora', ['fraud']);
    expect((await seen(session.userId)).groups.map(({ id }) => id).sort()).toEqual([desk.id, own.id].sort());
    await signIn('nora', []);
    expect((await seen(session.userId)).groups).toEqual([{ id: own.id, name: 'ours' }]);
  });

  it('gives nothing where there is no such group, and nothing to who has an account by people', async () => {
    expect(await refusalOf(signIn('nora', ['fraud']))).toBe('forbidden');
    await groups.create(house.admin, { name: 'Fraud desk', roles: ['LEGAL'] });
    const { id } = await house.person('bob');
    await house.access.changeUser(house.admin, id, { linkedAccounts: ['oidc:https://idp.example|bob'] });
    await signIn('bob', ['fraud']);
    expect(await seen(id)).toMatchObject({ groups: [], roles: ['SECURITY_ANALYST'] });
  });

  it('takes nobody into a group whose roles they have set themselves', async () => {
    const { session } = await signIn('mallory', ['admins', 'bosses']);
    const mallory = await house.by((await signIn('mallory', ['admins', 'bosses'])).secret);
    const own = await groups.create(mallory, { name: 'bosses', roles: ['CISO'] });
    await signIn('mallory', ['admins', 'bosses']);
    expect(await seen(session.userId)).toMatchObject({ groups: [], roles: ['SECURITY_ADMIN'] });
    // Somebody else gave these roles: then it is no gift to oneself.
    await groups.change(house.admin, own.id, { roles: ['LEGAL'] }, null);
    await signIn('mallory', ['admins', 'bosses']);
    expect((await seen(session.userId)).roles).toEqual(['SECURITY_ADMIN', 'LEGAL']);
  });

  it('never takes the last administrator away who is one by it', async () => {
    await groups.create(house.admin, { name: 'bosses', roles: ['SECURITY_ADMIN'] });
    const { secret, session } = await signIn('nora', ['bosses']);
    await house.access.changeUser(await house.by(secret), house.admin.principal.userId, { disabled: true });
    expect(await refusalOf(signIn('nora', ['fraud']))).toBe('conflict');
    expect((await house.access.getUser(await house.by(secret), session.userId)).roles).toEqual(['SECURITY_ADMIN']);
  });
});

describe('who votes', () => {
  it('has the roles of their groups of the moment, and may vote as long as one of these lets them', async () => {
    const voters = createVoters(house.journal);
    const bob = await house.withPassword('bob');
    const { principal } = await house.by((await house.signIn('bob@example.org', 'four words of nonsense')).secret);
    const desk = await groups.create(house.admin, { name: 'desk', roles: [] });
    await groups.addMember(house.admin, desk.id, bob.id);
    await roles.create(house.admin, { name: 'FRAUD_LEAD', operations: ['approval.vote'] });
    expect(await voters.present(principal, house.admin.now)).toMatchObject({ roles: ['SECURITY_ANALYST'] });
    await groups.change(house.admin, desk.id, { roles: ['FRAUD_LEAD', 'LEGAL'] }, null);
    expect(await voters.present(principal, house.admin.now)).toMatchObject({
      roles: ['SECURITY_ANALYST', 'LEGAL', 'FRAUD_LEAD'],
    });
    await house.access.changeUser(house.admin, bob.id, { roles: [] });
    await groups.change(house.admin, desk.id, { roles: ['FRAUD_LEAD'] }, null);
    expect(await voters.present(principal, house.admin.now)).not.toHaveProperty('mayVote');
    await roles.change(house.admin, 'FRAUD_LEAD', { operations: [] }, null);
    expect(await voters.present(principal, house.admin.now)).toMatchObject({ roles: ['FRAUD_LEAD'], mayVote: false });
    await groups.removeMember(house.admin, desk.id, bob.id);
    expect(await voters.present(principal, house.admin.now)).toMatchObject({ roles: [], mayVote: false });
  });
});

async function adminAs(userId: string) {
  const { principal } = house.admin;
  return { ...ANONYMOUS, now: NOW, principal: { ...principal, userId } };
}
