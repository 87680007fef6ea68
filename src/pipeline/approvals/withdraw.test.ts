import { describe, expect, it } from 'vitest';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Approval, Vote, Voter } from './approval.ts';
import { canVote } from './approval.ts';
import type { LentSeat } from '../access/present-voter.ts';
import { canWithdraw } from './withdraw.ts';

const HASH = 'a'.repeat(64);
const who = (userId: string) => ({ userId, kind: 'person' as const, linkedAccounts: [], issuedBy: userId });
const vote = (userId: string, more: Partial<Vote> = {}): Vote => ({
  ...who(userId),
  roles: ['SECURITY_ADMIN'],
  decision: 'APPROVE',
  intentHash: HASH,
  at: 10,
  comment: null,
  ...more,
});
const voter = (userId: string, more: Partial<Voter> = {}): Voter => ({
  ...who(userId),
  roles: ['SECURITY_ADMIN'],
  disabled: false,
  ...more,
});
const seat = (userId: string, more: Partial<LentSeat> = {}): LentSeat => ({
  delegationId: `dlg_${userId}`,
  userId,
  roles: ['SECURITY_ADMIN'],
  linkedAccounts: [],
  mayVote: true,
  from: 0,
  until: 500,
  ...more,
});
const approval = (votes: readonly Vote[], more: Partial<Approval> = {}): Approval => ({
  id: 'apr_1',
  intentHash: HASH,
  gates: [],
  requirements: requirementsOf(['SECURITY_ADMIN'], 3),
  requiredApprovers: 3,
  requester: 'usr_requester',
  subjectIds: [],
  authorIds: [],
  votes,
  expiresAt: 1_000,
  status: 'PENDING',
  ...more,
});
const answerOf = (given: Approval, by: Voter, at = 20): string => {
  const check = canWithdraw(given, by, at);
  return check.ok ? check.votes.map(({ userId }) => userId).join() : check.code;
};

describe('canWithdraw', () => {
  it('gives back one’s own vote, under whichever login, until the decision or the end', () => {
    const given = approval([vote('ada'), vote('ben', { linkedAccounts: ['second'] })]);
    expect(answerOf(given, voter('ada'))).toBe('ada');
    expect(answerOf(given, voter('second'))).toBe('ben');
    expect(answerOf(given, voter('cleo'))).toBe('not_voted');
    expect(answerOf(given, voter('ada', { roles: [] }))).toBe('ada');
    expect(answerOf(given, voter('ada'), 999)).toBe('ada');
    expect(answerOf(given, voter('ada'), 1_000)).toBe('expired');
    expect(answerOf({ ...given, status: 'APPROVED' }, voter('ada'))).toBe('already_decided');
    expect(answerOf({ ...given, status: 'DENIED' }, voter('ada'))).toBe('already_decided');
    expect(answerOf(given, voter('ada', { disabled: true }))).toBe('account_disabled');
    expect(answerOf(given, voter('ada', { kind: 'service' }))).toBe('service_account');
  });

  it('gives the owner of a seat back what was said in it', () => {
    const given = approval([vote('ben', { onBehalfOf: seat('ada', { linkedAccounts: ['alias'] }) })]);
    expect(answerOf(given, voter('ada'))).toBe('ben');
    expect(answerOf(given, voter('alias'))).toBe('ben');
    expect(answerOf(given, voter('ben'))).toBe('ben');
  });

  it('trusts no key that somebody else has seen, unless the vote came with one of theirs', () => {
    const borrowed = voter('ada', { issuedBy: 'mallory' });
    expect(answerOf(approval([vote('ada')]), borrowed)).toBe('borrowed_credential');
    expect(answerOf(approval([vote('ada', { issuedBy: 'mallory' })]), borrowed)).toBe('ada');
  });
});

describe('canVote for the owner of a seat', () => {
  const given = approval([]);
  const codeOf = (by: Voter, more: object = {}, on = given): string => {
    const check = canVote(on, by, { intentHash: HASH, at: 20, ...more });
    return check.ok ? (check.onBehalfOf?.userId ?? 'own') : check.code;
  };
  const delegate = (...lentSeats: LentSeat[]): Voter => voter('ben', { roles: ['IR_LEAD'], lentSeats });

  it('speaks in their own right first, and for whom they name', () => {
    expect(codeOf(delegate(seat('ada')))).toBe('ada');
    const both = voter('ben', { lentSeats: [seat('ada')] });
    expect(codeOf(both)).toBe('own');
    expect(codeOf(both, { onBehalfOf: 'ada' })).toBe('ada');
    expect(codeOf(both, { onBehalfOf: 'dlg_ada' })).toBe('ada');
    expect(codeOf(both, { onBehalfOf: 'cleo' })).toBe('not_delegated');
  });

  it('is held to everything that keeps either of them from voting', () => {
    for (const barred of ['ada', 'ben'] as const)
      for (const [member, code] of [
        ['requester', 'requester'],
        ['subjectIds', 'subject'],
        ['authorIds', 'author'],
      ] as const) {
        const on = approval([], { [member]: member === 'requester' ? barred : [barred] });
        expect(codeOf(delegate(seat('ada')), {}, on)).toBe(code);
      }
    const links = seat('ada', { linkedAccounts: ['usr_requester'] });
    expect(codeOf(delegate(links))).toBe('requester');
    expect(codeOf(voter('ben', { roles: [], lentSeats: [seat('ada')], issuedBy: 'usr_requester' }))).toBe(
      'borrowed_credential',
    );
    expect(codeOf(delegate(seat('ada')), {}, approval([vote('ada')]))).toBe('already_voted');
    expect(codeOf(delegate(seat('ada')), {}, approval([vote('cleo', { onBehalfOf: seat('ada') })]))).toBe(
      'already_voted',
    );
    // Who made the key of an earlier vote does not have their own seat answered for either.
    expect(codeOf(delegate(seat('ada')), {}, approval([vote('cleo', { issuedBy: 'ada' })]))).toBe(
      'borrowed_credential',
    );
  });

  it('needs a seat that is lent now, for this, by somebody who may vote', () => {
    expect(codeOf(delegate(seat('ada', { until: 20 })))).toBe('role_missing');
    expect(codeOf(delegate(seat('ada', { from: 21 })))).toBe('role_missing');
    expect(codeOf(delegate(seat('ada', { from: 20, until: 21 })))).toBe('ada');
    expect(codeOf(delegate(seat('ada', { mayVote: false })))).toBe('delegator_barred');
    expect(codeOf(delegate(seat('ada', { roles: [] })))).toBe('role_missing');
    const here = delegate(seat('ada', { playbookIds: ['p'] }));
    expect([codeOf(here), codeOf(here, { playbookId: 'q' }), codeOf(here, { playbookId: 'p' })]).toEqual([
      'role_missing',
      'role_missing',
      'ada',
    ]);
    expect(codeOf(delegate(seat('ada', { roles: [] }), seat('cleo')))).toBe('cleo');
  });

  it('is named in person only where everything was lent', () => {
    const on = approval([], {
      requirements: [{ roles: ['CISO'], k: 3, human: true, standIns: [{ who: 'user', id: 'ada', afterMs: 0 }] }],
      escalations: [{ level: 1, delayMs: 0, escalateTo: 'ada', at: 0 }],
    });
    expect(codeOf(delegate(seat('ada')), {}, on)).toBe('ada');
    expect(codeOf(delegate(seat('ada', { byRoleOnly: true })), {}, on)).toBe('role_missing');
  });

  it('does not keep the owner from denying, only from approving too', () => {
    const spoken = approval([vote('ben', { onBehalfOf: seat('ada') })]);
    expect(codeOf(voter('ada'), { decision: 'APPROVE' }, spoken)).toBe('already_voted');
    expect(codeOf(voter('ada'), { decision: 'DENY' }, spoken)).toBe('own');
    expect(codeOf(voter('ben'), { decision: 'DENY' }, spoken)).toBe('already_voted');
  });
});
