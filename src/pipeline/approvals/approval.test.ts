import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Requirement } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import { ROLES, type Role } from '../vocabulary.ts';
import { canVote, countVotes, type Approval, type Vote, type Voter } from './approval.ts';
import { coversRequirements } from './quorum.ts';

const HASH = 'a'.repeat(64);

const approval = (more: Partial<Approval> = {}): Approval => ({
  id: 'apr_1',
  intentHash: HASH,
  gates: [],
  requirements: requirementsOf(['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], 2),
  requiredApprovers: 2,
  requester: 'usr_requester',
  subjectIds: ['alice@acme.example'],
  authorIds: ['usr_author'],
  votes: [],
  expiresAt: 1_000,
  status: 'PENDING',
  ...more,
});

const voter = (userId: string, roles: readonly Role[] = ['SECURITY_ADMIN'], more: Partial<Voter> = {}): Voter => ({
  userId,
  kind: 'person',
  roles,
  disabled: false,
  linkedAccounts: [],
  issuedBy: userId,
  ...more,
});

const vote = (userId: string, roles: readonly Role[] = ['SECURITY_ADMIN'], more: Partial<Vote> = {}): Vote => ({
  userId,
  kind: 'person',
  roles,
  linkedAccounts: [],
  issuedBy: userId,
  decision: 'APPROVE',
  intentHash: HASH,
  at: 10,
  comment: null,
  ...more,
});

/** A place for one person of a role. */
const NAMED: Requirement = { roles: ['SECURITY_ADMIN'], k: 1, human: true, users: { SECURITY_ADMIN: ['ada'] } };

/** The subject of the incident, and a second login of Ada. */
const MADE_BY_ALICE = { issuedBy: 'usr_alice', issuerAccounts: ['alice@acme.example'] };
const MADE_BY_ADAS_ALIAS = { issuedBy: 'alias', issuerAccounts: ['ada'] };

const ballot = { intentHash: HASH, at: 10, decision: 'APPROVE' } as const;
const codeOf = (check: ReturnType<typeof canVote>): string => (check.ok ? 'ok' : check.code);

describe('canVote', () => {
  it('lets a person with a needed role vote until the time is over', () => {
    expect(canVote(approval(), voter('bob'), { ...ballot, at: 999 })).toEqual({ ok: true });
  });

  it.each<[string, Partial<Approval>, Voter, object]>([
    ['already_decided', { status: 'APPROVED' }, voter('bob'), {}],
    ['already_decided', { status: 'EXPIRED' }, voter('bob'), {}],
    ['already_decided', { status: 'VOIDED' }, voter('bob'), {}],
    ['already_decided', { votes: [vote('carol', ['INCIDENT_COMMANDER'], { decision: 'DENY' })] }, voter('bob'), {}],
    ['already_decided', { votes: [vote('carol', ['INCIDENT_COMMANDER']), vote('dan')] }, voter('bob'), {}],
    ['expired', {}, voter('bob'), { at: 1_000 }],
    ['intent_changed', {}, voter('bob'), { intentHash: 'b'.repeat(64) }],
    ['account_disabled', {}, voter('bob', ['SECURITY_ADMIN'], { disabled: true }), {}],
    ['service_account', {}, voter('bot', ['SECURITY_ADMIN'], { kind: 'service' }), {}],
    ['requester', {}, voter('usr_requester'), {}],
    ['requester', {}, voter('second-login', ['SECURITY_ADMIN'], { linkedAccounts: ['USR_Requester '] }), {}],
    ['subject', {}, voter('Alice@ACME.example'), {}],
    ['subject', {}, voter('usr_1', ['SECURITY_ADMIN'], { linkedAccounts: ['x', 'alice@acme.example'] }), {}],
    ['author', {}, voter('usr_author'), {}],
    ['already_voted', { votes: [vote('bob')] }, voter('BOB'), {}],
    ['borrowed_credential', { votes: [vote('ada')] }, voter('bob', ['SECURITY_ADMIN'], { issuedBy: 'Ada' }), {}],
    ['borrowed_credential', { votes: [vote('bob', ['SECURITY_ADMIN'], { issuedBy: 'ada' })] }, voter('ada'), {}],
    ['borrowed_credential', { requester: 'ada' }, voter('bob', ['SECURITY_ADMIN'], { issuedBy: 'ada' }), {}],
    ['borrowed_credential', { authorIds: ['ada'] }, voter('bob', ['SECURITY_ADMIN'], { issuedBy: 'ada' }), {}],
    ['borrowed_credential', {}, voter('bob', ['SECURITY_ADMIN'], MADE_BY_ALICE), {}],
    ['borrowed_credential', { requester: 'ada' }, voter('bob', ['SECURITY_ADMIN'], MADE_BY_ADAS_ALIAS), {}],
    ['borrowed_credential', { votes: [vote('ada')] }, voter('bob', ['SECURITY_ADMIN'], MADE_BY_ADAS_ALIAS), {}],
    [
      'borrowed_credential',
      { votes: [vote('carol', ['SECURITY_ADMIN'], { issuedBy: 'root' })] },
      voter('bob', ['SECURITY_ADMIN'], { issuedBy: 'root' }),
      {},
    ],
    ['already_voted', { votes: [vote('bob')] }, voter('bob2', ['INCIDENT_COMMANDER'], { linkedAccounts: ['bob'] }), {}],
    [
      'already_voted',
      { votes: [vote('bob', ['SECURITY_ADMIN'], { linkedAccounts: ['bob2'] })] },
      voter('bob2', ['INCIDENT_COMMANDER']),
      {},
    ],
    ['role_missing', {}, voter('bob', ['SECURITY_ANALYST']), {}],
    ['role_missing', {}, voter('bob', []), {}],
    ['role_missing', { requirements: [] }, voter('bob'), {}],
    ['not_named', { requirements: [NAMED] }, voter('bob'), {}],
    ['not_named', { requirements: [NAMED] }, voter('bob', ['SECURITY_ADMIN'], { linkedAccounts: ['ada'] }), {}],
    ['role_missing', { requirements: [NAMED] }, voter('ada', ['LEGAL']), {}],
  ])('refuses: %s', (code, more, who, shown) => {
    const check = canVote(approval(more), who, { ...ballot, ...shown });
    expect(codeOf(check)).toBe(code);
    expect(check).toHaveProperty('reason', expect.stringMatching(/\.$/));
  });

  it('an empty link makes nobody the same person', () => {
    const linked = { linkedAccounts: [''] };
    const given = approval({ votes: [vote('bob', ['SECURITY_ADMIN'], linked)], subjectIds: [''] });
    expect(canVote(given, voter('carol', ['INCIDENT_COMMANDER'], linked), ballot)).toEqual({ ok: true });
  });
});

describe('countVotes', () => {
  it('needs different people for different roles', () => {
    const both: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'];
    expect(countVotes(approval({ votes: [vote('a', both)] }))).toBe('pending');
    expect(countVotes(approval({ votes: [vote('a'), vote('b')] }))).toBe('pending');
    expect(countVotes(approval({ votes: [vote('a', both), vote('b')] }))).toBe('approved');
    expect(countVotes(approval({ votes: [vote('b'), vote('a', both)] }))).toBe('approved');
  });

  it('does not count who is not named, whoever let the vote in', () => {
    const one = { requirements: [NAMED], requiredApprovers: 1 };
    expect(countVotes(approval({ ...one, votes: [vote('bob')] }))).toBe('pending');
    expect(
      countVotes(approval({ ...one, votes: [vote('bob', ['SECURITY_ADMIN'], { linkedAccounts: ['ada'] })] })),
    ).toBe('pending');
    expect(countVotes(approval({ ...one, votes: [vote('Ada')] }))).toBe('approved');
  });

  it('gives a named person and another one of the role a place each, whichever of them voted first', () => {
    const both = { requirements: [{ ...NAMED, users: undefined as never }, NAMED], requiredApprovers: 2 };
    const votes = [vote('ada'), vote('bob')];
    expect(countVotes(approval({ ...both, votes }))).toBe('approved');
    expect(countVotes(approval({ ...both, votes: votes.toReversed() }))).toBe('approved');
    expect(countVotes(approval({ ...both, votes: [vote('bob'), vote('carol')] }))).toBe('pending');
  });

  it('one person with two logins is one person', () => {
    const votes = [vote('a'), vote('a2', ['INCIDENT_COMMANDER'], { linkedAccounts: ['A'] })];
    expect(countVotes(approval({ votes }))).toBe('pending');
    const through = [
      vote('a'),
      vote('c', ['INCIDENT_COMMANDER']),
      vote('b', [], { linkedAccounts: ['a', 'c'], roles: ['SECURITY_ADMIN'] }),
    ];
    expect(countVotes(approval({ votes: through }))).toBe('pending');
    // c knows only x, which belongs to a; a and b are linked by p.
    const chain = [
      vote('a', ['SECURITY_ADMIN'], { linkedAccounts: ['x', 'p'] }),
      vote('b', ['SECURITY_ADMIN'], { linkedAccounts: ['p'] }),
      vote('c', ['INCIDENT_COMMANDER'], { linkedAccounts: ['x'] }),
    ];
    expect(countVotes(approval({ votes: chain }))).toBe('pending');
  });

  it.each<[string, Partial<Vote>]>([
    ['a service', { kind: 'service' }],
    ['another intent', { intentHash: 'b'.repeat(64) }],
    ['a vote that came at the expiry', { at: 1_000 }],
    ['the requester', { linkedAccounts: ['usr_requester'] }],
    ['the subject', { linkedAccounts: ['alice@acme.example'] }],
    ['the author', { linkedAccounts: ['usr_author'] }],
    ['a foreign role', { roles: ['LEGAL'] }],
  ])('does not count %s', (_, more) => {
    const one = approval({ requirements: requirementsOf(['SECURITY_ADMIN'], 1), requiredApprovers: 1 });
    expect(countVotes({ ...one, votes: [vote('bob')] })).toBe('approved');
    expect(countVotes({ ...one, votes: [vote('bob', ['SECURITY_ADMIN'], more)] })).toBe('pending');
  });

  it('never approves without requirements or with a count of nobody', () => {
    expect(countVotes(approval({ requirements: [], requiredApprovers: 0 }))).toBe('pending');
    expect(countVotes(approval({ requirements: [], requiredApprovers: 0, votes: [vote('a')] }))).toBe('pending');
  });
});

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
const roleSets = fc.subarray(ROLES.slice(0, 4), { minLength: 1 });
const requirements: fc.Arbitrary<Requirement[]> = fc.array(
  fc.record({ roles: roleSets, k: fc.integer({ min: 1, max: 2 }), human: fc.constant(true) }),
  { minLength: 1, maxLength: 3 },
);
const people = fc
  .uniqueArray(fc.constantFrom(...IDS), { maxLength: 6 })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc.record({ id: fc.constant(id), roles: roleSets, deny: fc.integer({ max: 9, min: 0 }).map((n) => n === 0) }),
      ),
    ),
  );
const votesOf = (who: readonly { id: string; roles: Role[]; deny: boolean }[]): Vote[] =>
  who.map(({ id, roles, deny }) => vote(id, roles, { decision: deny ? 'DENY' : 'APPROVE' }));

describe('the laws of counting', () => {
  it('order does not matter, deny always wins, never with fewer than k people', () => {
    fc.assert(
      fc.property(
        requirements,
        people,
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.nat()),
        (needed, who, k, order) => {
          const votes = votesOf(who);
          const open = approval({ requirements: needed, requiredApprovers: k });
          const verdict = countVotes({ ...open, votes });
          const keys = new Map(votes.map((each): [Vote, number] => [each, order.next().value ?? 0]));
          const shuffled = [...votes].sort((left, right) => (keys.get(left) ?? 0) - (keys.get(right) ?? 0));
          expect(countVotes({ ...open, votes: shuffled })).toBe(verdict);
          if (who.some(({ deny }) => deny)) expect(verdict).toBe('denied');
          else if (who.length < k) expect(verdict).toBe('pending');
          if (verdict === 'approved')
            expect(who.length).toBeGreaterThanOrEqual(
              Math.max(
                k,
                needed.reduce((sum, each) => sum + each.k, 0),
              ),
            );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is monotone over votes that were admitted: an approval never turns back, only a deny changes pending to denied', () => {
    const linked = fc.array(
      fc.record({
        id: fc.constantFrom(...IDS),
        links: fc.subarray([...IDS]),
        roles: roleSets,
        deny: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(requirements, linked, fc.integer({ min: 1, max: 3 }), (needed, who, k) => {
        let open = approval({ requirements: needed, requiredApprovers: k });
        let before = countVotes(open);
        for (const { id, links, roles, deny } of who) {
          const admitted = canVote(open, voter(id, roles, { linkedAccounts: links }), ballot).ok;
          if (before !== 'pending') expect(admitted).toBe(false);
          if (!admitted) continue;
          open = {
            ...open,
            votes: [...open.votes, vote(id, roles, { linkedAccounts: links, decision: deny ? 'DENY' : 'APPROVE' })],
          };
          const after = countVotes(open);
          if (deny) expect(after).toBe('denied');
          else expect(['pending', 'approved']).toContain(after);
          before = after;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('matches people to places as trying every assignment does', () => {
    const bruteForce = (needed: readonly Requirement[], who: readonly ReadonlySet<string>[]): boolean => {
      const places = needed.flatMap((each) => Array.from({ length: each.k }, () => each.roles));
      const fill = (place: number, left: readonly ReadonlySet<string>[]): boolean => {
        const roles = places[place];
        if (roles === undefined) return true;
        return left.some(
          (person, index) => roles.some((role) => person.has(role)) && fill(place + 1, left.toSpliced(index, 1)),
        );
      };
      return fill(0, who);
    };
    const sets = fc.array(
      roleSets.map((roles) => new Set(roles)),
      { maxLength: 6 },
    );
    let covered = 0;
    fc.assert(
      fc.property(requirements, sets, (needed, who) => {
        const expected = bruteForce(needed, who);
        if (expected) covered += 1;
        expect(
          coversRequirements(
            needed,
            who.map((roles) => ({ logins: [{ userId: 'x', roles: [...roles] }], human: true })),
            -1,
          ),
        ).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
    expect(covered).toBeGreaterThan(200);
  });

  it('a requirement for people is not met by services', () => {
    const logins = [{ userId: 'bot', roles: ['CISO' as const] }];
    expect(coversRequirements([{ roles: ['CISO'], k: 1, human: true }], [{ logins, human: false }], -1)).toBe(false);
    expect(coversRequirements([{ roles: ['CISO'], k: 1, human: false }], [{ logins, human: false }], -1)).toBe(true);
  });
});
