import { beforeEach, describe, expect, it } from 'vitest';
import { ACCESS_STREAM, emptyAccessState, foldAccess } from './access.store.ts';
import { PERSONAL_FIELDS } from './access.ts';
import { FIRST_LOCK_MS, MAX_FAILURES, MAX_LOCK_MS } from './lockout.ts';
import { CREDENTIAL, MAX_PASSWORD_LENGTH, recordedCredential } from './password.ts';
import { createPasswordHasher, type PasswordHasher } from './password-hasher.ts';
import { createPasswordService, INVITATION_LIFETIME_MS } from './passwords.service.ts';
import { ANONYMOUS, CHEAP, FROM, NOW, PASSWORD, refusalOf, signInHouse, type SignInHouse } from './test-sign-in.ts';

let house: SignInHouse;
beforeEach(async () => {
  house = await signInHouse();
});
const accept = (invitation: string, password: string, now = NOW) =>
  house.passwords.accept({ ...ANONYMOUS, now }, { invitation, password });

describe('an invitation', () => {
  it('sets a password once, and then no more', async () => {
    const { id } = await house.person('bob');
    const secret = await house.invite(id);
    expect((await accept(secret, PASSWORD)).user.id).toBe(id);
    expect(await refusalOf(accept(secret, PASSWORD))).toBe('unauthenticated');
    expect((await house.signIn('Bob@Example.org ', PASSWORD)).session.userId).toBe(id);
  });

  it('gives a key that counts as its person’s own, where one is wanted', async () => {
    const { id } = await house.person('bob');
    const input = { invitation: await house.invite(id), password: PASSWORD };
    expect(await refusalOf(house.passwords.accept(ANONYMOUS, { ...input, keyName: ' ' }))).toBe('invalid_request');
    const { key } = await house.passwords.accept(ANONYMOUS, { ...input, keyName: ' laptop ' });
    expect(key?.key).toMatchObject({ userId: id, issuedBy: id, name: 'laptop', scopes: null });
    const principal = await house.access.authenticate(key?.secret ?? '', NOW);
    expect(principal).toMatchObject({ userId: id, keyIssuedBy: id, provenBy: 'key' });
    const again = await house.passwords.accept(ANONYMOUS, { invitation: await house.invite(id), password: PASSWORD });
    expect(again.key).toBeNull();
  });

  it('is not made with a key that somebody else made', async () => {
    const { id } = await house.person('bob');
    const principal = { ...house.admin.principal, keyIssuedBy: 'usr_other' };
    expect(await refusalOf(house.passwords.invite({ ...house.admin, principal }, { id }))).toBe('forbidden');
  });

  it('is refused when it is wrong, expired, replaced or of somebody disabled', async () => {
    const { id } = await house.person('bob');
    const first = await house.invite(id);
    const second = await house.invite(id);
    expect(await refusalOf(accept(first, PASSWORD))).toBe('unauthenticated');
    expect(await refusalOf(accept(`${second}x`, PASSWORD))).toBe('unauthenticated');
    expect(await refusalOf(accept('', PASSWORD))).toBe('unauthenticated');
    expect(await refusalOf(accept(second, PASSWORD, NOW + INVITATION_LIFETIME_MS))).toBe('unauthenticated');
    await house.access.changeUser(house.admin, id, { disabled: true });
    expect(await refusalOf(accept(second, PASSWORD))).toBe('unauthenticated');
    expect(await refusalOf(house.invite(id))).toBe('conflict');
  });

  it('is made by those who manage the user, with all they may do, and for people only', async () => {
    const bob = await house.withPassword('bob');
    const analyst = await house.by((await house.signIn('bob@example.org', PASSWORD)).secret);
    expect(await refusalOf(house.passwords.invite(analyst, { id: bob.id }))).toBe('forbidden');
    const scoped = { ...house.admin, principal: { ...house.admin.principal, scopes: ['user.manage' as const] } };
    expect(await refusalOf(house.passwords.invite(scoped, { id: bob.id }))).toBe('forbidden');
    const carla = await house.withPassword('carla');
    await house.access.changeUser(house.admin, carla.id, { roles: ['CISO'] });
    const ciso = await house.by((await house.signIn('carla@example.org', PASSWORD)).secret);
    expect(await refusalOf(house.passwords.invite(ciso, { id: bob.id }))).toBe('forbidden');
    const robot = await house.access.createUser(house.admin, { kind: 'service', name: 'r', roles: [] });
    expect(await refusalOf(house.invite(robot.id))).toBe('conflict');
    expect(await refusalOf(house.invite('usr_nobody'))).toBe('not_found');
  });

  it('ends all sessions and the lock when it is used', async () => {
    const bob = await house.withPassword('bob');
    const { secret } = await house.signIn('bob@example.org', PASSWORD);
    for (let tries = 0; tries < MAX_FAILURES; tries += 1) await refusalOf(house.signIn('bob@example.org', 'wrong'));
    await accept(await house.invite(bob.id), 'another four of nonsense');
    expect(await house.sessions.authenticate(secret, NOW)).toBeNull();
    expect(await refusalOf(house.signIn('bob@example.org', PASSWORD))).toBe('unauthenticated');
    expect((await house.signIn('bob@example.org', 'another four of nonsense')).session.userId).toBe(bob.id);
  });

  it.each([
    ['short', 'elevenchars'],
    ['long', 'x1y2'.repeat(MAX_PASSWORD_LENGTH / 4) + 'z'],
    ['the own name', 'my name is BOBBY really'],
    ['the own address', 'xxbobby@example.orgxx'],
    ['common', 'Password1234'],
    ['repeated', 'abcabcabcabcabc'],
    ['one letter', 'aaaaaaaaaaaaaaaa'],
  ])('refuses a password that is %s', async (_why, password) => {
    const { id } = await house.person('bobby');
    const invitation = await house.invite(id);
    expect(await refusalOf(accept(invitation, password))).toBe('weak_password');
    // The invitation is still good.
    expect((await accept(invitation, PASSWORD)).user.id).toBe(id);
  });
});

describe('a password', () => {
  it('is changed with the old one, and ends the other sessions', async () => {
    const bob = await house.withPassword('bob');
    const [here, there] = [
      await house.signIn('bob@example.org', PASSWORD),
      await house.signIn('bob@example.org', PASSWORD),
    ];
    const ctx = await house.by(here.secret);
    const change = (oldPassword: string, newPassword = 'another four of nonsense') =>
      house.passwords.change(ctx, { oldPassword, newPassword, from: FROM });
    expect(await refusalOf(change('wrong'))).toBe('forbidden');
    expect(await refusalOf(change(PASSWORD, 'short'))).toBe('weak_password');
    expect(await refusalOf(change(PASSWORD))).toBe('no error');
    expect(await house.sessions.authenticate(here.secret, NOW)).not.toBeNull();
    expect(await house.sessions.authenticate(there.secret, NOW)).toBeNull();
    expect(await refusalOf(house.signIn('bob@example.org', PASSWORD))).toBe('unauthenticated');
    expect((await house.signIn('bob@example.org', 'another four of nonsense')).session.userId).toBe(bob.id);
  });

  it('is none until it is set', async () => {
    const change = house.passwords.change(house.admin, { oldPassword: 'x', newPassword: PASSWORD, from: FROM });
    expect(await refusalOf(change)).toBe('conflict');
  });

  it('is the same in every Unicode form', async () => {
    await house.withPassword('bob', 'crème brûlée à la carte'.normalize('NFD'));
    expect((await house.signIn('bob@example.org', 'crème brûlée à la carte'.normalize('NFC'))).secret).toMatch(/^fbw_/);
  });

  it('is stored at the present cost after the next sign-in', async () => {
    await house.withPassword('bob');
    const dearer = { ...CHEAP, n: 32 };
    const passwords = createPasswordService(house.journal, {
      randomBytes: house.randomBytes,
      hasher: createPasswordHasher(dearer),
      onRecorded: () => undefined,
    });
    const stored = () =>
      [...house.journal.views.values()].flatMap(({ view }) =>
        view.kind === 'credential' ? [CREDENTIAL.parse(view.body).password?.n] : [],
      );
    expect(stored()).toEqual([16]);
    const claim = { email: 'bob@example.org', password: PASSWORD, from: FROM, previous: null };
    await passwords.signIn(ANONYMOUS, claim);
    expect(stored()).toEqual([32]);
    await passwords.signIn(ANONYMOUS, claim);
  });
});

describe('the lock', () => {
  const wrong = (now: number) => refusalOf(house.signIn('bob@example.org', 'wrong', now));
  const right = (now: number) => refusalOf(house.signIn('bob@example.org', PASSWORD, now));
  const fail = async (times: number, now: number) => {
    for (let tries = 0; tries < times; tries += 1) expect(await wrong(now)).toBe('unauthenticated');
  };

  it('begins after so many failures, holds against the right password, and grows', async () => {
    await house.withPassword('bob');
    await fail(MAX_FAILURES - 1, NOW);
    expect(await right(NOW)).toBe('no error');
    await fail(MAX_FAILURES, NOW);
    expect(await right(NOW + FIRST_LOCK_MS - 1)).toBe('unauthenticated');
    let from = NOW + FIRST_LOCK_MS;
    for (let length = 2 * FIRST_LOCK_MS; length < 2 * MAX_LOCK_MS; length *= 2) {
      const bounded = Math.min(length, MAX_LOCK_MS);
      await fail(MAX_FAILURES, from);
      expect(await right(from + bounded - 1)).toBe('unauthenticated');
      from += bounded;
    }
    expect(await right(from)).toBe('no error');
  });

  it('is not lengthened by who guesses on, and is forgotten by who gets in', async () => {
    await house.withPassword('bob');
    await fail(3 * MAX_FAILURES, NOW);
    expect(await right(NOW + FIRST_LOCK_MS)).toBe('no error');
    await fail(MAX_FAILURES, NOW + FIRST_LOCK_MS);
    expect(await right(NOW + 2 * FIRST_LOCK_MS)).toBe('no error');
  });

  it('holds also against the right guess among many at one moment', async () => {
    await house.withPassword('bob');
    const guesses = Array.from({ length: 40 }, (_, index) => (index === 39 ? PASSWORD : 'wrong'));
    const answers = await Promise.all(guesses.map((each) => refusalOf(house.signIn('bob@example.org', each))));
    expect(answers.at(-1)).not.toBe('no error');
  });

  it('does not keep a key out', async () => {
    const ada = house.admin.principal;
    await accept(await house.invite(ada.userId), PASSWORD);
    for (let tries = 0; tries < MAX_FAILURES; tries += 1) await refusalOf(house.signIn('ada@example.org', 'wrong'));
    expect(await refusalOf(house.signIn('ada@example.org', PASSWORD))).toBe('unauthenticated');
    expect((await house.access.listUsers(house.admin, { limit: 1, skip: 0 })).total).toBe(1);
  });

  it('survives a restart: another process over the same journal knows it', async () => {
    await house.withPassword('bob');
    await fail(MAX_FAILURES, NOW);
    const { randomBytes } = house;
    const hasher = createPasswordHasher(CHEAP);
    const other = createPasswordService(house.journal, { randomBytes, hasher, onRecorded: () => undefined });
    const claim = { email: 'bob@example.org', password: PASSWORD, from: FROM, previous: null };
    expect(await refusalOf(other.signIn(ANONYMOUS, claim))).toBe('unauthenticated');
  });
});

describe('nothing tells', () => {
  /** What a sign-in did, by name: reads, slow hashes, commits and the records they hold, without who it was about. */
  async function trailOf(
    work: (house: SignInHouse) => Promise<unknown>,
    prepare: (house: SignInHouse) => Promise<unknown>,
  ) {
    const trail: string[] = [];
    const real = createPasswordHasher(CHEAP);
    const hasher: PasswordHasher = {
      ...real,
      matches: (password, stored) => {
        trail.push('slow hash');
        return real.matches(password, stored);
      },
    };
    const watched = await signInHouse(hasher);
    await prepare(watched);
    trail.length = 0;
    const { journal } = watched;
    for (const name of ['view', 'viewByUniqueKey', 'listViews', 'streamHead'] as const) {
      const asked = journal[name].bind(journal) as (...given: unknown[]) => Promise<never>;
      journal[name] = (kind: unknown, ...rest: unknown[]) => {
        trail.push(`${name} ${String(kind)}`);
        return asked(kind, ...rest);
      };
    }
    journal.beforeCommit = async () => void trail.push('commit');
    let said = '';
    try {
      await work(watched);
    } catch (thrown) {
      said = String(thrown);
    }
    const last = watched.records().at(-1);
    return { said, trail, type: last?.type, members: Object.keys((last?.data['attempt'] ?? {}) as object) };
  }

  it('whether the name, the password or the account was wrong', async () => {
    const cases = {
      wrongPassword: await trailOf(
        ({ signIn }) => signIn('bob@example.org', 'wrong'),
        ({ withPassword }) => withPassword('bob'),
      ),
      unknown: await trailOf(
        ({ signIn }) => signIn('nobody@example.org', PASSWORD),
        ({ withPassword }) => withPassword('bob'),
      ),
      withoutPassword: await trailOf(
        ({ signIn }) => signIn('bob@example.org', PASSWORD),
        ({ person }) => person('bob'),
      ),
      disabled: await trailOf(
        ({ signIn }) => signIn('bob@example.org', PASSWORD),
        async ({ withPassword, access, admin }) =>
          access.changeUser(admin, (await withPassword('bob')).id, { disabled: true }),
      ),
      locked: await trailOf(
        ({ signIn }) => signIn('bob@example.org', PASSWORD),
        async ({ withPassword, signIn }) => {
          await withPassword('bob');
          for (let tries = 0; tries < MAX_FAILURES; tries += 1) await refusalOf(signIn('bob@example.org', 'wrong'));
        },
      ),
    };
    expect(cases.wrongPassword.said).toContain('The email address or the password is wrong');
    expect(cases.wrongPassword.trail).toContain('slow hash');
    for (const each of Object.values(cases)) expect(each).toEqual(cases.wrongPassword);
  });

  it('a name that nobody has: it is not kept', async () => {
    await refusalOf(house.signIn('my-password-by-mistake', 'x'));
    expect(JSON.stringify(house.records())).not.toContain('by-mistake');
    expect(house.records().at(-1)?.type).toBe('access.sign_in_refused');
  });
});

describe('the records', () => {
  it('come first: without one there is no session', async () => {
    await house.withPassword('bob');
    house.journal.beforeCommit = () => Promise.reject(new Error('the journal is away'));
    await expect(house.signIn('bob@example.org', PASSWORD)).rejects.toThrow('away');
    expect([...house.journal.views.values()].filter(({ view }) => view.kind === 'session')).toEqual([]);
  });

  it('say everything that the rows do, and hold no hash of a password', async () => {
    await house.withPassword('bob');
    const { secret } = await house.signIn('bob@example.org', PASSWORD);
    await house.signIn('bob@example.org', PASSWORD, NOW, secret);
    await refusalOf(house.signIn('bob@example.org', 'wrong'));
    await refusalOf(house.signIn('nobody@example.org', 'wrong'));
    expect(house.recorded()).toBe(4);
    const state = emptyAccessState();
    const records = house.journal.streams.get(ACCESS_STREAM) ?? [];
    for (const { record } of records) foldAccess(state, record);
    const rows = (kind: string) =>
      [...house.journal.views.values()].flatMap(({ view }) => (view.kind === kind ? [view.body] : []));
    expect(rows('session')).toEqual([...state.sessions.values()].map((each) => ({ ...each, seenAt: NOW })));
    expect(rows('lockout')).toEqual([...state.lockouts.values()]);
    expect(rows('credential').map((body) => recordedCredential(CREDENTIAL.parse(body)))).toEqual([
      ...state.credentials.values(),
    ]);
    const [password] = rows('credential').map((body) => CREDENTIAL.parse(body).password);
    const text = JSON.stringify(records);
    expect([text.includes(password?.key ?? '?'), text.includes(password?.salt ?? '?')]).toEqual([false, false]);
    for (const { record } of records) expect(PERSONAL_FIELDS.has(record.type)).toBe(true);
  });
});
