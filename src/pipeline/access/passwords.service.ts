import { FirebreakError, type Fault } from '../../platform/errors.ts';
import { applyAccessChange, existing } from './access-change.ts';
import { MAX_NAME_LENGTH, textOf, type ApiKey, type User } from './access.ts';
import {
  keyWrite,
  loadUser,
  loadUserByEmail,
  type AccessJournal,
  type AccessWrite,
  type Versioned,
} from './access.store.ts';
import { requireMayActOn } from './may-change.ts';
import { inForce } from './access-in-force.ts';
import { presentActor } from './actor.ts';
import { endSessionsOf } from './end-sessions.ts';
import { firstKey, requireRoomForKey } from './own-keys.ts';
import { canonicalAccount } from './identities.ts';
import { afterFailure, isLocked, unknownAccountId } from './lockout.ts';
import { requireSoundPassword, type Credential, type Invitation, type StoredPassword } from './password.ts';
import type { PasswordHasher } from './password-hasher.ts';
import {
  credentialWrite,
  loadCredential,
  loadInvited,
  loadLockout,
  lockoutEnded,
  refusalWrite,
} from './password.store.ts';
import { LENT, requireOperation, type AnonymousContext, type CallContext } from './principal.ts';
import { mintSecret, SECRET_BYTES, secretHash, type RandomBytes } from './secret.ts';
import { keptOrigin, type CameFrom } from './session.ts';
import { beginSession, freshSession, type BegunSession } from './sessions.service.ts';

/** How long an invitation may be used, in ms: over a weekend. */
export const INVITATION_LIFETIME_MS = 3 * 24 * 3_600_000;
const SALT_BYTES = 16;

export interface SignInInput {
  readonly email: string;
  readonly password: string;
  readonly from: CameFrom;
  /** The secret of the session that the browser had, which ends. */
  readonly previous: string | null;
}

export interface AcceptInput {
  readonly invitation: string;
  readonly password: string;
  /** Absent: no key is wanted. */
  readonly keyName?: string | undefined;
}

export interface Accepted {
  readonly user: User;
  readonly key: { readonly key: ApiKey; readonly secret: string } | null;
}

/** People who sign in with a password that only they know. */
export interface PasswordService {
  /**
   * Begins a session. Whatever is wrong (the name, the password, the account is locked, disabled or has no password), the
   * answer, the reads, the work and the record are the same. @throws FirebreakError `unauthenticated`, `overloaded`.
   */
  signIn(ctx: AnonymousContext, input: SignInInput): Promise<BegunSession>;
  /**
   * A secret with which the user sets a password, once; an earlier one stops working. It is in this answer only.
   * @throws FirebreakError `forbidden`, `not_found`, `conflict` for a service account or a disabled one.
   */
  invite(
    ctx: CallContext,
    input: { readonly id: string },
  ): Promise<{ readonly invitation: Invitation; readonly secret: string }>;
  /**
   * Sets the password of the invited, ends their sessions and burns the invitation. `keyName`: gives them an API key as well, the
   * first that nobody else has seen; it is in this answer only. @throws `unauthenticated`, `weak_password`, `conflict` above
   * `MAX_ACTIVE_KEYS`.
   */
  accept(ctx: AnonymousContext, input: AcceptInput): Promise<Accepted>;
  /**
   * Changes the own password and ends all other sessions. A wrong old one counts as a failed sign-in.
   * @throws FirebreakError `forbidden`, `weak_password`, `conflict` when there is none.
   */
  change(
    ctx: CallContext,
    input: { readonly oldPassword: string; readonly newPassword: string; readonly from: CameFrom },
  ): Promise<void>;
}

export interface PasswordPorts {
  /** Must be unpredictable. */
  readonly randomBytes: RandomBytes;
  readonly hasher: PasswordHasher;
  /** A sign-in or a refusal is on record. Must not throw. */
  readonly onRecorded: () => void;
}

export function createPasswordService(journal: AccessJournal, ports: PasswordPorts): PasswordService {
  const { randomBytes, hasher, onRecorded } = ports;

  async function hashed(password: string, now: number, invitedBy: string): Promise<StoredPassword> {
    return { ...(await hasher.hash(password, randomBytes(SALT_BYTES))), setAt: now, invitedBy };
  }

  /** Checks the password against what is stored, under the lock of the account; both are read again when it is decided. */
  async function proven<T>(
    ctx: AnonymousContext,
    claim: { readonly email: string; readonly password: string; readonly from: CameFrom },
    onProof: (holder: Holder) => Promise<{ readonly writes: readonly AccessWrite[]; readonly answer: T }>,
  ): Promise<T | null> {
    const name = canonicalAccount(claim.email);
    const { credential: shown } = await holderOf(journal, name);
    const stored = shown?.item.password ?? null;
    const matches = await hasher.matches(claim.password, stored);
    const isOutdated = matches && stored !== null && hasher.isOutdated(stored);
    const raised = isOutdated ? await hashed(claim.password, stored.setAt, stored.invitedBy) : null;
    const answer = await applyAccessChange<{ readonly proof: T } | null>(journal, ctx, async () => {
      const { id, user, credential } = await holderOf(journal, name);
      const lockout = await loadLockout(journal, id);
      const wasLocked = isLocked(lockout?.item ?? null, ctx.now);
      const isSame = credential !== null && credential.version === shown?.version;
      if (matches && isSame && !wasLocked && user !== null && !user.disabled && user.kind === 'person') {
        const { writes, answer: proof } = await onProof({ user, credential, raised });
        const ended = lockout === null ? [] : [lockoutEnded(lockout, user.id, ctx.now)];
        return { writes: [...ended, ...writes], answer: { proof } };
      }
      const after = afterFailure(lockout?.item ?? null, id, ctx.now);
      const locks = !wasLocked && isLocked(after, ctx.now);
      const attempt = { id, account: user?.email ?? null, ...keptOrigin(claim.from), wasLocked, locks };
      return { writes: [refusalWrite(attempt, after, lockout?.version ?? 0, ctx.now)], answer: null };
    });
    onRecorded();
    return answer === null ? null : answer.proof;
  }

  return {
    async signIn(ctx, { email, password, from, previous }) {
      const fresh = freshSession(randomBytes);
      const begun = await proven(ctx, { email, password, from }, async ({ user, credential, raised }) => {
        const begins = await beginSession(journal, user, fresh, { method: 'password', from, previous, now: ctx.now });
        const { item, version } = credential;
        const rewritten =
          raised === null ? [] : [credentialWrite({ ...item, password: raised }, version, user.id, ctx.now)];
        return { writes: [...rewritten, ...begins.writes], answer: begins.answer };
      });
      if (begun === null) throw new FirebreakError('unauthenticated', WRONG);
      return begun;
    },

    async invite(ctx, { id }) {
      const { principal, now } = ctx;
      requireOperation(principal, 'user.manage');
      // It leads to a session, which may do all that the roles allow.
      if (principal.scopes !== null) {
        throw new FirebreakError(
          'forbidden',
          'A scoped key cannot make an invitation: it leads to a session without scopes',
        );
      }
      if (principal.keyIssuedBy !== principal.userId) throw new FirebreakError('forbidden', LENT);
      const secret = mintSecret('fbi', randomBytes(SECRET_BYTES));
      const hash = secretHash('fbi', secret) ?? '';
      const invitation = { hash, issuedBy: principal.userId, issuedAt: now, expiresAt: now + INVITATION_LIFETIME_MS };
      await applyAccessChange(journal, ctx, async () => {
        const { item: user } = await existing(loadUser(journal, id), 'user');
        requireMayActOn(await presentActor(journal, principal, 'user.manage'), await inForce(journal, user));
        if (user.kind !== 'person') throw new FirebreakError('conflict', 'A service account has keys, not a password');
        if (user.disabled) throw new FirebreakError('conflict', 'The account is disabled: enable it first');
        const before = await loadCredential(journal, id);
        const credential: Credential = { userId: id, password: before?.item.password ?? null, invitation };
        return { writes: [credentialWrite(credential, before?.version ?? 0, principal.userId, now)], answer: null };
      });
      return { invitation, secret };
    },

    async accept(ctx, { invitation, password, keyName }) {
      const hash = secretHash('fbi', invitation);
      const invited = hash === null ? null : await usableInvitation(journal, hash, ctx.now);
      if (invited === null) throw new FirebreakError('unauthenticated', NO_INVITATION);
      requireSoundPassword(password, invited.user, '/password');
      const name = keyName === undefined ? null : keyNameOf(keyName);
      const stored = await hashed(password, ctx.now, invited.issuedBy);
      const fresh = Buffer.from(randomBytes(16)).toString('hex');
      const secret = mintSecret('fbk', randomBytes(SECRET_BYTES));
      return applyAccessChange(journal, ctx, async () => {
        const now = await usableInvitation(journal, hash ?? '', ctx.now);
        if (now === null) throw new FirebreakError('unauthenticated', NO_INVITATION);
        const { user, version } = now;
        const credential: Credential = { userId: user.id, password: stored, invitation: null };
        const lockout = await loadLockout(journal, user.id);
        if (name !== null) await requireRoomForKey(journal, user.id);
        const key = name === null ? null : firstKey({ userId: user.id, name, fresh, secret }, ctx.now);
        const cause = { end: 'password_changed', by: user.id, at: ctx.now } as const;
        return {
          writes: [
            credentialWrite(credential, version, user.id, ctx.now),
            ...(lockout === null ? [] : [lockoutEnded(lockout, user.id, ctx.now)]),
            ...(await endSessionsOf(journal, { id: user.id }, cause)),
            ...(key === null ? [] : [keyWrite(key, 0, user.id, ctx.now)]),
          ],
          answer: { user, key: key === null ? null : { key, secret } },
        };
      });
    },

    async change(ctx, { oldPassword, newPassword, from }) {
      const { principal, now } = ctx;
      requireOperation(principal, 'session.own');
      const { item: user } = await existing(loadUser(journal, principal.userId), 'user');
      const present = await loadCredential(journal, user.id);
      const password = present?.item.password ?? null;
      if (user.email === null || password === null) {
        throw new FirebreakError('conflict', 'This account has no password: ask an administrator for an invitation');
      }
      requireSoundPassword(newPassword, user, '/newPassword');
      const stored = await hashed(newPassword, now, password.invitedBy);
      const claim = { email: user.email, password: oldPassword, from };
      const changed = await proven(ctx, claim, async ({ credential }) => {
        const after: Credential = { userId: user.id, password: stored, invitation: null };
        const keep = principal.provenBy === 'session' ? { keep: principal.keyId } : {};
        const cause = { end: 'password_changed', by: user.id, at: now } as const;
        const ended = await endSessionsOf(journal, { id: user.id, ...keep }, cause);
        return { writes: [credentialWrite(after, credential.version, user.id, now), ...ended], answer: true };
      });
      if (changed === null) {
        throw new FirebreakError('forbidden', 'The old password is wrong, or too many tries have locked the account', [
          { pointer: '/oldPassword', detail: 'is wrong, or is not looked at for a while' },
        ]);
      }
    },
  };
}

const WRONG = 'The email address or the password is wrong, or the account is locked for a while';
const NO_INVITATION = 'The invitation is wrong, used or expired: ask an administrator for another one';

function keyNameOf(given: string): string {
  const faults: Fault[] = [];
  const name = textOf(given, '/keyName', MAX_NAME_LENGTH, faults);
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The key is not valid', faults);
  return name;
}

/** Whose name and password are right. */
interface Holder {
  readonly user: User;
  readonly credential: Versioned<Credential>;
  /** The same password at today's cost, when it was stored at another one. */
  readonly raised: StoredPassword | null;
}

interface Claimed {
  /** The user's id, or the row in which unknown names are counted. */
  readonly id: string;
  readonly user: User | null;
  readonly credential: Versioned<Credential> | null;
}

/** The same reads whether there is such an account or not. */
async function holderOf(journal: AccessJournal, name: string): Promise<Claimed> {
  const user = await loadUserByEmail(journal, name);
  const id = user?.id ?? unknownAccountId(name);
  return { id, user, credential: await loadCredential(journal, id) };
}

async function usableInvitation(
  journal: AccessJournal,
  hash: string,
  now: number,
): Promise<{ readonly user: User; readonly version: number; readonly issuedBy: string } | null> {
  const found = await loadInvited(journal, hash);
  const invitation = found?.item.invitation ?? null;
  if (found === null || invitation === null || invitation.expiresAt <= now) return null;
  const user = (await loadUser(journal, found.item.userId))?.item ?? null;
  if (user === null || user.disabled || user.kind !== 'person') return null;
  return { user, version: found.version, issuedBy: invitation.issuedBy };
}
