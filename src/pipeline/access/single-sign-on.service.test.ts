import { beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../vocabulary.ts';
import type { Claims } from './identity-provider.ts';
import { emptyAccessState, foldAccess, ACCESS_STREAM } from './access.store.ts';
import { createSingleSignOnService, type SingleSignOnService } from './single-sign-on.service.ts';
import { ANONYMOUS, FROM, NOW, refusalOf, signInHouse, type SignInHouse } from './test-sign-in.ts';

const ISSUER = 'https://idp.example';
const ROLE_OF = new Map<string, Role>([
  ['admins', 'SECURITY_ADMIN'],
  ['auditors', 'AUDITOR'],
]);

let house: SignInHouse;
let sso: SingleSignOnService;
beforeEach(async () => {
  house = await signInHouse();
  const { journal, randomBytes } = house;
  sso = createSingleSignOnService(journal, { randomBytes, roleOf: ROLE_OF, onRecorded: () => undefined });
});
const signIn = (subject: string, claims: Partial<Claims> = {}) => {
  const email = `${subject}@corp.example`;
  const all = { issuer: ISSUER, subject, email, emailVerified: true, name: null, groups: ['auditors'], ...claims };
  return sso.signIn(ANONYMOUS, { claims: all, from: FROM, previous: null });
};
const usersOf = async () => (await house.access.listUsers(house.admin, { limit: 200, skip: 0 })).items;

describe('single sign-on', () => {
  it('makes one account for a subject, and finds it again under another address', async () => {
    const { session } = await signIn('nora');
    const again = await signIn('nora', { email: 'married@corp.example', emailVerified: false });
    expect(again.session.userId).toBe(session.userId);
    expect(session).toMatchObject({ method: 'oidc', account: 'nora@corp.example' });
    expect(await usersOf()).toHaveLength(2);
  });

  it('takes the same subject of another issuer for somebody else', async () => {
    const { session } = await signIn('nora');
    const other = await signIn('nora', { issuer: 'https://other.example', email: 'n@corp.example' });
    expect(other.session.userId).not.toBe(session.userId);
  });

  it('never takes the last administrator away', async () => {
    const { session } = await signIn('nora', { groups: ['admins'] });
    // Ada goes: Nora is the last one.
    const nora = await house.by((await signIn('nora', { groups: ['admins'] })).secret);
    await house.access.changeUser(nora, house.admin.principal.userId, { disabled: true });
    expect(await refusalOf(signIn('nora', { groups: ['auditors'] }))).toBe('conflict');
    expect((await house.access.getUser(nora, session.userId)).roles).toEqual(['SECURITY_ADMIN']);
  });

  it('refuses an account that two users claim, one that is disabled, and a subject that cannot be one', async () => {
    const linkedAccounts = [`oidc:${ISSUER}|twice`];
    for (const name of ['one', 'two']) {
      const { id } = await house.person(name);
      await house.access.changeUser(house.admin, id, { linkedAccounts });
    }
    expect(await refusalOf(signIn('twice'))).toBe('forbidden');
    const { session } = await signIn('gone');
    await house.access.changeUser(house.admin, session.userId, { disabled: true });
    expect(await refusalOf(signIn('gone'))).toBe('forbidden');
    for (const subject of ['', 'x'.repeat(256), 'two words', 'tab\t']) {
      expect(await refusalOf(signIn(subject, { email: 'e@corp.example' }))).toBe('forbidden');
    }
  });

  it('goes to another user when an administrator moves the link', async () => {
    const { session } = await signIn('nora');
    const { id } = await house.person('bob');
    const account = `oidc:${ISSUER}|nora`;
    await house.access.changeUser(house.admin, session.userId, { linkedAccounts: [] });
    await house.access.changeUser(house.admin, id, { linkedAccounts: [account] });
    const moved = await signIn('nora', { groups: ['admins'] });
    expect(moved.session.userId).toBe(id);
    expect((await house.access.getUser(house.admin, id)).roles).toEqual(['SECURITY_ANALYST']);
  });

  it('has no session without its record, and its rows follow from the records', async () => {
    await signIn('nora');
    house.journal.beforeCommit = () => Promise.reject(new Error('away'));
    await expect(signIn('otto')).rejects.toThrow('away');
    expect(await usersOf()).toHaveLength(2);
    const state = emptyAccessState();
    for (const { record } of house.journal.streams.get(ACCESS_STREAM) ?? []) foldAccess(state, record);
    const rows = [...house.journal.views.values()].flatMap(({ view }) => (view.kind === 'identity' ? [view.body] : []));
    expect(rows).toEqual([...state.identities.values()]);
    expect(rows).toMatchObject([{ issuer: ISSUER, subject: 'nora', created: true, linkedAt: NOW }]);
  });
});
