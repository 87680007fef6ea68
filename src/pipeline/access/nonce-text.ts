/** How a nonce is written: when it is over, what makes it another one each time, and the proof that it is ours. */
export const NONCE_TEXT = /^(\d{1,16})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** When the nonce is over, ms since 1970, as it says itself; null for what is none. */
export function nonceExpiry(nonce: string): number | null {
  const until = Number(NONCE_TEXT.exec(nonce)?.[1]);
  return Number.isSafeInteger(until) ? until : null;
}
