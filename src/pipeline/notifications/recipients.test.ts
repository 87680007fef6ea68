import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountsOf, type User } from '../access/access.ts';
import type { Delegation } from '../access/delegation.ts';
import { userInForce, type UserInForce } from '../access/user-in-force.ts';
import { seatOf } from '../access/voters.ts';
import { canVote, countVotes, type Approval, type Vote } from '../approvals/approval.ts';
import type { ApprovalState } from '../executions/core/state.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Role } from '../vocabulary.ts';
import { countEligible, isAnswerable, recipientsOf } from './recipients.ts';

const HASH = 'a'.repeat(64);
const NOW = 50;
const NOTHING_MORE = [new Map(), new Map()] as const;
const user = (id: string, roles: readonly Role[], more: Partial<User> = {}): UserInForce =>
  userInForce(
    {
      id,
      kind: 'person',
      name: id,
      email: null,
      roles: [...roles],
      disabled: false,
      linkedAccounts: [],
      createdAt: 0,
      ...more,
    },
    ...NOTHING_MORE,
  );
const lent = (delegatorId: string, delegateId: string, more: Partial<Delegation> = {}): Delegation => ({
  id: `dlg_${delegatorId}_${delegateId}`,
  delegatorId,
  delegateId,
  reason: 'on leave',
  from: 0,
  until: 100,
  createdAt: 0,
  revoked: null,
  ...more,
});
const approval = (k: number, more: Partial<Approval> = {}): ApprovalState => ({
  id: 'apr_1',
  intentHash: HASH,
  gates: [],
  requirements: requirementsOf(['CISO'], k),
  requiredApprovers: k,
  requester: 'usr_requester',
  subjectIds: [],
  authorIds: [],
  votes: [],
  expiresAt: 1_000,
  status: 'PENDING',
  actionId: 'a',
  purpose: 'gate',
  requestedAt: 0,
  decidedAt: null,
  ...more,
});

describe('who is told of a request', () => {
  const people = [user('ada', ['CISO']), user('ben', ['LEGAL']), user('cleo', ['IR_LEAD'])];
  const told = (delegations: readonly Delegation[], on = approval(1), alsoOperators = false): readonly string[] =>
    recipientsOf({ who: 'may-answer', approval: on, playbookId: 'p', alsoOperators }, { people, delegations }, NOW).map(
      ({ id }) => id,
    );

  it('are those who may answer, also in the place of somebody else', () => {
    expect(told([])).toEqual(['ada']);
    expect(told([lent('ada', 'ben')])).toEqual(['ada', 'ben']);
    expect(told([lent('ada', 'ben', { until: NOW })])).toEqual(['ada']);
    expect(told([lent('ada', 'ben', { from: NOW + 1 })])).toEqual(['ada']);
    expect(told([lent('ada', 'ben', { playbookIds: ['q'] })])).toEqual(['ada']);
    expect(told([lent('ada', 'ben', { roles: ['LEGAL'] })])).toEqual(['ada']);
    expect(told([lent('ada', 'ben')], approval(1, { requester: 'ada' }))).toEqual([]);
    expect(told([lent('ada', 'ben')], approval(1, { requester: 'ben' }))).toEqual(['ada']);
    expect(told([lent('ben', 'cleo')])).toEqual(['ada']);
  });

  it('are the operators too where nobody is on call', () => {
    expect(told([], approval(1), true)).toEqual(['ada', 'cleo']);
  });

  it('count as eligible only with a seat of their own', () => {
    expect(countEligible(approval(2), people, NOW)).toBe(1);
  });
});

describe('whether a request can be answered', () => {
  const NAMES = ['ada', 'ben', 'cleo', 'dan'];
  const name = fc.constantFrom(...NAMES);
  const roles = fc.constantFrom<(readonly Role[])[]>(['CISO'], ['CISO'], ['LEGAL'], ['CISO', 'LEGAL'], ['AUDITOR']);
  const drawn = fc.record({
    held: fc.record(Object.fromEntries(NAMES.map((each) => [each, roles]))),
    asked: fc.constantFrom<(readonly Role[])[]>(['CISO'], ['LEGAL'], ['CISO', 'LEGAL']),
    k: fc.integer({ min: 1, max: 3 }),
    requester: name,
    loans: fc.uniqueArray(fc.tuple(name, name), { maxLength: 6, selector: ([from, to]) => `${from} ${to}` }),
    voting: fc.array(fc.tuple(name, fc.option(name, { freq: 2 })), { maxLength: 12 }),
  });

  it('is not changed by delegations: nobody becomes more people by standing in', () => {
    let unanswerable = 0;
    fc.assert(
      fc.property(drawn, ({ held, asked, k, requester, loans, voting }) => {
        const people = NAMES.map((each) => user(each, held[each] ?? []));
        const delegations = loans.filter(([from, to]) => from !== to).map(([from, to]) => lent(from, to));
        let request: Approval = approval(k, { requester, requirements: requirementsOf(asked, k) });
        if (isAnswerable(request, people, NOW)) return;
        unanswerable += 1;
        for (const [userId, wanted] of voting) {
          const voter = people.find(({ id }) => id === userId);
          if (voter === undefined) continue;
          const { kind, roles: own, disabled } = voter;
          const lentSeats = delegations
            .filter(({ delegateId }) => delegateId === userId)
            .map((each) => seatOf(people, each));
          const self = { userId, kind, roles: own, linkedAccounts: accountsOf(voter), issuedBy: userId };
          const ballot = {
            intentHash: HASH,
            at: NOW,
            playbookId: 'p',
            ...(wanted === null ? {} : { onBehalfOf: wanted }),
          };
          const check = canVote(request, { ...self, disabled, lentSeats }, ballot);
          if (!check.ok) continue;
          const seat = check.onBehalfOf === undefined ? {} : { onBehalfOf: check.onBehalfOf };
          const vote: Vote = { ...self, decision: 'APPROVE', intentHash: HASH, at: NOW, comment: null, ...seat };
          request = { ...request, votes: [...request.votes, vote] };
          expect(countVotes(request)).toBe('pending');
        }
      }),
      { numRuns: 2_000 },
    );
    // Chance that never gets there proves nothing.
    expect(unanswerable).toBeGreaterThan(200);
  });
});

describe('those who have a role', () => {
  const ciso = user('ciso', ['CISO']);
  const legal = user('legal', ['LEGAL']);
  const lead = user('lead', ['IR_LEAD']);
  const told = (people: readonly UserInForce[]) =>
    recipientsOf({ who: 'named', roles: ['CISO', 'LEGAL'], userIds: [] }, { people, delegations: [] }, NOW).map(
      ({ id }) => id,
    );

  it('are told, and nobody else', () => {
    expect(told([lead, legal, ciso])).toEqual(['ciso', 'legal']);
  });

  it('are who runs the installation when nobody has one: a step that tells nobody tells nothing', () => {
    expect(told([lead, user('auditor', ['AUDITOR'])])).toEqual(['lead']);
    expect(told([user('auditor', ['AUDITOR'])])).toEqual([]);
  });
});
