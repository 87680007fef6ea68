import { beforeEach, describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import type { Role } from '../vocabulary.ts';
import { createAccessService, MAX_KEY_LIFETIME_MS } from './access.service.ts';
import { DEFAULT_KEY_LIFETIME_MS, MAX_ACTIVE_KEYS } from './own-keys.ts';
import { PERSONAL_FIELDS } from './access.ts';
import { ACCESS_STREAM, emptyAccessState, foldAccess } from './access.store.ts';
import { countingBytes, FakeJournal } from './fake-journal.ts';
import type { CallContext } from './principal.ts';
import { createSetupService, SETUP_REPEAT_MS, SETUP_TOKEN_LIFETIME_MS } from './setup.service.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const DAY = 86_400_000;
const anonymous = { traceId: 'a'.repeat(32), correlationId: 'c', now: NOW, idempotencyKey: null };

let journal: FakeJournal;
let access: ReturnType<typeof createAccessService>;
let setup: ReturnType<typeof createSetupService>;
let admin: CallContext;
let adminSecret: string;

beforeEach(async () => {
  journal = new FakeJournal();
  const bytes = countingBytes();
  access = createAccessService(journal, bytes);
  setup = createSetupService(journal, bytes);
  const token = await setup.issueToken(anonymous);
  const made = await setup.redeem(anonymous, { token: token ?? '', name: 'Ada', email: 'Ada@Example.org' });
  adminSecret = made.secret;
  admin = await contextOf(adminSecret);
});

async function contextOf(secret: string, now = NOW): Promise<CallContext> {
  const principal = await access.authenticate(secret, now);
  if (principal === null) throw new Error('not authenticated');
  return { ...anonymous, now, principal };
}

let people = 0;
/** A new account and the context of a call with its key. */
async function account(roles: readonly Role[], kind: 'person' | 'service' = 'person') {
  people += 1;
  const email = kind === 'person' ? `p${people}@example.org` : null;
  const user = await access.createUser(admin, { kind, name: `P${people}`, email, roles });
  const { key, secret } = await access.createKey(admin, keyInput({ userId: user.id }));
  return { user, key, secret, ctx: await contextOf(secret) };
}

function keyInput(input: Partial<Parameters<typeof access.createKey>[1]> = {}) {
  return { userId: null, name: 'key', scopes: null, source: null, lifetimeMs: DAY, ...input };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'no error';
  } catch (thrown) {
    if (thrown instanceof FirebreakError) return thrown.code;
    throw thrown;
  }
}

describe('set-up', () => {
  it('makes the first administrator, canonical, and burns the token', async () => {
    expect(admin.principal).toMatchObject({
      kind: 'person',
      roles: ['SECURITY_ADMIN'],
      linkedAccounts: ['ada@example.org'],
    });
    expect(await setup.issueToken(anonymous)).toBeNull();
    const again = setup.redeem(anonymous, { token: `fbs_${'A'.repeat(43)}`, name: 'M', email: 'm@example.org' });
    expect(await codeOf(again)).toBe('conflict');
  });

  it('refuses a wrong, a replaced and an expired token', async () => {
    const replaced = (await setup.issueToken(anonymous, { recovery: true })) ?? '';
    const token = (await setup.issueToken(anonymous, { recovery: true })) ?? '';
    const redeem = (given: string, now = NOW) =>
      codeOf(setup.redeem({ ...anonymous, now }, { token: given, name: 'M', email: 'm@example.org' }));
    expect(await redeem(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).toBe('unauthenticated');
    expect(await redeem(replaced)).toBe('unauthenticated');
    expect(await redeem(adminSecret)).toBe('unauthenticated');
    expect(await redeem(token, NOW + SETUP_TOKEN_LIFETIME_MS)).toBe('unauthenticated');
    expect(await redeem(token, NOW + SETUP_TOKEN_LIFETIME_MS - 1)).toBe('no error');
  });

  it('gives the same person another key for the same token within ten minutes, and ends the first one', async () => {
    const token = (await setup.issueToken(anonymous, { recovery: true })) ?? '';
    const redeem = (name: string, now: number, given = token) =>
      setup.redeem({ ...anonymous, now }, { token: given, name, email: 'Mia@example.org' });
    const first = await redeem('Mia', NOW);
    expect(await codeOf(redeem('Eve', NOW))).toBe('conflict');
    expect(await codeOf(redeem('Mia', NOW, `fbs_${'A'.repeat(43)}`))).toBe('conflict');
    const second = await redeem('Mia', NOW + SETUP_REPEAT_MS - 1);
    expect(second.user).toEqual(first.user);
    expect(await access.authenticate(first.secret, NOW)).toBeNull();
    expect((await access.authenticate(second.secret, NOW))?.userId).toBe(first.user.id);
    expect(await codeOf(redeem('Mia', NOW + SETUP_REPEAT_MS))).toBe('conflict');
  });

  it('gives nothing again once the key was revoked', async () => {
    const token = (await setup.issueToken(anonymous, { recovery: true })) ?? '';
    const mia = { token, name: 'Mia', email: 'mia@example.org' };
    const { key } = await setup.redeem(anonymous, mia);
    await access.revokeKey(admin, key.id);
    expect(await codeOf(setup.redeem(anonymous, mia))).toBe('conflict');
  });

  it('lets only one of two win who use the token at the same time', async () => {
    const token = (await setup.issueToken(anonymous, { recovery: true })) ?? '';
    const redeem = (name: string) => setup.redeem(anonymous, { token, name, email: `${name}@example.org` });
    const outcomes = await Promise.all([codeOf(redeem('one')), codeOf(redeem('two'))]);
    expect(outcomes.sort()).toEqual(['conflict', 'no error']);
  });
});

describe('authenticate', () => {
  it('knows a key until it expires, is revoked, or its owner is disabled', async () => {
    const { user, key, secret, ctx } = await account(['SECURITY_ANALYST']);
    expect(ctx.principal).toMatchObject({ userId: user.id, keyId: key.id, keyIssuedBy: admin.principal.userId });
    expect(await access.authenticate(secret, NOW + DAY - 1)).not.toBeNull();
    expect(await access.authenticate(secret, NOW + DAY)).toBeNull();
    await access.changeUser(admin, user.id, { disabled: true });
    expect(await access.authenticate(secret, NOW)).toBeNull();
    await access.changeUser(admin, user.id, { disabled: false });
    expect(await access.authenticate(secret, NOW)).not.toBeNull();
    await access.revokeKey(admin, key.id);
    expect(await access.authenticate(secret, NOW)).toBeNull();
  });

  it('takes the roles as they are now, not as they were', async () => {
    const { user, secret } = await account(['SECURITY_ANALYST']);
    await access.changeUser(admin, user.id, { roles: ['AUDITOR'] });
    expect((await access.authenticate(secret, NOW))?.roles).toEqual(['AUDITOR']);
  });

  it.each(['', 'fbk_', 'fbk_short', `fbs_${'A'.repeat(43)}`, `fbk_${'A'.repeat(44)}`, `fbk_${'A'.repeat(43)}`])(
    'does not know %j',
    async (secret) => expect(await access.authenticate(secret, NOW)).toBeNull(),
  );
});

describe('who may change whom', () => {
  it('lets nobody change own roles, status or linked accounts', async () => {
    const { userId } = admin.principal;
    await account(['SECURITY_ADMIN']);
    for (const change of [{ roles: ['CISO' as const] }, { disabled: true }, { linkedAccounts: ['cfo'] }]) {
      expect(await codeOf(access.changeUser(admin, userId, change))).toBe('forbidden');
    }
    expect((await access.changeUser(admin, userId, { name: 'Ada L.' })).name).toBe('Ada L.');
  });

  it('lets nobody act on roles they do not hold, unless SECURITY_ADMIN', async () => {
    const { ctx: ciso } = await account(['CISO', 'LEGAL']);
    const { user: analyst } = await account(['SECURITY_ANALYST']);
    const create = (roles: readonly Role[]) =>
      codeOf(access.createUser(ciso, { kind: 'person', name: 'N', email: `${roles.join('.')}@example.org`, roles }));
    expect(await create(['LEGAL'])).toBe('no error');
    expect(await create(['LEGAL', 'SECURITY_ADMIN'])).toBe('forbidden');
    const { user: lawyer } = await account(['LEGAL']);
    expect(await codeOf(access.changeUser(ciso, lawyer.id, { roles: ['LEGAL', 'CISO'] }))).toBe('no error');
    expect(await codeOf(access.changeUser(ciso, lawyer.id, { roles: ['SECURITY_ADMIN'] }))).toBe('forbidden');
    expect(await codeOf(access.changeUser(ciso, analyst.id, { disabled: true }))).toBe('forbidden');
    expect(await codeOf(access.changeUser(ciso, analyst.id, { roles: [] }))).toBe('forbidden');
    expect(await codeOf(access.createKey(ciso, keyInput({ userId: analyst.id })))).toBe('forbidden');
    expect(await codeOf(access.createKey(ciso, keyInput({ userId: admin.principal.userId })))).toBe('forbidden');
  });

  it('keeps the last administrator, also when two demote each other at the same time', async () => {
    const { user, ctx: other } = await account(['SECURITY_ADMIN']);
    await account(['SECURITY_ADMIN'], 'service');
    const outcomes = await Promise.all([
      codeOf(access.changeUser(admin, user.id, { roles: [] })),
      codeOf(access.changeUser(other, admin.principal.userId, { disabled: true })),
    ]);
    // Whoever comes second is judged by what is left to them.
    expect(['forbidden', 'unauthenticated']).toContain(outcomes.find((each) => each !== 'no error'));
    expect(outcomes).toContain('no error');
  });

  it('does not decide on a list of administrators that changed after it was read', async () => {
    const { user, ctx: other } = await account(['SECURITY_ADMIN']);
    const listViews = journal.listViews.bind(journal);
    journal.listViews = async (query) => {
      const page = await listViews(query);
      journal.listViews = listViews;
      await access.changeUser(other, admin.principal.userId, { roles: [] });
      return page;
    };
    expect(await codeOf(access.changeUser(admin, user.id, { roles: [] }))).toBe('conflict');
  });

  it('gives an email to one account only, whatever its spelling', async () => {
    const twin = access.createUser(admin, { kind: 'person', name: 'Twin', email: ' ADA@example.ORG ' });
    expect(await codeOf(twin)).toBe('conflict');
    const { user } = await account([]);
    expect(await codeOf(access.changeUser(admin, user.id, { email: 'ada@example.org' }))).toBe('conflict');
  });

  it.each([
    [{ name: ' ', email: 'x@example.org' }, '/name'],
    [{ name: 'x'.repeat(201), email: 'x@example.org' }, '/name'],
    [{ name: 'a\u0000b', email: 'x@example.org' }, '/name'],
    [{ name: 'lone \ud800', email: 'x@example.org' }, '/name'],
    [{ name: 'N', email: 'nobody' }, '/email'],
    [{ name: 'N', email: null }, '/email'],
    [{ name: 'N', email: 'x@example.org', linkedAccounts: ['ok', ''] }, '/linkedAccounts/1'],
    [{ name: 'N', email: 'x@example.org', linkedAccounts: Array<string>(51).fill('a') }, '/linkedAccounts'],
  ])('refuses %j at %s', async (input, pointer) => {
    await expect(access.createUser(admin, { kind: 'person', ...input })).rejects.toMatchObject({
      code: 'invalid_request',
      faults: [{ pointer }],
    });
  });

  it('makes accounts canonical', async () => {
    const linkedAccounts = ['CFO@Acme.COM', 'Zoe\u0308', 'cfo@acme.com'];
    const user = await access.createUser(admin, { kind: 'person', name: ' N ', email: 'N@x.org', linkedAccounts });
    expect(user).toMatchObject({ name: 'N', email: 'n@x.org', linkedAccounts: ['cfo@acme.com', 'zo\u00eb'] });
  });
});

describe('keys', () => {
  it('keeps the hash and never the secret', async () => {
    const { secret } = await account(['AUDITOR']);
    const everything = JSON.stringify([[...journal.streams.values()], [...journal.views.values()]]);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(adminSecret);
  });

  it('count as made by whoever made the key that they were made with, and make none for others then', async () => {
    const { ctx, user } = await account(['SECURITY_ADMIN']);
    const { user: other } = await account(['SECURITY_ANALYST']);
    const own = await access.createKey(ctx, keyInput());
    expect(own.key).toMatchObject({ userId: user.id, issuedBy: admin.principal.userId });
    const grandchild = await contextOf(own.secret);
    expect((await access.createKey(grandchild, keyInput())).key.issuedBy).toBe(admin.principal.userId);
    for (const lent of [ctx, grandchild])
      await expect(access.createKey(lent, keyInput({ userId: other.id }))).rejects.toMatchObject({ code: 'forbidden' });
    expect((await access.createKey(admin, keyInput({ userId: other.id }))).key.issuedBy).toBe(admin.principal.userId);
  });

  it('lets people have own keys, and others only with key.manage', async () => {
    const { ctx, user } = await account(['SECURITY_ANALYST']);
    const own = await access.createKey(ctx, keyInput());
    expect(own.key).toMatchObject({ userId: user.id, issuedBy: admin.principal.userId });
    expect((await access.listKeys(ctx, { limit: 10, skip: 0 })).total).toBe(2);
    expect((await access.listKeys(admin, { limit: 10, skip: 0 })).total).toBe(3);
    expect(await codeOf(access.listKeys(ctx, { userId: admin.principal.userId, limit: 10, skip: 0 }))).toBe(
      'forbidden',
    );
    expect(await codeOf(access.revokeKey(ctx, admin.principal.keyId))).toBe('forbidden');
    expect(await codeOf(access.revokeKey(ctx, 'key_none'))).toBe('not_found');
    expect((await access.revokeKey(ctx, own.key.id)).revokedAt).toBe(NOW);
  });

  it('does not let the last key in hand revoke itself', async () => {
    expect(await codeOf(access.revokeKey(admin, admin.principal.keyId))).toBe('conflict');
  });

  it('gives scopes that the owner may use, and no wider ones from a scoped key', async () => {
    const { user } = await account(['AUDITOR']);
    const wide = access.createKey(admin, keyInput({ userId: user.id, scopes: ['audit.read', 'playbook.write'] }));
    await expect(wide).rejects.toMatchObject({ code: 'invalid_request', faults: [{ pointer: '/scopes/1' }] });
    expect(await codeOf(access.createKey(admin, keyInput({ userId: user.id, scopes: [] })))).toBe('invalid_request');
    const { secret } = await access.createKey(admin, keyInput({ scopes: ['key.own', 'key.manage', 'audit.read'] }));
    const scoped = await contextOf(secret);
    expect(await codeOf(access.createKey(scoped, keyInput({ scopes: ['user.manage'] })))).toBe('forbidden');
    expect(await codeOf(access.createKey(scoped, keyInput({ userId: user.id })))).toBe('forbidden');
    expect((await access.createKey(scoped, keyInput())).key.scopes).toEqual(['audit.read', 'key.own', 'key.manage']);
    expect(await codeOf(access.listUsers(scoped, { limit: 1, skip: 0 }))).toBe('forbidden');
  });

  it('does not let a service account make keys or people', async () => {
    const { ctx } = await account(['SECURITY_ADMIN'], 'service');
    expect(await codeOf(access.createKey(ctx, keyInput()))).toBe('forbidden');
    expect(await codeOf(access.createUser(ctx, { kind: 'person', name: 'N', email: 'n@x.org' }))).toBe('forbidden');
  });

  it('bounds life and number', async () => {
    for (const lifetimeMs of [0, -1, Number.NaN, MAX_KEY_LIFETIME_MS + 1]) {
      expect(await codeOf(access.createKey(admin, keyInput({ lifetimeMs })))).toBe('invalid_request');
    }
    const { key } = await access.createKey(admin, keyInput({ lifetimeMs: DEFAULT_KEY_LIFETIME_MS }));
    expect(key.expiresAt).toBe(NOW + 90 * DAY);
    for (let keys = 2; keys < MAX_ACTIVE_KEYS; keys += 1) await access.createKey(admin, keyInput());
    expect(await codeOf(access.createKey(admin, keyInput()))).toBe('conflict');
    await access.revokeKey(admin, key.id);
    expect(await codeOf(access.createKey(admin, keyInput()))).toBe('no error');
  });
});

describe('records', () => {
  it('say all that the views say, with trace and author, and class their personal members', async () => {
    const { user, key } = await account(['LEGAL']);
    await access.changeUser(admin, user.id, { linkedAccounts: ['legal@acme'] });
    await access.revokeKey(admin, key.id);
    const records = (journal.streams.get(ACCESS_STREAM) ?? []).map(({ record }) => record);
    const state = records.reduce(foldAccess, emptyAccessState());
    const views = [...journal.views.values()].map(({ view }) => view);
    const bodies = (kind: string) => views.filter((view) => view.kind === kind).map((view) => view.body);
    expect(bodies('user')).toEqual([...state.users.values()]);
    expect(bodies('key')).toEqual([...state.keys.values()]);
    expect(bodies('setup')).toEqual([state.setup]);
    expect(records.every(({ type }) => PERSONAL_FIELDS.has(type))).toBe(true);
    const trace = { traceId: anonymous.traceId, correlationId: 'c' };
    expect(records.at(-1)).toMatchObject({ trace, at: NOW, data: { by: admin.principal.userId } });
  });

  it('decides again when somebody else was first, and gives up after a while', async () => {
    const { user } = await account([]);
    const rename = (name: string) => access.changeUser(admin, user.id, { name });
    journal.beforeCommit = async () => {
      journal.beforeCommit = () => Promise.resolve();
      await access.changeUser(admin, user.id, { linkedAccounts: ['both'] });
    };
    expect(await rename('Second')).toMatchObject({ name: 'Second', linkedAccounts: ['both'] });
    let commits = 0;
    const append = { type: 'access.noise', v: 1, at: NOW, data: {} };
    const stream = journal.streams.get(ACCESS_STREAM) ?? [];
    journal.beforeCommit = async () => {
      commits += 1;
      const last = stream.at(-1);
      if (last !== undefined) stream.push({ ...last, record: { ...last.record, ...append, seq: last.record.seq + 1 } });
      await Promise.resolve();
    };
    expect(await codeOf(rename('Never'))).toBe('overloaded');
    expect(commits).toBe(32);
  });
});
