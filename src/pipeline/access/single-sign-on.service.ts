import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { allGroups, inForce } from './access-in-force.ts';
import { applyAccessChange, requireAnotherAdmin } from './access-change.ts';
import { applyUserInput, MAX_NAME_LENGTH, type User, type UserInput } from './access.ts';
import { isActiveAdmin } from './may-change.ts';
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
import { groupKey, MAX_GROUPS_OF_ONE } from './group.ts';
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
  /** Group of the provider to the name of a group here; who is in these follows the provider, in others people say it. */
  readonly groupOf?: ReadonlyMap<string, string>;
  /** A sign-in is on record. Must not throw. */
  readonly onRecorded: () => void;
}

/** Who signs in, and what has to be written before that. */
interface Found {
  readonly user: User;
  readonly writes: readonly AccessWrite[];
}

export function createSingleSignOnService(journal: AccessJournal, ports: SingleSignOnPorts): SingleSignOnService {
  const { randomBytes, roleOf, groupOf = new Map<string, string>(), onRecorded } = ports;
  const rolesIn = (groups: readonly string[]): readonly Role[] => {
    const mapped = new Set(groups.map((group) => roleOf.get(group)));
    return ROLES.filter((role) => mapped.has(role));
  };

  /**
   * Roles and groups that the provider's groups mean for somebody here. A group whose roles they have set themselves takes them in
   * no further than it has: nobody gives themselves roles.
   */
  async function meantBy(
    claimed: readonly string[],
    user: User,
  ): Promise<Required<Pick<UserInput, 'roles' | 'groups'>>> {
    const roles = rolesIn(claimed);
    const before = user.groups ?? [];
    if (groupOf.size === 0) return { roles, groups: before };
    const keysOf = (names: Iterable<string>) => new Set([...names].map(groupKey));
    const followed = keysOf(groupOf.values());
    const wanted = keysOf(claimed.flatMap((group) => groupOf.get(group) ?? []));
    const known = await allGroups(journal);
    const joined = known.filter(
      ({ id, name, rolesSetBy }) => wanted.has(groupKey(name)) && (before.includes(id) || rolesSetBy !== user.id),
    );
    const others = before.filter((id) => !known.some((group) => group.id === id && followed.has(groupKey(group.name))));
    return { roles, groups: [...others, ...joined.map(({ id }) => id)].slice(0, MAX_GROUPS_OF_ONE).sort() };
  }

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
    const { roles, groups } = await meantBy(claims.groups, before.item);
    const user = applyUserInput(before.item, { roles, groups }, { customRoles: [], groups });
    const isSame =
      user.roles.join() === before.item.roles.join() && groups.join() === (before.item.groups ?? []).join();
    if (isSame) return { user, writes: known };
    const [was, is] = await Promise.all([inForce(journal, before.item), inForce(journal, user)]);
    if (isActiveAdmin(was) && !isActiveAdmin(is)) await requireAnotherAdmin(journal, [user.id]);
    const changed = userWrite(user, before.version, BY, ctx.now);
    const cause = { end: 'roles_lost', by: BY, at: ctx.now } as const;
    const ended = is.roles.length > 0 ? [] : await endSessionsOf(journal, { id: user.id }, cause);
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
    const blank = { id, kind: 'person' as const, name: '', email: null, roles: [], disabled: false };
    const nobody = { ...blank, linkedAccounts: [], createdAt: ctx.now };
    const { roles, groups } = await meantBy(claims.groups, nobody);
    const input = { name: nameOf(claims, email), email, roles, groups, linkedAccounts: [account] };
    const user = applyUserInput(nobody, input, { customRoles: [], groups });
    if ((await inForce(journal, user)).roles.length === 0) throw refused(NO_ROLE);
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
        if ((await inForce(journal, user)).roles.length === 0) return { writes, answer: null };
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
