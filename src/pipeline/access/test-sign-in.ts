import { createAccessService } from './access.service.ts';
import { countingBytes, FakeJournal } from './fake-journal.ts';
import { createPasswordHasher, type PasswordHasher } from './password-hasher.ts';
import { createPasswordService } from './passwords.service.ts';
import type { CallContext } from './principal.ts';
import { createSessionService } from './sessions.service.ts';
import { createSetupService } from './setup.service.ts';

/** People who can sign in, over a journal in memory. Only tests import this file. */

export const NOW = Date.UTC(2026, 0, 5, 8);
export const ANONYMOUS = { traceId: 'a'.repeat(32), correlationId: 'c', now: NOW, idempotencyKey: null };
/** A cost that no test waits for. */
export const CHEAP = { n: 16, r: 8, p: 1 };
export const PASSWORD = 'four words of nonsense';
export const FROM = { ip: '203.0.113.9', userAgent: 'a browser' };

/** A house with an administrator (Ada, with a key) who can invite others. */
export async function signInHouse(hasher: PasswordHasher = createPasswordHasher(CHEAP)) {
  const journal = new FakeJournal();
  const randomBytes = countingBytes();
  const access = createAccessService(journal, randomBytes);
  const setup = createSetupService(journal, randomBytes);
  const sessions = createSessionService(journal);
  let recorded = 0;
  const onRecorded = () => (recorded += 1);
  const passwords = createPasswordService(journal, { randomBytes, hasher, onRecorded });
  const token = (await setup.issueToken(ANONYMOUS)) ?? '';
  const made = await setup.redeem(ANONYMOUS, { token, name: 'Ada', email: 'ada@example.org' });
  const principal = await access.authenticate(made.secret, NOW);
  if (principal === null) throw new Error('the administrator is gone');
  const admin: CallContext = { ...ANONYMOUS, principal };

  const person = async (name: string) =>
    access.createUser(admin, { kind: 'person', name, email: `${name}@example.org`, roles: ['SECURITY_ANALYST'] });
  const invite = async (id: string) => (await passwords.invite(admin, { id })).secret;
  /** Somebody who has set a password. */
  const withPassword = async (name: string, password = PASSWORD) => {
    const user = await person(name);
    await passwords.accept(ANONYMOUS, { invitation: await invite(user.id), password });
    return user;
  };
  const signIn = (email: string, password: string, now = NOW, previous: string | null = null) =>
    passwords.signIn({ ...ANONYMOUS, now }, { email, password, from: FROM, previous });
  /** The context of a call by a session. */
  const by = async (secret: string, now = NOW): Promise<CallContext> => {
    const proven = await sessions.authenticate(secret, now);
    if (proven === null) throw new Error('the session is not in force');
    return { ...ANONYMOUS, now, principal: proven };
  };
  return {
    journal,
    randomBytes,
    access,
    sessions,
    passwords,
    admin,
    person,
    invite,
    withPassword,
    signIn,
    by,
    recorded: () => recorded,
    records: () => (journal.streams.get('access') ?? []).map(({ record }) => record),
  };
}

export type SignInHouse = Awaited<ReturnType<typeof signInHouse>>;

/** The code of the refusal, or `no error`. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'no error';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : `not expected: ${String(thrown)}`;
  }
}
