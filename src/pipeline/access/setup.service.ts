import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import { sameText } from '../../platform/same-text.ts';
import { applyUserInput, type ApiKey, type Setup, type User } from './access.ts';
import { firstKey } from './own-keys.ts';
import { applyAccessChange, hasActiveAdmin, requireFreeEmail } from './access-change.ts';
import {
  keyWrite,
  loadKey,
  loadSetup,
  loadUser,
  setupWrite,
  userWrite,
  type AccessJournal,
  type AccessWrite,
  type Versioned,
} from './access.store.ts';
import type { AnonymousContext } from './principal.ts';
import { mintSecret, SECRET_BYTES, secretHash, type RandomBytes } from './secret.ts';

/** How long a set-up token may be used, in ms: a working day to finish the installation. Each start makes a new one. */
export const SETUP_TOKEN_LIFETIME_MS = 24 * 3_600_000;

/**
 * How long the same person may use the same token again, in ms of business time: the answer with the key may have been lost,
 * and nobody else could make another one. What it gave the first time stops working then, so that a stranger who read the
 * token cannot get a key unnoticed.
 */
export const SETUP_REPEAT_MS = 10 * 60_000;

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
  /**
   * Creates a SECURITY_ADMIN and their key, and burns the token. The same token with the same name and email address within
   * `SETUP_REPEAT_MS` gives that person another key in place of the first. @throws FirebreakError `unauthenticated`, `conflict`.
   */
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
        if (options?.recovery !== true && (await hasActiveAdmin(journal))) return { writes: [], answer: null };
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
      const fresh = Buffer.from(randomBytes(16)).toString('hex');
      return applyAccessChange(journal, ctx, async () => {
        const before = await loadSetup(journal);
        const hash = secretHash('fbs', token);
        if (before === null) throw alreadySetUp();
        if (before.item.usedAt !== null) {
          const made = isIn(tokensRepeatable(before.item, ctx.now), hash) ? await madeBy(journal, before.item) : null;
          if (made === null || !isSamePerson(made.user.item, person)) throw alreadySetUp();
          const user = made.user.item;
          const key = firstKey({ userId: user.id, name: 'set-up', fresh, secret }, ctx.now);
          return { writes: keyAgain(before, made, key, ctx.now), answer: { user, key, secret } };
        }
        if (!isIn(tokensOf(before.item, ctx.now), hash)) {
          throw new FirebreakError(
            'unauthenticated',
            'The set-up token is wrong or expired: a restart prints a new one',
          );
        }
        const userId = derivedId('usr', fresh);
        const user = applyUserInput({ ...blankAdmin(userId), createdAt: ctx.now }, person);
        await requireFreeEmail(journal, user);
        const key = firstKey({ userId, name: 'set-up', fresh, secret }, ctx.now);
        const used = { ...before.item, usedAt: ctx.now, usedBy: { userId, keyId: key.id } };
        return {
          writes: [
            setupWrite(used, before.version, userId, ctx.now),
            userWrite(user, 0, userId, ctx.now),
            keyWrite(key, 0, userId, ctx.now),
          ],
          answer: { user, key, secret },
        };
      });
    },
  };
}

/** The administrator whom the token made and their key, when both are still good. */
async function madeBy(journal: AccessJournal, { usedBy }: Setup): Promise<Made | null> {
  const user = usedBy === undefined ? null : await loadUser(journal, usedBy.userId);
  const key = usedBy === undefined ? null : await loadKey(journal, usedBy.keyId);
  const over = user === null || key === null || user.item.disabled || key.item.revokedAt !== null;
  return over ? null : { user, key };
}

interface Made {
  readonly user: Versioned<User>;
  readonly key: Versioned<ApiKey>;
}

/** The key that was made may have reached somebody, or nobody: it ends, and whoever had it will notice. */
function keyAgain(before: Versioned<Setup>, made: Made, key: ApiKey, now: number): readonly AccessWrite[] {
  const userId = made.user.item.id;
  const used = { ...before.item, usedBy: { userId, keyId: key.id } };
  return [
    setupWrite(used, before.version, userId, now),
    keyWrite({ ...made.key.item, revokedAt: now }, made.key.version, userId, now),
    keyWrite(key, 0, userId, now),
  ];
}

function alreadySetUp(): FirebreakError {
  return new FirebreakError('conflict', 'Firebreak is set up: ask a SECURITY_ADMIN for an account');
}

function blankAdmin(id: string): User {
  return {
    id,
    kind: 'person',
    name: '',
    email: null,
    disabled: false,
    createdAt: 0,
    roles: ['SECURITY_ADMIN'],
    linkedAccounts: [],
  };
}

/** Whether it is the same request as the one that made `user`. */
function isSamePerson(user: User, person: Parameters<typeof applyUserInput>[1]): boolean {
  const again = applyUserInput(blankAdmin(user.id), person);
  return again.name === user.name && again.email === user.email;
}

function isIn(tokens: readonly { readonly hash: string }[], hash: string | null): boolean {
  return hash !== null && tokens.some((token) => sameText(hash, token.hash));
}

/** The tokens that may be used once more because the answer to their first use may have been lost. */
function tokensRepeatable({ usedAt, ...setup }: Setup, now: number): readonly { readonly hash: string }[] {
  return usedAt !== null && now < usedAt + SETUP_REPEAT_MS ? tokensOf({ ...setup, usedAt: null }, now) : [];
}

/** The tokens that can be used, the newest first. */
function tokensOf(setup: Setup | null, now: number): readonly { readonly hash: string; readonly expiresAt: number }[] {
  if (setup === null || setup.usedAt !== null) return [];
  const { hash, expiresAt, earlier = [] } = setup;
  return [{ hash, expiresAt }, ...earlier].filter((token) => token.expiresAt > now);
}
