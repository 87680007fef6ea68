import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { applyUserInput, type ApiKey, type Setup, type User } from './access.ts';
import { applyAccessChange, hasActiveAdmin, requireFreeEmail } from './access-change.ts';
import { DEFAULT_KEY_LIFETIME_MS } from './access.service.ts';
import { keyWrite, loadSetup, setupWrite, userWrite, type AccessJournal } from './access.store.ts';
import type { AnonymousContext } from './principal.ts';
import { mintSecret, sameHash, SECRET_BYTES, secretHash, type RandomBytes } from './secret.ts';

/** How long a set-up token may be used, in ms: a working day to finish the installation. Each start makes a new one. */
export const SETUP_TOKEN_LIFETIME_MS = 24 * 3_600_000;

/** Tokens of other processes that stay good: more than are ever started on one journal before it is set up. */
const MAX_EARLIER_TOKENS = 31;

/** The way in when nobody has a key: a token on the server's own output, good for one administrator, once. */
export interface SetupService {
  /**
   * A new token to print at start, or null when there is an enabled SECURITY_ADMIN already. An earlier unused token
   * stops working, unless it may be another process that printed it (`keepEarlier`). `recovery` gives one in any case:
   * for the operator at the machine who lost every key.
   */
  issueToken(
    ctx: AnonymousContext,
    options?: { readonly recovery?: boolean; readonly keepEarlier?: boolean },
  ): Promise<string | null>;
  /** Creates a SECURITY_ADMIN and their key, and burns the token. @throws FirebreakError `unauthenticated`, `conflict`. */
  redeem(
    ctx: AnonymousContext,
    input: {
      readonly token: string;
      readonly name: string;
      readonly email: string;
      /** Only here may somebody name their own accounts in other systems: later another person has to. */
      readonly linkedAccounts?: readonly string[] | undefined;
    },
  ): Promise<{ readonly user: User; readonly key: ApiKey; readonly secret: string }>;
}

/** Builds the service; `randomBytes` as for `createAccessService`. */
export function createSetupService(journal: AccessJournal, randomBytes: RandomBytes): SetupService {
  return {
    async issueToken(ctx, options) {
      const token = mintSecret('fbs', randomBytes(SECRET_BYTES));
      const hash = secretHash('fbs', token) ?? '';
      return applyAccessChange(journal, ctx, async () => {
        if (options?.recovery !== true && (await hasActiveAdmin(journal, null))) return { writes: [], answer: null };
        const before = await loadSetup(journal);
        const earlier = options?.keepEarlier === true ? tokensOf(before?.item ?? null, ctx.now) : [];
        const setup = {
          hash,
          issuedAt: ctx.now,
          expiresAt: ctx.now + SETUP_TOKEN_LIFETIME_MS,
          usedAt: null,
          ...(earlier.length === 0 ? {} : { earlier: earlier.slice(0, MAX_EARLIER_TOKENS) }),
        };
        return { writes: [setupWrite(setup, before?.version ?? 0, 'system:setup', ctx.now)], answer: token };
      });
    },

    async redeem(ctx, { token, ...person }) {
      const secret = mintSecret('fbk', randomBytes(SECRET_BYTES));
      const userId = derivedId('usr', Buffer.from(randomBytes(16)).toString('hex'));
      const keyId = derivedId('key', userId);
      return applyAccessChange(journal, ctx, async () => {
        const before = await loadSetup(journal);
        if (before === null || before.item.usedAt !== null) {
          throw new FirebreakError('conflict', 'Firebreak is set up: ask a SECURITY_ADMIN for an account');
        }
        const hash = secretHash('fbs', token);
        if (hash === null || !tokensOf(before.item, ctx.now).some((token) => sameHash(hash, token.hash))) {
          throw new FirebreakError(
            'unauthenticated',
            'The set-up token is wrong or expired: a restart prints a new one',
          );
        }
        const blank = {
          id: userId,
          kind: 'person',
          name: '',
          email: null,
          disabled: false,
          createdAt: ctx.now,
        } as const;
        const user = applyUserInput({ ...blank, roles: ['SECURITY_ADMIN'], linkedAccounts: [] }, person);
        await requireFreeEmail(journal, user);
        const key = firstKey(userId, keyId, secret, ctx.now);
        return {
          writes: [
            setupWrite({ ...before.item, usedAt: ctx.now }, before.version, userId, ctx.now),
            userWrite(user, 0, userId, ctx.now),
            keyWrite(key, 0, userId, ctx.now),
          ],
          answer: { user, key, secret },
        };
      });
    },
  };
}

/** The tokens that can be used, the newest first. */
function tokensOf(setup: Setup | null, now: number): readonly { readonly hash: string; readonly expiresAt: number }[] {
  if (setup === null || setup.usedAt !== null) return [];
  const { hash, expiresAt, earlier = [] } = setup;
  return [{ hash, expiresAt }, ...earlier].filter((token) => token.expiresAt > now);
}

function firstKey(userId: string, id: string, secret: string, now: number): ApiKey {
  return {
    id,
    userId,
    name: 'set-up',
    hash: secretHash('fbk', secret) ?? '',
    scopes: null,
    source: null,
    createdAt: now,
    expiresAt: now + DEFAULT_KEY_LIFETIME_MS,
    issuedBy: userId,
    revokedAt: null,
  };
}
