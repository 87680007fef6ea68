import { describe, expect, it } from 'vitest';
import { withoutCheck, type Check } from '../approvals/matrix/edited-house.ts';
import { FORMS, PasskeyPlay } from './core-play.ts';
import { playByChance } from './laws.ts';

/** Approvals that need passkeys against chance; and against a core that lacks one of its checks, so that it is known that this would see it. */

const APPROVAL = 'src/pipeline/approvals/approval.ts';
const ASSERTION = 'src/pipeline/approvals/vote-assertion.ts';
const check = (file: string, name: string, from: string, to: string): Check => ({ file, name, from, to });

const PLANTED: readonly Check[] = [
  check(APPROVAL, 'a passkey is needed', "approval.requirePasskey === true && decision === 'APPROVE'", 'false'),
  check(
    APPROVAL,
    'it is looked at when votes are counted',
    '(approval.requirePasskey !== true || isAsserted(approval, vote))',
    'true',
  ),
  check(
    APPROVAL,
    'it is bound when votes are counted',
    'uses === 1 && whyNotBound(',
    'uses === 1 || null === whyNotBound(',
  ),
  check(APPROVAL, 'it is bound to the vote', 'if (why !== null) return', 'if (false) return'),
  check(APPROVAL, 'its time is not over', 'if (isNonceOver(assertion, at))', 'if (false)'),
  check(APPROVAL, 'it was not used before', 'if (isSpent(approval, assertion))', 'if (false)'),
  check(APPROVAL, 'nor in a refused vote', 'spentNonces.includes(nonce) ||', ''),
  check(ASSERTION, 'the decision is bound', 'intentHash, decision, userId, nonce })', 'intentHash, userId, nonce })'),
  check(ASSERTION, 'the challenge is looked at', 'client.challenge !== voteChallenge(', "'' === voteChallenge("),
  check(ASSERTION, 'somebody was verified', '(flags & USER_VERIFIED) === 0', 'false'),
  check(ASSERTION, 'the site', 'client.origin !== assertion.origin', 'false'),
  check(
    'src/pipeline/approvals/gates.ts',
    'one gate is enough',
    'all.some((gate) => gate.requirePasskey',
    'all.every((gate) => gate.requirePasskey',
  ),
  check(
    'src/pipeline/executions/core/evolve-approval.ts',
    'a refused one is spent',
    'spentNonces: [...known, input.assertion.nonce]',
    'spentNonces: known',
  ),
];

describe('requests that need a passkey', () => {
  it('keep their laws whatever is handed in', () => {
    const reached = new Map<string, number>();
    playByChance({ PasskeyPlay }, reached, 1_500);
    const wanted = [
      ...FORMS.filter((form) => form !== 'right' && form !== 'none').map((form) => `passkey_refused ${form}`),
      'passkey_needed none',
      'counted right',
      'counted none',
      'APPROVED',
      'DENIED',
      'PENDING',
    ];
    // Chance that never gets there proves nothing.
    for (const what of wanted) expect([what, (reached.get(what) ?? 0) > 10]).toEqual([what, true]);
  }, 120_000);

  it.each(PLANTED)(
    'are seen to break in a core without: $name',
    async (planted) => {
      const entry = '../../passkeys/core-play.ts';
      await withoutCheck(entry, planted, async (house: { readonly PasskeyPlay: typeof PasskeyPlay }) => {
        expect(() => playByChance(house, new Map(), 1_500)).toThrow();
      });
    },
    120_000,
  );
});
