import { randomFillSync } from 'node:crypto';
import { derivedId } from './hash.ts';

/** Where ids come from that do not follow from anything else. A parameter, so that tests know them beforehand. */
export interface Ids {
  next(prefix: string): string;
}

/** Unpredictable ids. */
export function randomIds(): Ids {
  const random = randomPool();
  return { next: (prefix) => derivedId(prefix, Buffer.from(random(16)).toString('hex')) };
}

/** Random bytes fetched at once, in bytes: fetching 16 costs nearly as much as fetching these. */
const POOL_BYTES = 4_096;

/** Unpredictable bytes for ids of requests and things. Not for secrets, which should not lie in memory beforehand. */
export function randomPool(): (size: number) => Uint8Array {
  const pool = new Uint8Array(POOL_BYTES);
  let next = POOL_BYTES;
  return (size) => {
    if (next + size > POOL_BYTES) {
      randomFillSync(pool);
      next = 0;
    }
    next += size;
    return pool.slice(next - size, next);
  };
}
