import { scrypt, timingSafeEqual } from 'node:crypto';
import { FirebreakError } from '../../platform/errors.ts';
import { keyedSemaphore } from '../../platform/keyed-semaphore.ts';
import { normalisedPassword, type StoredPassword } from './password.ts';

export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/**
 * What one password costs: one of the equal choices of OWASP's Password Storage Cheat Sheet (N = 2^15, r = 8, p = 3), which
 * takes 32 MiB and some 0.2 s of one core.
 */
export const SCRYPT_COST: ScryptCost = { n: 2 ** 15, r: 8, p: 3 };
/** Passwords that are worked on at once: each takes one of the four threads that files and names wait for too. */
const AT_ONCE = 2;
/** Passwords that wait for that: half a minute of work. Beyond it a sign-in is told to come again. */
const MAX_WAITING = 128;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** Slow hashes of passwords, beside the thread that serves. */
export interface PasswordHasher {
  /** A new hash. `salt` must be 16 unpredictable bytes. @throws FirebreakError `overloaded`. */
  hash(
    password: string,
    salt: Uint8Array,
  ): Promise<Pick<StoredPassword, 'algorithm' | 'n' | 'r' | 'p' | 'salt' | 'key'>>;
  /**
   * Whether the password is the stored one. Null takes as long and is false, so that nobody can tell by the time whether
   * there is one. @throws FirebreakError `overloaded`.
   */
  matches(password: string, stored: StoredPassword | null): Promise<boolean>;
  /** Whether it was made at another cost than new ones are. */
  isOutdated(stored: StoredPassword): boolean;
}

export function createPasswordHasher(cost: ScryptCost = SCRYPT_COST): PasswordHasher {
  const places = keyedSemaphore(AT_ONCE);
  let waiting = 0;

  async function derive(password: string, salt: Uint8Array, { n, r, p }: ScryptCost): Promise<Buffer> {
    if (waiting >= MAX_WAITING) throw new FirebreakError('overloaded', 'Too many sign in at the same moment');
    waiting += 1;
    try {
      return await places.run('scrypt', () => derived(normalisedPassword(password), salt, { n, r, p }));
    } finally {
      waiting -= 1;
    }
  }

  return {
    async hash(password, salt) {
      if (salt.length !== SALT_BYTES) throw new Error(`a salt needs ${SALT_BYTES} random bytes`);
      const key = await derive(password, salt, cost);
      return { algorithm: 'scrypt', ...cost, salt: Buffer.from(salt).toString('hex'), key: key.toString('hex') };
    },
    async matches(password, stored) {
      const salt = stored === null ? Buffer.alloc(SALT_BYTES) : Buffer.from(stored.salt, 'hex');
      const key = await derive(password, salt, stored ?? cost);
      const expected = stored === null ? Buffer.alloc(KEY_BYTES) : Buffer.from(stored.key, 'hex');
      return expected.length === key.length && timingSafeEqual(key, expected) && stored !== null;
    },
    isOutdated: ({ n, r, p }) => n !== cost.n || r !== cost.r || p !== cost.p,
  };
}

function derived(password: string, salt: Uint8Array, { n, r, p }: ScryptCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Twice what it needs (RFC 7914: 128 N r), which is below the limit that node has by default only for small N.
    const options = { N: n, r, p, maxmem: 256 * n * r };
    scrypt(password, salt, KEY_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
