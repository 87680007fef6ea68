import type { ApiKey } from '../pipeline/access/access.ts';
import { shownTime, type Resource } from '../pipeline/service.ts';

/** Without the hash: it proves nothing to a reader and helps only who tests stolen keys. */
export function shownKey({ hash: _hash, ...key }: ApiKey): Resource {
  const { createdAt, expiresAt, revokedAt } = key;
  return { ...key, createdAt: shownTime(createdAt), expiresAt: shownTime(expiresAt), revokedAt: shownTime(revokedAt) };
}
