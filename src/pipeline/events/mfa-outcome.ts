import type { EventOutcome } from './event.ts';

/**
 * Words by which providers tell what became of a second factor that was not passed. The order matters: Entra calls
 * every one of them "MFA denied; ..." and says in the second half whether a person refused or nobody answered.
 */
const WORDS: readonly (readonly [EventOutcome, readonly string[]])[] = [
  [
    'unanswered',
    ['did not respond', 'no response', 'timed out', 'timeout', 'time out', 'unanswered', 'expired', 'no answer'],
  ],
  ['failure', ['invalid', 'incorrect', 'wrong', 'duplicate', 'in progress', 'failed']],
  ['denied', ['declin', 'reject', 'denied', 'deny', 'fraud', 'refused']],
];

/** How a second factor that was not passed ended, from the provider's words; `failure` when they do not say. */
export function mfaOutcomeOf(...texts: readonly (string | null)[]): EventOutcome {
  for (const [outcome, words] of WORDS) {
    for (const text of texts) {
      const lower = (text ?? '').slice(0, 500).toLowerCase();
      if (words.some((word) => lower.includes(word))) return outcome;
    }
  }
  return 'failure';
}
