import { beforeEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../journal/journal.ts';
import { formTokenOf, MAX_SESSIONS, SESSION_IDLE_MS, SESSION_LIFETIME_MS, SESSION_SEEN_STEP_MS } from './session.ts';
import { NOW, PASSWORD, refusalOf, signInHouse, type SignInHouse } from './test-sign-in.ts';

let house: SignInHouse;
beforeEach(async () => {
  house = await signInHouse();
  await house.withPassword('bob');
});
const bob = (now = NOW, previous: string | null = null) => house.signIn('bob@example.org', PASSWORD, now, previous);

describe('a session', () => {
  it('proves who somebody is, with the roles of now, and is its own credential', async () => {
    const { secret, session } = await bob();
    const principal = await house.sessions.authenticate(secret, NOW);
    expect(principal).toMatchObject({
      userId: session.userId,
      provenBy: 'session',
      keyId: session.id,
      keyIssuedBy: session.userId,
      roles: ['SECURITY_ANALYST'],
      scopes: null,
    });
    await house.access.changeUser(house.admin, session.userId, { roles: ['AUDITOR'] });
    expect((await house.sessions.authenticate(secret, NOW))?.roles).toEqual(['AUDITOR']);
  });

  it('is nowhere in the journal but as a hash', async () => {
    const { secret } = await bob();
    const kept = JSON.stringify([[...house.journal.streams.values()], [...house.journal.views.values()]]);
    expect([kept.includes(secret), kept.includes(PASSWORD), kept.includes(formTokenOf(secret))]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('has a form token that is its own and does not give it away', async () => {
    const [one, other] = [await bob(), await bob()];
    expect(formTokenOf(one.secret)).toMatch(/^[\w-]{43}$/);
    expect(formTokenOf(one.secret)).not.toBe(formTokenOf(other.secret));
  });

  it('is nobody when the secret is wrong in any way', async () => {
    const { secret } = await bob();
    for (const wrong of ['', 'x', `${secret}x`, secret.slice(0, -1), secret.replace('fbw_', 'fbk_')])
      expect(await house.sessions.authenticate(wrong, NOW)).toBeNull();
  });

  it('ends unused after a while, and not while it is used', async () => {
    const { secret } = await bob();
    expect(await house.sessions.authenticate(secret, NOW + SESSION_IDLE_MS - 1)).not.toBeNull();
    expect(await house.sessions.authenticate(secret, NOW + 2 * SESSION_IDLE_MS - 2)).not.toBeNull();
    expect(await house.sessions.authenticate(secret, NOW + 3 * SESSION_IDLE_MS - 2)).toBeNull();
  });

  it('ends at last, however much it is used', async () => {
    const { secret } = await bob();
    for (let at = NOW; at < NOW + SESSION_LIFETIME_MS; at += SESSION_IDLE_MS / 2)
      expect(await house.sessions.authenticate(secret, at)).not.toBeNull();
    expect(await house.sessions.authenticate(secret, NOW + SESSION_LIFETIME_MS)).toBeNull();
  });

  it('notes its use once a minute, without a record, and goes on when that cannot be written', async () => {
    const { secret } = await bob();
    const records = house.records().length;
    let writes = 0;
    house.journal.beforeCommit = async () => void (writes += 1);
    await house.sessions.authenticate(secret, NOW + SESSION_SEEN_STEP_MS - 1);
    expect(writes).toBe(0);
    await house.sessions.authenticate(secret, NOW + SESSION_SEEN_STEP_MS);
    await house.sessions.authenticate(secret, NOW + SESSION_SEEN_STEP_MS + 1);
    expect([writes, house.records().length]).toEqual([1, records]);
    house.journal.beforeCommit = () => Promise.reject(new StoreUnavailableError('away', false));
    expect(await house.sessions.authenticate(secret, NOW + 2 * SESSION_SEEN_STEP_MS)).not.toBeNull();
  });

  it('never goes on under what the browser brought: another secret, another id, and the old one ends', async () => {
    const first = await bob();
    const second = await bob(NOW, first.secret);
    expect([second.secret === first.secret, second.session.id === first.session.id]).toEqual([false, false]);
    expect(await house.sessions.authenticate(first.secret, NOW)).toBeNull();
    const planted = await bob(NOW, 'fbw_planted-by-somebody-else-000000000000000000');
    expect(planted.secret).not.toContain('planted');
    expect(await house.sessions.authenticate(second.secret, NOW)).not.toBeNull();
  });

  it('ends the oldest when there are too many', async () => {
    const all = [];
    for (let made = 0; made <= MAX_SESSIONS; made += 1) all.push(await bob(NOW + made));
    const alive = await Promise.all(all.map(({ secret }) => house.sessions.authenticate(secret, NOW + 100)));
    expect(alive.map((each) => each !== null)).toEqual(all.map((_, index) => index > 0));
  });

  it('ends for good when its user is disabled', async () => {
    const { secret, session } = await bob();
    await house.access.changeUser(house.admin, session.userId, { disabled: true });
    expect(await house.sessions.authenticate(secret, NOW)).toBeNull();
    await house.access.changeUser(house.admin, session.userId, { disabled: false });
    expect(await house.sessions.authenticate(secret, NOW)).toBeNull();
    expect(house.records().filter(({ data }) => JSON.stringify(data).includes('user_disabled'))).toHaveLength(1);
  });
});

describe('the own sessions', () => {
  it('are listed and ended by their owner, and by nobody else', async () => {
    await house.withPassword('eve');
    const [one, two] = [await bob(), await bob(NOW + 1)];
    const eve = await house.by((await house.signIn('eve@example.org', PASSWORD)).secret);
    const ctx = await house.by(one.secret, NOW + 1);
    const listed = await house.sessions.list(ctx, { limit: 10, skip: 0 });
    expect(listed.items.map(({ session }) => session.id)).toEqual([two.session.id, one.session.id]);
    expect(await refusalOf(house.sessions.end(eve, { id: two.session.id }))).toBe('not_found');
    expect(await house.sessions.end(ctx, { id: two.session.id })).toMatchObject({ end: 'revoked', endedAt: NOW + 1 });
    expect(await house.sessions.end(ctx, { id: one.session.id })).toMatchObject({ end: 'signed_out' });
    expect(await house.sessions.authenticate(one.secret, NOW + 1)).toBeNull();
    expect(await refusalOf(house.sessions.end(ctx, { id: one.session.id }))).toBe('not_found');
  });
});
