import { createHash } from 'node:crypto';

/**
 * The id that Git gives to these bytes, in the hash that `like` is an id of: so a set says what is in its commit, and not something
 * else under its name. SHA-1 is what Git names things by, not what anything here relies on.
 */
export function blobId(text: string, like: string): string {
  const bytes = Buffer.from(text, 'utf8');
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
