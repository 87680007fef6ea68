import { timingSafeEqual } from 'node:crypto';

/**
 * Whether two texts are the same, without telling by its duration where they differ. A digest or a proof is compared as it is written:
 * the last letter of base64 has bits that no byte has, and what was changed must not pass.
 */
export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
