import { derivedId } from '../../platform/hash.ts';
import { FirebreakError } from '../../platform/errors.ts';
import { StoreUnavailableError } from '../../journal/journal.ts';
import { applyAccessChange } from './access-change.ts';
import { accountsOf, type User } from './access.ts';
import { inForce } from './access-in-force.ts';
import { loadUser, type AccessJournal, type AccessWrite, type PageOf, type Versioned } from './access.store.ts';
import { requireOperation, type CallContext, type Principal } from './principal.ts';
import { mintSecret, SECRET_BYTES, secretHash, type RandomBytes } from './secret.ts';
import {
  isInForce,
  keptOrigin,
  MAX_SESSIONS,
  SESSION_LIFETIME_MS,
  SESSION_SEEN_STEP_MS,
  type CameFrom,
  type Session,
  type SessionMethod,
} from './session.ts';
import {
  listSessions,
  loadSession,
  loadSessionByHash,
  sessionBegun,
  sessionEnded,
  sessionView,
  type SeenSession,
} from './session.store.ts';
import type { UserInForce } from './user-in-force.ts';

/** Sessions of browsers. They are begun by whoever checked who it is: see `beginSession`. */
export interface SessionService {
  /** Who `secret` belongs to, or null: unknown, over, unused for too long, or its owner disabled. Roles are those of now. A mere `look` is no use of it. */
  authenticate(secret: string, now: number, how?: 'use' | 'look'): Promise<Principal | null>;
  /** The caller's own ones that are in force, newest first. */
  list(ctx: CallContext, page: { readonly limit: number; readonly skip: number }): Promise<PageOf<SeenSession>>;
  /** Ends one of the caller's own. @throws FirebreakError `not_found`, also for those of others. */
  end(ctx: CallContext, input: { readonly id: string }): Promise<Session>;
}

export function createSessionService(journal: AccessJournal): SessionService {
  return {
    async authenticate(secret, now, how = 'use') {
      const hash = secretHash('fbw', secret);
      const found = hash === null ? null : await loadSessionByHash(journal, hash);
      if (found === null || !isInForce(found.item.session, found.item.seenAt, now)) return null;
      const { session } = found.item;
      const user = (await loadUser(journal, session.userId))?.item;
      if (user === undefined || user.disabled || user.kind !== 'person') return null;
      if (how === 'use') await noteUse(journal, found, now);
      return principalOf(await inForce(journal, user), session);
    },

    async list(ctx, page) {
      requireOperation(ctx.principal, 'session.own');
      const { items, total } = await listSessions(journal, { ...page, subject: ctx.principal.userId });
      const inForce = items.filter(({ item }) => isInForce(item.session, item.seenAt, ctx.now));
      return { items: inForce.map(({ item }) => item), total: total - items.length + inForce.length };
    },

    async end(ctx, { id }) {
      const { principal, now } = ctx;
      requireOperation(principal, 'session.own');
      return applyAccessChange(journal, ctx, async () => {
        const found = await loadSession(journal, id);
        if (found === null || found.item.session.userId !== principal.userId) {
          throw new FirebreakError('not_found', 'There is no such session of yours');
        }
        const end = id === principal.keyId ? 'signed_out' : 'revoked';
        const answer: Session = { ...found.item.session, endedAt: now, end };
        return { writes: [sessionEnded(found, end, principal.userId, now)], answer };
      });
    },
  };
}

function principalOf(user: UserInForce, session: Session): Principal {
  return {
    userId: user.id,
    kind: user.kind,
    name: user.name,
    roles: user.roles,
    grants: user.grants,
    linkedAccounts: accountsOf(user),
    provenBy: 'session',
    keyId: session.id,
    keyIssuedBy: user.id,
    scopes: null,
    source: null,
  };
}

/**
 * Moves the last known use on, at most once a minute. Where that fails, or somebody else did it at the same moment, the
 * session is taken to be unused since earlier: it may end too soon, never too late.
 */
async function noteUse(
  journal: AccessJournal,
  { item: { session, seenAt }, version }: Versioned<SeenSession>,
  now: number,
): Promise<void> {
  if (now < seenAt + SESSION_SEEN_STEP_MS) return;
  try {
    await journal.commit([{ appends: [], views: [{ ...sessionView(session, now), expectedVersion: version }] }]);
  } catch (thrown) {
    if (!(thrown instanceof StoreUnavailableError)) throw thrown;
  }
}

/** A session that begins with this change. `secret` goes into a cookie and nowhere else. */
export interface BegunSession {
  readonly session: Session;
  readonly secret: string;
}

/** A secret and an id that nobody knew before: a session never goes on under what a browser brought along. */
export function freshSession(randomBytes: RandomBytes): { readonly id: string; readonly secret: string } {
  return {
    id: derivedId('ses', Buffer.from(randomBytes(16)).toString('hex')),
    secret: mintSecret('fbw', randomBytes(SECRET_BYTES)),
  };
}

/**
 * The writes that begin a session of `user`, who has just proven to be that: the one that the browser had (`previous`, its
 * secret) ends, and beyond ten the oldest.
 */
export async function beginSession(
  journal: AccessJournal,
  user: User,
  fresh: { readonly id: string; readonly secret: string },
  how: {
    readonly method: SessionMethod;
    readonly from: CameFrom;
    readonly previous: string | null;
    readonly now: number;
  },
): Promise<{ readonly writes: readonly AccessWrite[]; readonly answer: BegunSession }> {
  const { method, from, previous, now } = how;
  const session: Session = {
    id: fresh.id,
    userId: user.id,
    account: user.email,
    hash: secretHash('fbw', fresh.secret) ?? '',
    method,
    ...keptOrigin(from),
    createdAt: now,
    expiresAt: now + SESSION_LIFETIME_MS,
    endedAt: null,
    end: null,
  };
  const ended = await makingRoom(journal, user.id, previous, now);
  return { writes: [...ended, sessionBegun(session, user.id)], answer: { session, secret: fresh.secret } };
}

async function makingRoom(
  journal: AccessJournal,
  userId: string,
  previous: string | null,
  now: number,
): Promise<readonly AccessWrite[]> {
  const hash = previous === null ? null : secretHash('fbw', previous);
  const brought = hash === null ? null : await loadSessionByHash(journal, hash);
  const { items } = await listSessions(journal, { subject: userId, limit: MAX_SESSIONS, skip: 0 });
  const others = items.filter(({ item }) => item.session.id !== brought?.item.session.id);
  const over = others.filter(({ item }) => !isInForce(item.session, item.seenAt, now));
  const inForce = others.filter((each) => !over.includes(each));
  // Newest first: what lies behind the ninth makes room.
  const pushedOut = inForce.slice(MAX_SESSIONS - 1);
  return [
    ...(brought === null ? [] : [sessionEnded(brought, 'replaced', brought.item.session.userId, now)]),
    ...over.map((each) => sessionEnded(each, 'expired', userId, now)),
    ...pushedOut.map((each) => sessionEnded(each, 'replaced', userId, now)),
  ];
}
