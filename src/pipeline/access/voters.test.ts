import { beforeEach, describe, expect, it } from 'vitest';
import type { Role } from '../vocabulary.ts';
import { createAccessService, type AccessService } from './access.service.ts';
import { countingBytes, FakeJournal } from './fake-journal.ts';
import type { CallContext, Principal } from './principal.ts';
import { createSetupService } from './setup.service.ts';
import { PASSWORD, signInHouse } from './test-sign-in.ts';
import { createVoters, type Voters } from './voters.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const CALL = { traceId: '1'.repeat(32), correlationId: 'test', now: NOW, idempotencyKey: null };

let journal: FakeJournal;
let access: AccessService;
let voters: Voters;
let root: CallContext;
beforeEach(async () => {
  journal = new FakeJournal();
  const randomBytes = countingBytes();
  access = createAccessService(journal, randomBytes);
  voters = createVoters(journal);
  const setup = createSetupService(journal, randomBytes);
  const token = (await setup.issueToken(CALL)) ?? '';
  const { secret } = await setup.redeem(CALL, { token, name: 'Ada', email: 'ada@soc.example' });
  root = await contextOf(secret);
});

async function contextOf(secret: string): Promise<CallContext> {
  const principal = await access.authenticate(secret, NOW);
  if (principal === null) throw new Error('the key is not known');
  return { ...CALL, principal };
}

async function hired(name: string, linkedAccounts: readonly string[] = [], roles: readonly Role[] = ['CISO']) {
  const email = `${name}@soc.example`;
  const user = await access.createUser(root, { kind: 'person', name, email, roles, linkedAccounts });
  const { key, secret } = await access.createKey(root, { userId: user.id, ...KEY });
  return { id: user.id, keyId: key.id, ctx: await contextOf(secret) };
}
const KEY = { name: 'k', scopes: null, source: null, lifetimeMs: 86_400_000 };
const present = ({ ctx }: { readonly ctx: { readonly principal: Principal } }) => voters.present(ctx.principal, 0);

describe('who votes', () => {
  it('has the roles of the moment, not those with which the request was let in', async () => {
    const ben = await hired('ben');
    expect(await present(ben)).toMatchObject({ roles: ['CISO'], disabled: false });
    await access.changeUser(root, ben.id, { roles: ['LEGAL'] });
    expect(await present(ben)).toMatchObject({ roles: ['LEGAL'], disabled: false });
    await access.changeUser(root, ben.id, { disabled: true });
    expect(await present(ben)).toMatchObject({ disabled: true });
  });

  it('is nobody with a key that was revoked meanwhile', async () => {
    const ben = await hired('ben');
    await access.revokeKey(root, ben.keyId);
    await expect(present(ben)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('is nobody with a session that was ended meanwhile', async () => {
    const house = await signInHouse();
    await house.withPassword('vera');
    const { secret } = await house.signIn('vera@example.org', PASSWORD);
    const ctx = await house.by(secret);
    const present = () => createVoters(house.journal).present(ctx.principal, ctx.now);
    expect(await present()).toMatchObject({ disabled: false });
    await house.sessions.end(ctx, { id: ctx.principal.keyId });
    await expect(present()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('is known by the accounts that name theirs as linked, and by the accounts of those', async () => {
    const ben = await hired('ben', ['benny']);
    const second = await hired('ben2', ['ben@soc.example']);
    const third = await hired('ben3', ['ben2@soc.example', 'benjamin@corp']);
    const stranger = await hired('cleo', ['cleo@corp']);
    const all = [ben.id, second.id, third.id, 'ben@soc.example', 'ben2@soc.example', 'ben3@soc.example'];
    const accounts = [...all, 'benny', 'benjamin@corp'].sort();
    for (const { id, ctx } of [ben, second, third]) {
      const { linkedAccounts } = await present({ ctx });
      expect([id, ...linkedAccounts].sort()).toEqual(accounts);
    }
    expect((await present(stranger)).linkedAccounts).toEqual(['cleo@soc.example', 'cleo@corp']);
  });

  it('votes with a key whose maker is known by all accounts too, unless they made it', async () => {
    const ben = await hired('ben');
    const alias = await hired('alias', ['ada@soc.example']);
    expect(await present(ben)).toMatchObject({
      issuedBy: root.principal.userId,
      issuerAccounts: ['ada@soc.example', 'alias@soc.example', alias.id].sort(),
    });
    const atHome = { ...ben.ctx, principal: { ...ben.ctx.principal, keyIssuedBy: ben.id } };
    const own = await access.createKey(atHome, { userId: null, ...KEY });
    const voter = await present({ ctx: await contextOf(own.secret) });
    expect(voter.issuedBy).toBe(ben.id);
    expect(voter).not.toHaveProperty('issuerAccounts');
  });
});
