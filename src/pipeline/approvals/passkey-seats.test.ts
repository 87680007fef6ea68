import { describe, expect, it } from 'vitest';
import { sha256 } from '../../platform/hash.ts';
import type { Assertion } from '../access/assertion.ts';
import { sealedNonce } from '../access/sealed-nonce.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import { canVote, countVotes, mayAnswer, type Approval, type Vote, type Voter } from './approval.ts';
import { placesOf } from './places.ts';
import type { LentSeat } from '../access/present-voter.ts';
import { voteChallenge } from './vote-assertion.ts';

/** Passkeys where somebody speaks for somebody else, and where a vote was taken back. */

const HASH = 'a'.repeat(64);
const AT = 1_000;

const SEAT: LentSeat = {
  delegationId: 'dlg_1',
  userId: 'ada',
  roles: ['FRAUD_LEAD'],
  linkedAccounts: [],
  mayVote: true,
  from: 0,
  until: 5_000,
};
const BEN: Voter = {
  userId: 'ben',
  kind: 'person',
  roles: ['LEGAL'],
  disabled: false,
  linkedAccounts: [],
  issuedBy: 'ben',
  lentSeats: [SEAT],
};
const KEYED: Approval = {
  id: 'apr_1',
  intentHash: HASH,
  gates: [],
  requirements: requirementsOf(['FRAUD_LEAD'], 1),
  requiredApprovers: 1,
  requester: 'usr_requester',
  subjectIds: [],
  authorIds: [],
  votes: [],
  requirePasskey: true,
  expiresAt: 10_000,
  status: 'PENDING',
};

function signedBy(userId: string, decision: Vote['decision'] = 'APPROVE'): Assertion {
  const nonce = sealedNonce(Buffer.alloc(32, 7), ['vote', KEYED.id], AT, Buffer.alloc(16, 1));
  const challenge = voteChallenge({ approvalId: KEYED.id, intentHash: HASH, decision, userId, nonce });
  const client = { type: 'webauthn.get', challenge, origin: 'https://soc.example' };
  return {
    credentialId: 'credential',
    publicKey: 'key',
    signCount: 1,
    rpId: 'soc.example',
    origin: 'https://soc.example',
    nonce,
    clientDataJSON: Buffer.from(JSON.stringify(client)).toString('base64url'),
    authenticatorData: Buffer.concat([sha256('soc.example'), Buffer.from([0x05, 0, 0, 0, 1])]).toString('base64url'),
    signature: 'signature',
  };
}

const ballot = { intentHash: HASH, at: AT, decision: 'APPROVE' } as const;
const codeOf = (check: ReturnType<typeof canVote>): string => (check.ok ? 'ok' : check.code);
const benForAda = (assertion?: Assertion): Vote => {
  const { lentSeats: _seats, disabled: _disabled, ...ben } = BEN;
  const proven = assertion === undefined ? {} : { assertion };
  return { ...ben, ...ballot, comment: null, onBehalfOf: SEAT, ...proven };
};

describe('a passkey where somebody speaks for somebody else', () => {
  it('is needed to approve, and not to deny', () => {
    expect(codeOf(canVote(KEYED, BEN, ballot))).toBe('passkey_needed');
    expect(canVote(KEYED, BEN, { ...ballot, decision: 'DENY' })).toEqual({ ok: true, onBehalfOf: SEAT });
    expect(mayAnswer(KEYED, BEN, ballot)).toEqual({ ok: true, onBehalfOf: SEAT });
  });

  it('is that of who speaks, and the answer still says for whom', () => {
    expect(canVote(KEYED, BEN, { ...ballot, assertion: signedBy('ben') })).toEqual({ ok: true, onBehalfOf: SEAT });
    expect(codeOf(canVote(KEYED, BEN, { ...ballot, assertion: signedBy('ada') }))).toBe('passkey_refused');
  });

  it('counts for the role of the seat, a role of the organisation as well, and only with it', () => {
    expect(countVotes({ ...KEYED, votes: [benForAda(signedBy('ben'))] })).toBe('approved');
    expect(countVotes({ ...KEYED, votes: [benForAda(signedBy('ada'))] })).toBe('pending');
    expect(countVotes({ ...KEYED, votes: [benForAda()] })).toBe('pending');
  });
});

describe('what a passkey signed for a vote that was taken back', () => {
  const given = benForAda(signedBy('ben'));
  const withdrawn = [{ ...given, withdrawnBy: 'ben', withdrawnAt: AT, withdrawnWhy: null }];

  it('is not taken again', () => {
    expect(codeOf(canVote({ ...KEYED, withdrawn }, BEN, { ...ballot, assertion: signedBy('ben') }))).toBe(
      'passkey_refused',
    );
  });

  it('counts nothing, whoever let it in', () => {
    expect(countVotes({ ...KEYED, withdrawn, votes: [given] })).toBe('pending');
  });
});

it('the name of a schedule is neither a role of the organisation nor a person', () => {
  const gate = {
    approvalRoles: [{ role: 'FRAUD_LEAD', fallbackUsers: ['ONCALL:Night'] }],
    requiredApprovers: 1,
    approvalTimeoutMs: 1_000,
    escalationPath: [{ escalationLevel: 1, delayMs: 10, escalateTo: 'oncall:NIGHT' }],
  } as unknown as Parameters<typeof placesOf>[0]; // the members that are read
  const [place] = placesOf(gate, ['NIGHT', 'FRAUD_LEAD']);
  expect(place?.standIns).toEqual([{ afterMs: 10, who: 'oncall', id: 'night' }]);
});
