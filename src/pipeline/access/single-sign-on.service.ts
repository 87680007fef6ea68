import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { applyAccessChange, requireAnotherAdmin } from './access-change.ts';
import { applyUserInput, isActiveAdmin, MAX_NAME_LENGTH, type User } from './access.ts';
import {
  allUsers,
  loadUser,
  loadUserByEmail,
  userWrite,
  type AccessJournal,
  type AccessWrite,
  type Versioned,
} from './access.store.ts';
import { endSessionsOf } from './end-sessions.ts';
import { canonicalAccount } from './identities.ts';
import type { Claims } from './identity-provider.ts';
import { identityId, MAX_OIDC_SUBJECT, oidcAccount, type Identity } from './identity.ts';
import { identityWrite, loadIdentity } from './identity.store.ts';
import type { AnonymousContext } from './principal.ts';
import type { RandomBytes } from './secret.ts';
import type { CameFrom } from './session.ts';
import { beginSession, freshSession, type BegunSession } from './sessions.service.ts';

const BY = 'system:single-sign-on';

/** People who are known to an identity provider. */
export interface SingleSignOnService {
  /**
   * Begins a session of the user whose linked account this is; who has none gets an account when a group maps to a role.
   * An account is never found by its email address. @throws FirebreakError `forbidden` with what somebody has to do.
   */
  signIn(
    ctx: AnonymousContext,
    input: { readonly claims: Claims; readonly from: CameFrom; readonly previous: string | null },
  ): Promise<BegunSession>;
}

export interface SingleSignOnPorts {
  /** Must be unpredictable. */
  readonly randomBytes: RandomBytes;
  /** Group of the provider to role. */
  readonly roleOf: ReadonlyMap<string, Role>;
  /** A sign-in is on record. Must not throw. */
  readonly onRecorded: () => void;
}

/** Who signs in, and what has to be written before that. */
interface Found {
  readonly user: User;
  readonly writes: readonly AccessWrite[];
}

export function createSingleSignOnService(journal: AccessJournal, ports: SingleSignOnPorts): SingleSignOnService {
  const { randomBytes, roleOf, onRecorded } = ports;
  const rolesIn = (groups: readonly string[]): readonly Role[] => {
    const mapped = new Set(groups.map((group) => roleOf.get(group)));
    return ROLES.filter((role) => mapped.has(role));
  };

  async function linked(ctx: AnonymousContext, claims: Claims, link: Link): Promise<Found> {
    const { user: before, identity } = link;
    if (before.item.disabled || before.item.kind !== 'person') throw refused('This account is disabled');
    const known =
      identity?.item.userId === before.item.id
        ? []
        : [identityWrite(newIdentity(claims, before.item.id, false, ctx.now), identity?.version ?? 0, ctx.now)];
    // Who was an account here before keeps the roles that people gave it.
    if (identity?.item.created !== true || identity.item.userId !== before.item.id) {
      return { user: before.item, writes: known };
    }
    const user = { ...before.item, roles: [...rolesIn(claims.groups)] };
    if (user.roles.join() === before.item.roles.join()) return { user, writes: known };
    if (isActiveAdmin(before.item) && !isActiveAdmin(user)) await requireAnotherAdmin(journal, user.id);
    const changed = userWrite(user, before.version, BY, ctx.now);
    const cause = { end: 'roles_lost', by: BY, at: ctx.now } as const;
    const ended = user.roles.length > 0 ? [] : await endSessionsOf(journal, { id: user.id }, cause);
    return { user, writes: [...known, changed, ...ended] };
  }

  async function created(ctx: AnonymousContext, claims: Claims, id: string): Promise<Found> {
    const account = oidcAccount(claims.issuer, claims.subject);
    const { email } = claims;
    if (email === null || !claims.emailVerified) {
      throw refused(
        `The identity provider vouches for no email address of yours: an administrator can make an account and add ${account} to its linked accounts`,
      );
    }
    if ((await loadUserByEmail(journal, canonicalAccount(email))) !== null) {
      throw refused(
        `Another account here has your email address: an administrator who knows that it is yours has to add ${account} to its linked accounts`,
      );
    }
    const roles = rolesIn(claims.groups);
    if (roles.length === 0) throw refused(NO_ROLE);
    const blank = { id, kind: 'person' as const, name: '', email: null, roles: [], disabled: false };
    const user = applyUserInput(
      { ...blank, linkedAccounts: [], createdAt: ctx.now },
      { name: nameOf(claims, email), email, roles, linkedAccounts: [account] },
    );
    const earlier = await loadIdentity(journal, identityId(account));
    const identity = identityWrite(newIdentity(claims, id, true, ctx.now), earlier?.version ?? 0, ctx.now);
    return { user, writes: [userWrite(user, 0, BY, ctx.now), identity] };
  }

  return {
    async signIn(ctx, { claims, from, previous }) {
      requireUsableSubject(claims);
      const fresh = freshSession(randomBytes);
      const userId = derivedId('usr', Buffer.from(randomBytes(16)).toString('hex'));
      const begun = await applyAccessChange<BegunSession | null>(journal, ctx, async () => {
        const link = await findLink(journal, claims);
        const { user, writes } = link === null ? await created(ctx, claims, userId) : await linked(ctx, claims, link);
        // That they lost their roles is recorded all the same.
        if (user.roles.length === 0) return { writes, answer: null };
        const begins = await beginSession(journal, user, fresh, { method: 'oidc', from, previous, now: ctx.now });
        return { writes: [...writes, ...begins.writes], answer: begins.answer };
      });
      if (begun === null) throw refused(NO_ROLE);
      onRecorded();
      return begun;
    },
  };
}

const NO_ROLE = 'None of your groups has a role here: ask an administrator of the identity provider';

/** The user whose linked account it is, and the row of its earlier sign-ins, if any. */
interface Link {
  readonly user: Versioned<User>;
  readonly identity: Versioned<Identity> | null;
}

async function findLink(journal: AccessJournal, { issuer, subject }: Claims): Promise<Link | null> {
  const account = oidcAccount(issuer, subject);
  const identity = await loadIdentity(journal, identityId(account));
  if (identity !== null && (identity.item.issuer !== issuer || identity.item.subject !== subject)) {
    throw refused(
      'An account that differs from yours only in case is known here: an administrator has to look at both',
    );
  }
  const known = identity === null ? null : await loadUser(journal, identity.item.userId);
  if (known?.item.linkedAccounts.includes(account) === true) return { user: known, identity };
  const holders = await holdersOf(journal, account);
  if (holders.length > 1) throw refused(`More than one account here has ${account} among its linked accounts`);
  const holder = holders[0] === undefined ? null : await loadUser(journal, holders[0]);
  return holder === null ? null : { user: holder, identity };
}

/** Only asked at the first sign-in of an account, so that it may look at everybody. */
async function holdersOf(journal: AccessJournal, account: string): Promise<readonly string[]> {
  const people = await allUsers(journal, { type: 'person' });
  return people.filter(({ linkedAccounts }) => linkedAccounts.includes(account)).map(({ id }) => id);
}

function newIdentity({ issuer, subject }: Claims, userId: string, isNew: boolean, now: number): Identity {
  const account = oidcAccount(issuer, subject);
  return { id: identityId(account), issuer, subject, account, userId, created: isNew, linkedAt: now };
}

function nameOf({ name }: Claims, email: string): string {
  const text = (name ?? '').slice(0, MAX_NAME_LENGTH).trim();
  return text === '' ? email : text;
}

function requireUsableSubject({ issuer, subject }: Claims): void {
  if (issuer !== '' && subject.length >= 1 && subject.length <= MAX_OIDC_SUBJECT && /^[\x21-\x7e]+$/.test(subject))
    return;
  throw refused('The identity provider gave no usable subject');
}

function refused(why: string): FirebreakError {
  return new FirebreakError('forbidden', why);
}
