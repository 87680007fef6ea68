import { sha256Hex } from '../../platform/hash.ts';

/** The key of an advisory lock: 64 bits of a hash as PostgreSQL's signed number. */
export function lockKey(text: string): string {
  return BigInt.asIntN(64, BigInt(`0x${sha256Hex(text).slice(0, 16)}`)).toString();
}
