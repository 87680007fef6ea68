import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PlanGate } from '../playbooks/plan.ts';
import { requirementsOf } from '../playbooks/requirements.ts';
import type { Role } from '../vocabulary.ts';
import { canVote, countVotes, type Approval, type Vote, type Voter } from './approval.ts';
import {
  ifServicesApprove,
  onlyPeople,
  servicesOf,
  type AskedService,
  type ServiceReply,
} from './external-approver.ts';
import { combineGates } from './gates.ts';
import { placesOf } from './places.ts';
import { toPolicy } from './policy.ts';
import { checkPolicy } from './check-policy.ts';

const ROLES: readonly Role[] = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'CISO'];
const SERVICES = ['soar', 'board'];

type Fallback = AskedService['fallbackBehavior'];
interface GateDraft {
  readonly roles: readonly Role[];
  readonly k: number;
  readonly service?: string;
  readonly human?: boolean;
  readonly fallback?: Fallback;
}

function gateOf({ roles, k, service, human, fallback = 'ESCALATE_TO_HUMAN' }: GateDraft, index = 0): PlanGate {
  const alone = service !== undefined && human === false && k === 1;
  const place = alone ? { human: false, services: [service] } : {};
  return {
    source: 'policy',
    version: 1,
    gateName: `gate ${index}`,
    requirements: requirementsOf(roles, k).map((each) => ({ ...each, ...place })),
    requiredApprovers: k,
    timeoutMs: 1_000,
    fallbackBehavior: 'DENY_ACTION',
    escalationPath: [],
    riskLevels: [],
    ...(service === undefined ? {} : { external: { service, fallbackBehavior: fallback } }),
  };
}

function approvalOf(gates: readonly PlanGate[], change: Partial<Approval> = {}): Approval {
  const { requirements, requiredApprovers } = combineGates(gates);
  return {
    id: 'apr',
    intentHash: 'h',
    gates,
    requirements,
    requiredApprovers,
    requester: 'engine',
    subjectIds: [],
    authorIds: [],
    votes: [],
    services: servicesOf(gates, requirements),
    expiresAt: 1_000,
    status: 'PENDING',
    ...change,
  };
}

const reply = (answer: ServiceReply['answer']): ServiceReply => ({
  answer,
  why: answer === 'none' ? 'timeout' : null,
  status: answer === 'none' ? null : 200,
  tries: 1,
  durationMs: 9,
  requestDigest: 'd',
});

function heard(approval: Approval, answers: Readonly<Record<string, ServiceReply['answer'] | undefined>>): Approval {
  const services = (approval.services ?? []).map((asked) => {
    const answer = answers[asked.name];
    return answer === undefined ? asked : { ...asked, reply: reply(answer) };
  });
  return { ...approval, services };
}

const approve = (userId: string, role: Role, kind: Vote['kind'] = 'person'): Vote => ({
  userId,
  kind,
  roles: [role],
  linkedAccounts: [],
  issuedBy: userId,
  decision: 'APPROVE',
  intentHash: 'h',
  at: 1,
  comment: null,
});

const alone = approvalOf([gateOf({ roles: ['CISO'], k: 1, service: 'soar', human: false })]);
const beside = approvalOf([gateOf({ roles: ['CISO'], k: 2, service: 'soar' })]);
const two = [approve('usr_1', 'CISO'), approve('usr_2', 'CISO')];

describe('a gate whose one approver a service may be', () => {
  it.each([
    ['approved', 'approved'],
    ['denied', 'denied'],
    ['none', 'pending'],
  ] as const)('%s: %s', (answer, verdict) => {
    expect(countVotes(heard(alone, { soar: answer }))).toBe(verdict);
  });

  it('is answered by a person who does not wait for the service', () => {
    expect(countVotes({ ...alone, votes: [approve('usr_1', 'CISO')] })).toBe('approved');
  });

  it.each<[Fallback, string]>([
    ['ESCALATE_TO_HUMAN', 'pending'],
    ['DENY_ACTION', 'denied'],
    ['ALLOW_ACTION', 'approved'],
  ])('%s when it does not answer: %s', (fallback, verdict) => {
    const gates = [gateOf({ roles: ['CISO'], k: 1, service: 'soar', human: false, fallback })];
    expect(countVotes(heard(approvalOf(gates), { soar: 'none' }))).toBe(verdict);
  });

  it('hears no service of another name', () => {
    const other = {
      name: 'board',
      mustAnswer: false,
      fallbackBehavior: 'ESCALATE_TO_HUMAN',
      reply: reply('approved'),
    } as const;
    expect(countVotes({ ...alone, services: [other] })).toBe('pending');
  });
});

describe('a gate that a service is asked beside people', () => {
  it('waits for it although all people have approved, and then for nobody', () => {
    const voted = { ...beside, votes: two };
    expect(countVotes(voted)).toBe('pending');
    expect(countVotes(heard(voted, { soar: 'approved' }))).toBe('approved');
    expect(countVotes(heard(voted, { soar: 'none' }))).toBe('approved');
    expect(countVotes(heard(voted, { soar: 'denied' }))).toBe('denied');
  });

  it.each<ServiceReply['answer']>(['approved', 'none'])('%s fills no place of a person', (answer) => {
    for (const fallback of ['ESCALATE_TO_HUMAN', 'ALLOW_ACTION'] as const) {
      const asked = approvalOf([gateOf({ roles: ['CISO'], k: 2, service: 'soar', fallback })]);
      const voted = { ...asked, votes: two.slice(0, 1) };
      expect(countVotes(heard(voted, { soar: answer }))).toBe('pending');
    }
  });

  it('has to be heard where it may be the one approver of another gate only', () => {
    const gates = [
      gateOf({ roles: ['CISO'], k: 1, service: 'soar', human: false }),
      gateOf({ roles: ['INCIDENT_COMMANDER'], k: 1, service: 'soar', human: true }, 1),
    ];
    const people = [approve('usr_1', 'CISO'), approve('usr_2', 'INCIDENT_COMMANDER')];
    const voted = approvalOf(gates, { votes: people });
    expect(countVotes(voted)).toBe('pending');
    expect(countVotes(heard(voted, { soar: 'approved' }))).toBe('approved');
    // Alone it fills one place of the two.
    expect(countVotes(heard(approvalOf(gates), { soar: 'approved' }))).toBe('pending');
    expect(countVotes(heard(approvalOf(gates, { votes: people.slice(1) }), { soar: 'approved' }))).toBe('approved');
  });
});

describe('a service account', () => {
  const voter: Voter = {
    userId: 'soar',
    kind: 'service',
    roles: ['CISO'],
    disabled: false,
    linkedAccounts: [],
    issuedBy: 'usr_9',
  };

  it.each([
    ['alone', alone],
    ['beside', beside],
  ])('never votes where a service is asked (%s), whatever it is called', (_what, approval) => {
    expect(canVote(approval, voter, { intentHash: 'h', at: 1, decision: 'APPROVE' })).toMatchObject({
      ok: false,
      code: 'service_account',
    });
    // And a vote of one that got in by a fault of a caller counts nothing.
    const votes = [approve('soar', 'CISO', 'service'), approve('usr_2', 'CISO', 'service')];
    expect(countVotes({ ...heard(approval, { soar: 'none' }), votes })).toBe('pending');
  });
});

describe('several gates as one request', () => {
  const draft = fc.record(
    {
      roles: fc.subarray([...ROLES], { minLength: 1 }),
      k: fc.integer({ min: 1, max: 3 }),
      service: fc.constantFrom(...SERVICES),
      human: fc.boolean(),
      fallback: fc.constantFrom<Fallback[]>('DENY_ACTION', 'ESCALATE_TO_HUMAN', 'ALLOW_ACTION'),
    },
    { requiredKeys: ['roles', 'k'] },
  );
  const answers = fc.record(
    {
      soar: fc.constantFrom<ServiceReply['answer'][]>('approved', 'denied', 'none'),
      board: fc.constantFrom<ServiceReply['answer'][]>('approved', 'denied', 'none'),
    },
    { requiredKeys: [] },
  );
  const votes = fc
    .array(fc.constantFrom(...ROLES), { maxLength: 5 })
    .map((roles) => roles.map((role, index) => approve(`usr_${index}`, role)));

  it('are approved by nothing that does not approve each of them', () => {
    fc.assert(
      fc.property(fc.array(draft, { minLength: 1, maxLength: 3 }), answers, votes, (drafts, said, cast) => {
        const gates = drafts.map(gateOf);
        if (countVotes(heard(approvalOf(gates, { votes: cast }), said)) !== 'approved') return;
        for (const gate of gates) expect(countVotes(heard(approvalOf([gate], { votes: cast }), said))).toBe('approved');
      }),
      { numRuns: 2_000 },
    );
  });

  it('never give a service the place of a person', () => {
    fc.assert(
      fc.property(fc.array(draft, { minLength: 1, maxLength: 3 }), answers, votes, (drafts, said, cast) => {
        const gates = drafts.map(gateOf);
        const approval = heard(approvalOf(gates, { votes: cast }), said);
        if (countVotes(approval) !== 'approved') return;
        const mayBeServices = approval.requirements.filter(({ human }) => !human).reduce((sum, { k }) => sum + k, 0);
        expect(cast.length).toBeGreaterThanOrEqual(approval.requiredApprovers - mayBeServices);
        const strict = { ...approval, requirements: onlyPeople(approval.requirements) };
        if (countVotes(strict) === 'approved') expect(cast.length).toBeGreaterThanOrEqual(strict.requiredApprovers);
      }),
      { numRuns: 2_000 },
    );
  });

  it('do not depend on the order of the gates', () => {
    fc.assert(
      fc.property(fc.array(draft, { minLength: 2, maxLength: 3 }), (drafts) => {
        const gates = drafts.map(gateOf);
        const back = [...gates].reverse();
        expect(combineGates(back)).toEqual(combineGates(gates));
        const { requirements } = combineGates(gates);
        expect(servicesOf(back, requirements)).toEqual(servicesOf(gates, requirements));
      }),
    );
  });
});

it('ifServicesApprove leaves what was said', () => {
  expect(countVotes({ ...ifServicesApprove(beside), votes: two })).toBe('approved');
  expect(countVotes({ ...ifServicesApprove(heard(beside, { soar: 'denied' })), votes: two })).toBe('denied');
});

describe('externalApproval in a policy', () => {
  const policy = (gate: object) => ({
    name: 'p',
    policyGates: [{ gateName: 'g', approvalRoles: [{ role: 'CISO' }], ...gate }],
  });
  const read = (gate: object) => toPolicy(policy(gate));
  const places = (gate: object) => {
    const parsed = read(gate);
    const [first] = 'value' in parsed ? parsed.value.policyGates : [];
    if (first === undefined) throw new Error('not a policy');
    return placesOf(first);
  };

  it('may be the one approver, by its name alone, and none of several', () => {
    expect(places({ externalApproval: 'soar' })).toEqual([{ roles: ['CISO'], k: 1, human: false, services: ['soar'] }]);
    expect(places({ externalApproval: { service: 'soar', human: true } })).toEqual([
      { roles: ['CISO'], k: 1, human: true },
    ]);
    expect(places({ externalApproval: 'soar', requiredApprovers: 2 })).toEqual([
      { roles: ['CISO'], k: 2, human: true },
    ]);
  });

  it.each([
    [
      { externalApproval: { service: 'soar', human: false }, requiredApprovers: 2 },
      '/policyGates/0/externalApproval/human',
    ],
    [{ externalApproval: { service: 'soar', humans: false } }, '/policyGates/0/externalApproval/humans'],
    [{ externalApproval: { human: false } }, '/policyGates/0/externalApproval/service'],
    [
      { externalApproval: { service: 'soar', fallbackBehavior: 'SHRUG' } },
      '/policyGates/0/externalApproval/fallbackBehavior',
    ],
  ])('is refused: %j', (gate, pointer) => {
    expect(read(gate)).toMatchObject({ faults: [expect.objectContaining({ pointer })] });
  });

  const check = (gate: object) => {
    const parsed = read(gate);
    if ('faults' in parsed) throw new Error('not a policy');
    return checkPolicy(parsed.value, {
      reversibilityOf: (type) => (type === 'ACCOUNT_SUSPEND' ? 'undo' : 'irreversible'),
      rolesOf: () => ['CISO'],
      customRoles: new Map(),
      channels: ['IN_APP'],
      hasPasskeys: true,
      approvers: ['soar'],
    });
  };

  it('must be configured, and its silence allows only what can be undone', () => {
    expect(check({ externalApproval: 'soar' }).faults).toEqual([]);
    expect(check({ externalApproval: 'sora' }).faults).toMatchObject([
      { pointer: '/policyGates/0/externalApproval/service', detail: expect.stringContaining('soar') },
    ]);
    const silent = { service: 'soar', fallbackBehavior: 'ALLOW_ACTION' };
    const at = '/policyGates/0/externalApproval/fallbackBehavior';
    const suspends = { triggers: { actionTypes: ['ACCOUNT_SUSPEND'] } };
    const resets = { triggers: { actionTypes: ['FORCE_PASSWORD_RESET'] } };
    expect(check({ externalApproval: silent, ...suspends }).faults).toEqual([]);
    expect(check({ externalApproval: silent, ...resets }).faults).toMatchObject([{ pointer: at }]);
    expect(check({ externalApproval: silent }).faults).toMatchObject([{ pointer: at }]);
  });
});
