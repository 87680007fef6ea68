import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { applyAccessChange, existing } from './access-change.ts';
import { allCustomRoles, allGroups, inForce, loadUserInForce } from './access-in-force.ts';
import { accountsOf, MAX_ACCOUNT_ID_LENGTH, MAX_NAME_LENGTH, textOf, type ApiKey, type UserInput } from './access.ts';
import { checkedScopes, requireMayActOn } from './may-change.ts';
import {
  keyWrite,
  listKeys,
  listUsers,
  loadKey,
  loadKeyByHash,
  loadUser,
  type AccessJournal,
  type PageOf,
} from './access.store.ts';
import { presentActor } from './actor.ts';
import { changedUser, newUser } from './change-user.ts';
import type { Operation } from './operations.ts';
import { LENT, mayDo, requireOperation, type CallContext, type Principal } from './principal.ts';
import { requireRoomForKey } from './own-keys.ts';
import { mintSecret, SECRET_BYTES, secretHash, type RandomBytes } from './secret.ts';
import { userInForce, type UserInForce } from './user-in-force.ts';

/** How long a key may live at most, in ms: a year and a day, so that a yearly renewal is never late. */
export const MAX_KEY_LIFETIME_MS = 366 * 24 * 3_600_000;

export interface KeyInput {
  /** Null: for oneself. */
  readonly userId: string | null;
  readonly name: string;
  /** Null: all that the owner's roles allow. */
  readonly scopes: readonly Operation[] | null;
  /** The source instance events sent with it belong to. */
  readonly source: string | null;
  /** From now, in ms. */
  readonly lifetimeMs: number;
}

export interface Page {
  readonly limit: number;
  readonly skip: number;
}

/** People, service accounts and their keys. Every verb checks the caller's operation itself. */
export interface AccessService {
  /** Who `secret` belongs to, or null: unknown, expired, revoked, or its owner disabled. */
  authenticate(secret: string, now: number): Promise<Principal | null>;
  listUsers(
    ctx: CallContext,
    query: Page & { readonly kind?: 'person' | 'service' | undefined },
  ): Promise<PageOf<UserInForce>>;
  getUser(ctx: CallContext, id: string): Promise<UserInForce>;
  createUser(ctx: CallContext, input: UserInput & { readonly kind: 'person' | 'service' }): Promise<UserInForce>;
  changeUser(ctx: CallContext, id: string, input: UserInput): Promise<UserInForce>;
  /** `secret` is in this answer only. */
  createKey(ctx: CallContext, input: KeyInput): Promise<{ readonly key: ApiKey; readonly secret: string }>;
  listKeys(ctx: CallContext, query: Page & { readonly userId?: string | undefined }): Promise<PageOf<ApiKey>>;
  /** Refuses the key that makes the request, so that whoever revokes still holds a working one. */
  revokeKey(ctx: CallContext, id: string): Promise<ApiKey>;
}

/** Builds the service. `randomBytes` must be unpredictable: ids and secrets come from it. */
export function createAccessService(journal: AccessJournal, randomBytes: RandomBytes): AccessService {
  const newId = (prefix: string): string => derivedId(prefix, Buffer.from(randomBytes(16)).toString('hex'));
  return {
    authenticate: (secret, now) => authenticate(journal, secret, now),

    async listUsers(ctx, { kind, ...page }) {
      requireOperation(ctx.principal, 'user.read');
      const { items, total } = await listUsers(journal, { ...page, ...(kind === undefined ? {} : { type: kind }) });
      const groups = new Map((await allGroups(journal)).map((group) => [group.id, group]));
      const roles = await allCustomRoles(journal);
      return { items: items.map((user) => userInForce(user, groups, roles)), total };
    },

    async getUser(ctx, id) {
      if (id !== ctx.principal.userId) requireOperation(ctx.principal, 'user.read');
      return existing(loadUserInForce(journal, id), 'user');
    },

    async createUser(ctx, { kind, ...input }) {
      requireOperation(ctx.principal, 'user.manage');
      const blank = { kind, name: '', email: null, roles: [], disabled: false, linkedAccounts: [], createdAt: ctx.now };
      const fresh = { id: newId('usr'), ...blank };
      return applyAccessChange(journal, ctx, () => newUser(journal, ctx, fresh, { ...input, name: input.name ?? '' }));
    },

    async changeUser(ctx, id, input) {
      requireOperation(ctx.principal, 'user.manage');
      return applyAccessChange(journal, ctx, () => changedUser(journal, ctx, id, () => input));
    },

    async createKey(ctx, input) {
      const secret = mintSecret('fbk', randomBytes(SECRET_BYTES));
      const id = newId('key');
      const key = await applyAccessChange(journal, ctx, async () => {
        const made = await newKey(journal, ctx, input, id, secret);
        return { writes: [keyWrite(made, 0, ctx.principal.userId, ctx.now)], answer: made };
      });
      return { key, secret };
    },

    async listKeys(ctx, { userId, ...page }) {
      const { principal } = ctx;
      const all = mayDo(principal, 'key.manage');
      const subject = userId ?? (all ? undefined : principal.userId);
      requireOperation(principal, subject === principal.userId ? 'key.own' : 'key.manage');
      return listKeys(journal, { ...page, ...(subject === undefined ? {} : { subject }) });
    },

    async revokeKey(ctx, id) {
      return applyAccessChange(journal, ctx, async () => {
        const before = await existing(loadKey(journal, id), 'API key');
        await requireMayHandleKeysOf(journal, ctx, before.item.userId);
        if (id === ctx.principal.keyId) {
          throw new FirebreakError('conflict', 'A key cannot revoke itself: use another one of yours');
        }
        if (before.item.revokedAt !== null) return { writes: [], answer: before.item };
        const key = { ...before.item, revokedAt: ctx.now };
        return { writes: [keyWrite(key, before.version, ctx.principal.userId, ctx.now)], answer: key };
      });
    },
  };
}

async function authenticate(journal: AccessJournal, secret: string, now: number): Promise<Principal | null> {
  const hash = secretHash('fbk', secret);
  if (hash === null) return null;
  const key = await loadKeyByHash(journal, hash);
  if (key === null || key.revokedAt !== null || key.expiresAt <= now) return null;
  const user = (await loadUser(journal, key.userId))?.item;
  if (user === undefined || user.disabled) return null;
  const { roles, grants } = await inForce(journal, user);
  return {
    userId: user.id,
    kind: user.kind,
    name: user.name,
    roles,
    grants,
    linkedAccounts: accountsOf(user),
    provenBy: 'key',
    keyId: key.id,
    keyIssuedBy: key.issuedBy,
    scopes: key.scopes,
    source: key.source,
  };
}

async function newKey(
  journal: AccessJournal,
  ctx: CallContext,
  input: KeyInput,
  id: string,
  secret: string,
): Promise<ApiKey> {
  const userId = input.userId ?? ctx.principal.userId;
  const owner = await requireMayHandleKeysOf(journal, ctx, userId);
  const faults: { pointer: string; detail: string }[] = [];
  const name = textOf(input.name, '/name', MAX_NAME_LENGTH, faults);
  const source = input.source === null ? null : textOf(input.source, '/source', MAX_ACCOUNT_ID_LENGTH, faults);
  if (!(input.lifetimeMs > 0 && input.lifetimeMs <= MAX_KEY_LIFETIME_MS)) {
    faults.push({ pointer: '/expiresInDays', detail: 'must be from 1 to 366' });
  }
  if (owner.disabled) faults.push({ pointer: '/userId', detail: 'is disabled' });
  if (faults.length > 0) throw new FirebreakError('invalid_request', 'The key is not valid', faults);
  const scopes = checkedScopes(owner, narrowed(ctx.principal, userId, input.scopes));
  await requireRoomForKey(journal, userId);
  const hash = secretHash('fbk', secret) ?? '';
  const expiresAt = ctx.now + Math.round(input.lifetimeMs);
  const times = { createdAt: ctx.now, expiresAt, revokedAt: null };
  return { id, userId, name, hash, scopes, source, issuedBy: makerFor(ctx.principal, userId), ...times };
}

/**
 * Who counts as the maker of a key. Whoever made the key with which it is asked for has seen that secret, and may be the one who
 * asks: what is made with it for oneself is as much theirs, and for others nothing is made with it.
 *
 * @throws FirebreakError `forbidden`.
 */
function makerFor({ userId, keyIssuedBy }: Principal, ownerId: string): string {
  if (keyIssuedBy === userId) return userId;
  if (ownerId === userId) return keyIssuedBy;
  throw new FirebreakError('forbidden', LENT);
}

/** A scoped key begets at most its own scopes; otherwise a narrow key would be a way to a wide one. */
function narrowed(
  principal: Principal,
  ownerId: string,
  wanted: readonly Operation[] | null,
): readonly Operation[] | null {
  const { scopes } = principal;
  if (scopes === null) return wanted;
  if (wanted === null && ownerId === principal.userId) return scopes;
  const beyond = (wanted ?? []).filter((scope) => !scopes.includes(scope));
  if (wanted === null || beyond.length > 0) {
    throw new FirebreakError('forbidden', 'A scoped key cannot create one that may do more', [
      { pointer: '/scopes', detail: wanted === null ? 'must be named' : `beyond this key: ${beyond.join(', ')}` },
    ]);
  }
  return wanted;
}

async function requireMayHandleKeysOf(journal: AccessJournal, ctx: CallContext, userId: string): Promise<UserInForce> {
  const { principal } = ctx;
  const actor = await presentActor(journal, principal, userId === principal.userId ? 'key.own' : 'key.manage');
  const owner = await existing(loadUserInForce(journal, userId), 'user');
  if (userId !== principal.userId) requireMayActOn(actor, owner);
  return owner;
}
