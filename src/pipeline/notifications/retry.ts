/** Tries of one message until it is dead: with the pauses between them about 80 minutes, longer than most outages of a mail server. */
export const MAX_TRIES = 9;

/** Pauses between tries, in ms; the last one is repeated. */
const PAUSES_MS = [1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 1_800_000];

/** How long a receiver is left alone after so many failed tries, in ms. */
export function backoffMs(tries: number): number {
  return PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1] ?? 0;
}
