import { derivedId } from '../../platform/hash.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { ApiKey } from './access.ts';
import { listKeys, type AccessJournal } from './access.store.ts';
import { secretHash } from './secret.ts';

/** How long a key is in force when nobody says otherwise, in ms. */
export const DEFAULT_KEY_LIFETIME_MS = 90 * 24 * 3_600_000;
/** Keys in force of one user: enough for one for each of their machines, and a bound to a runaway script. */
export const MAX_ACTIVE_KEYS = 20;

/** @throws FirebreakError `conflict` when the account has as many keys as it may have. */
export async function requireRoomForKey(journal: AccessJournal, userId: string): Promise<void> {
  const { total } = await listKeys(journal, { subject: userId, status: 'active', limit: 1, skip: 0 });
  if (total < MAX_ACTIVE_KEYS) return;
  throw new FirebreakError('conflict', `At most ${MAX_ACTIVE_KEYS} keys in force for one account: revoke one first`);
}

/**
 * The key that somebody is given when they first prove who they are: their own, which nobody else has seen. `fresh` makes its
 * id; `secret` is not kept.
 */
export function firstKey(
  { userId, name, fresh, secret }: Readonly<Record<'userId' | 'name' | 'fresh' | 'secret', string>>,
  now: number,
): ApiKey {
  return {
    id: derivedId('key', userId, fresh),
    userId,
    name,
    hash: secretHash('fbk', secret) ?? '',
    scopes: null,
    source: null,
    createdAt: now,
    expiresAt: now + DEFAULT_KEY_LIFETIME_MS,
    issuedBy: userId,
    revokedAt: null,
  };
}
