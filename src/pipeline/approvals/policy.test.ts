import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../platform/canonical-json.ts';
import type { Reversibility } from '../actions/contract.ts';
import type { GateQuery } from '../playbooks/bind.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { checkPolicy } from './check-policy.ts';
import { matchGates } from './match-gates.ts';
import type { Role } from '../vocabulary.ts';
import { parsePolicy, toPolicy, type Policy } from './policy.ts';

/** The body of the product request, member for member. */
const REQUESTED = {
  name: 'CRITICAL_INCIDENT_APPROVAL',
  description: 'Requires approval for all critical incidents',
  scope: 'ALL_PLAYBOOKS',
  policyGates: [
    {
      gateName: 'Session_Termination_Approval',
      requiresApproval: true,
      requiredApprovers: 2,
      approvalRoles: [{ role: 'SECURITY_ADMIN' }, { role: 'INCIDENT_COMMANDER' }],
      approvalTimeoutMs: 3_600_000,
      triggers: { riskLevels: ['CRITICAL'], actionTypes: ['FULL_SESSION_KILL', 'ACCOUNT_SUSPEND'] },
      escalationPath: [{ escalationLevel: 1, delayMs: 1_800_000, escalateTo: 'cto_user_id' }],
    },
  ],
};

const GATE = { gateName: 'G', approvalRoles: [{ role: 'CISO' }] };
const with1 = (gate: object, more: object = {}) => ({ name: 'N', policyGates: [{ ...GATE, ...gate }], ...more });

const named = (people: object) => with1({ approvalRoles: [{ role: 'CISO', ...people }] });

const saved = (document: unknown): Policy => {
  const result = toPolicy(document);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.value;
};

const REVERSIBILITY = new Map<string, Reversibility>([
  ['ACCOUNT_SUSPEND', 'undo'],
  ['FULL_SESSION_KILL', 'selfRecoverable'],
  ['FORCE_PASSWORD_RESET', 'irreversible'],
]);
const ROLES_OF = new Map<string, readonly Role[]>([
  ['usr_1', ['CISO']],
  ['usr_2', ['AUDITOR']],
]);
const check = (document: unknown) =>
  checkPolicy(saved(document), {
    reversibilityOf: (type) => REVERSIBILITY.get(type) ?? null,
    rolesOf: (id) => ROLES_OF.get(id) ?? null,
    customRoles: new Map(),
    channels: ['IN_APP', 'EMAIL'],
    hasPasskeys: true,
    approvers: ['change-board'],
  });

describe('toPolicy', () => {
  it('takes the requested body unchanged and fills in the defaults', () => {
    const policy = saved(REQUESTED);
    expect(policy).toMatchObject({ ...REQUESTED, fallbackBehavior: 'ESCALATE_TO_HUMAN', priority: 0, enabled: true });
    expect(saved(policy)).toEqual(policy);
    expect(() => canonicalJson(policy)).not.toThrow();
    expect(parsePolicy(stringify(REQUESTED), 'yaml')).toEqual({ value: policy });
    expect(parsePolicy(JSON.stringify(REQUESTED), 'json')).toEqual({ value: policy });
  });

  it('needs little, and uses the configured timeout', () => {
    expect(toPolicy(with1({}), 7_000)).toMatchObject({
      value: {
        scope: 'ALL_PLAYBOOKS',
        policyGates: [{ requiresApproval: true, requiredApprovers: 1, approvalTimeoutMs: 7_000, triggers: {} }],
      },
    });
  });

  it.each<[string, object]>([
    ['/policyGates/0/trigers', with1({ trigers: {} })],
    ['/policyGates/0/triggers/risk', with1({ triggers: { risk: ['HIGH'] } })],
    ['/policyGates/0/triggers/actionTypes/0', with1({ triggers: { actionTypes: ['NUKE'] } })],
    ['/policyGates/0/approvalRoles', with1({ approvalRoles: [] })],
    ['/policyGates/0/approvalRoles/1/role', with1({ approvalRoles: [{ role: 'CISO' }, { role: 'CISO' }] })],
    ['/policyGates/0/requiredApprovers', with1({ requiredApprovers: 0 })],
    ['/policyGates/0/exemptions/0/expiresAt', with1({ exemptions: [{ reason: 'r' }] })],
    ['/policyGates/1/gateName', { name: 'N', policyGates: [GATE, GATE] }],
    ['/policyGates/0/triggers/playbookIds', with1({}, { scope: 'SPECIFIC_PLAYBOOKS' })],
    ['/policyGates/0/triggers/riskLevels', with1({ triggers: { riskLevels: [] } }, { scope: 'RISK_LEVEL_BASED' })],
    [
      '/policyGates/0/triggers/actionTypes',
      with1({ triggers: { riskLevels: ['LOW'] } }, { scope: 'ACTION_TYPE_BASED' }),
    ],
    ['/_id', with1({}, { _id: 'a', policyId: 'b' })],
    ['/policyGates', { name: 'N', policyGates: [] }],
  ])('refuses what is wrong at %s', (pointer, document) => {
    const result = toPolicy(document);
    expect('faults' in result ? result.faults.map((fault) => fault.pointer) : []).toEqual([pointer]);
  });
});

describe('checkPolicy', () => {
  it('accepts the requested body and warns of the user who does not exist', () => {
    const { faults, warnings } = check(REQUESTED);
    expect(faults).toEqual([]);
    expect(warnings.map((warning) => warning.pointer)).toEqual(['/policyGates/0/escalationPath/0/escalateTo']);
    expect(
      check(
        with1({
          escalationPath: [
            { escalationLevel: 1, delayMs: 1_000, escalateTo: 'CISO' },
            { escalationLevel: 2, delayMs: 2_000, escalateTo: 'usr_1' },
          ],
        }),
      ).warnings,
    ).toEqual([]);
  });

  it.each<[string, object]>([
    ['/priority', with1({}, { priority: 5 })],
    ['/exemptions', with1({}, { exemptions: [{ reason: 'r', expiresAt: 1 }] })],
    ['/policyGates/0/exemptions', with1({ exemptions: [{ reason: 'r', expiresAt: 1 }] })],
    [
      '/policyGates/0/autoApproveConditions',
      with1({
        autoApproveConditions: 'incident.confidence >= 90',
        triggers: { actionTypes: ['ACCOUNT_SUSPEND', 'FORCE_PASSWORD_RESET'] },
      }),
    ],
    ['/policyGates/0/channels', with1({ channels: ['email', 'SLACK'] })],
    ['/policyGates/0/approvalRoles/0/users/1', named({ users: ['usr_1', 'usr_none'] })],
    ['/policyGates/0/approvalRoles/0/users/0', named({ users: ['usr_2'] })],
    ['/policyGates/0/approvalRoles/0/fallbackUsers/0', named({ users: ['usr_1'], fallbackUsers: ['usr_none'] })],
    ['/policyGates/0/approvalRoles/0/fallbackUsers/0', named({ fallbackUsers: ['usr_2'] })],
    [
      '/policyGates/0/escalationPath/0/escalateTo',
      with1({ escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'AUDITOR' }] }),
    ],
    ['/policyGates/0/requiresApproval', with1({ requiresApproval: false })],
    [
      '/policyGates/0/escalationPath/0/delayMs',
      with1({ approvalTimeoutMs: 1_000, escalationPath: [{ escalationLevel: 1, delayMs: 1_000, escalateTo: 'CISO' }] }),
    ],
  ])('warns at %s', (pointer, document) => {
    const { faults, warnings } = check(document);
    expect(faults).toEqual([]);
    expect(warnings.map((warning) => warning.pointer)).toEqual([pointer]);
  });

  it('takes conditions that answer for people without a word', () => {
    const document = with1({
      autoApproveConditions: 'incident.confidence >= 90',
      autoDenyConditions: ['user.protected'],
    });
    expect(check(document)).toEqual({ faults: [], warnings: [] });
  });

  it('takes people who can answer without a word', () => {
    expect(check(named({ users: ['usr_1'], fallbackUsers: ['usr_1'] }))).toEqual({ faults: [], warnings: [] });
  });

  it('refuses a gate that names fewer people than it needs', () => {
    const { faults } = check(
      with1({ approvalRoles: [{ role: 'CISO', users: ['usr_1', 'USR_1'] }], requiredApprovers: 2 }),
    );
    expect(faults.map(({ pointer }) => pointer)).toEqual(['/policyGates/0/requiredApprovers']);
    const open = [{ role: 'CISO', users: ['usr_1'] }, { role: 'LEGAL' }];
    expect(check(with1({ approvalRoles: open, requiredApprovers: 3 })).faults).toEqual([]);
  });

  it.each<[string, object]>([
    ['/policyGates/0/triggers/condition', with1({ triggers: { condition: 'incident.nope == 1' } })],
    ['/policyGates/0/triggers/condition', with1({ triggers: { condition: 'results.a.status == "SUCCESS"' } })],
    ['/policyGates/0/autoApproveConditions/1', with1({ autoApproveConditions: ['true', 'nope'] })],
    ['/policyGates/0/autoDenyConditions/0', with1({ autoDenyConditions: 'nope' })],
    [
      '/policyGates/0/exemptions/0/condition',
      with1({ exemptions: [{ reason: 'r', expiresAt: 1, condition: 'nope' }] }),
    ],
    ['/exemptions/0/condition', with1({}, { exemptions: [{ reason: 'r', expiresAt: 1, condition: 'nope' }] })],
    ['/policyGates/0/fallbackBehavior', with1({ fallbackBehavior: 'ALLOW_ACTION' })],
    [
      '/policyGates/0/fallbackBehavior',
      with1({
        fallbackBehavior: 'ALLOW_ACTION',
        triggers: { actionTypes: ['ACCOUNT_SUSPEND', 'FORCE_PASSWORD_RESET'] },
      }),
    ],
    [
      '/policyGates/0/fallbackBehavior',
      with1({ fallbackBehavior: 'ALLOW_ACTION', triggers: { actionTypes: ['GEO_LOCK'] } }),
    ],
    ['/fallbackBehavior', with1({}, { fallbackBehavior: 'ALLOW_ACTION' })],
  ])('refuses at %s', (pointer, document) => {
    expect(check(document).faults.map((fault) => fault.pointer)).toEqual([pointer]);
  });

  it('allows by silence what can be undone', () => {
    const document = with1({
      fallbackBehavior: 'ALLOW_ACTION',
      triggers: { actionTypes: ['account_suspend', 'FULL_SESSION_KILL'] },
    });
    expect(check(document).faults).toEqual([]);
  });
});

describe('matchGates', () => {
  const QUERY: GateQuery = {
    actionType: 'ACCOUNT_SUSPEND',
    riskLevel: 'CRITICAL',
    playbookId: 'p',
    playbookType: 'CUSTOM',
  };
  const VALUES: ExpressionValues = { incident: { confidence: 50 }, event: null, results: {}, context: {}, user: null };
  const gates = (
    document: unknown,
    query: Partial<GateQuery> = {},
    values: ExpressionValues | null = VALUES,
  ): string[] =>
    matchGates([{ policyId: 'pol', version: 4, policy: saved(document) }], { ...QUERY, ...query }, values).map(
      (gate) => gate.gateName,
    );

  it('makes a gate of the requested policy', () => {
    const [gate] = matchGates([{ policyId: 'pol', version: 4, policy: saved(REQUESTED) }], QUERY, VALUES);
    const standIns = [{ who: 'user', id: 'cto_user_id', afterMs: 1_800_000 }];
    expect(gate).toEqual({
      source: 'pol',
      version: 4,
      gateName: 'Session_Termination_Approval',
      requirements: [
        { roles: ['INCIDENT_COMMANDER'], k: 1, human: true, standIns },
        { roles: ['SECURITY_ADMIN'], k: 1, human: true, standIns },
      ],
      requiredApprovers: 2,
      timeoutMs: 3_600_000,
      fallbackBehavior: 'ESCALATE_TO_HUMAN',
      escalationPath: [{ level: 1, delayMs: 1_800_000, escalateTo: 'cto_user_id' }],
      riskLevels: ['CRITICAL'],
    });
  });

  it('needs every trigger that names something', () => {
    expect(gates(REQUESTED)).toHaveLength(1);
    expect(gates(REQUESTED, { riskLevel: 'HIGH' })).toEqual([]);
    expect(gates(REQUESTED, { actionType: 'GEO_LOCK' })).toEqual([]);
    expect(gates(with1({}), { riskLevel: 'LOW', actionType: 'GEO_LOCK' })).toEqual(['G']);
    expect(gates(with1({ triggers: { riskLevels: [], playbookIds: ['p'] } }))).toEqual(['G']);
    expect(gates(with1({ triggers: { playbookIds: ['q'] } }))).toEqual([]);
  });

  it('leaves out what is switched off', () => {
    expect(gates(with1({}, { enabled: false }))).toEqual([]);
    expect(gates(with1({ requiresApproval: false }))).toEqual([]);
  });

  it('asks the condition, and applies when it cannot be decided', () => {
    const conditional = (condition: string) => with1({ triggers: { condition } });
    expect(gates(conditional('incident.confidence < 70'))).toEqual(['G']);
    expect(gates(conditional('incident.confidence > 70'))).toEqual([]);
    expect(gates(conditional('user.privileged'))).toEqual(['G']);
    expect(gates(conditional('incident.confidence > 70'), {}, null)).toEqual(['G']);
  });

  it('gives the same order whatever order the policies come in', () => {
    const policies = ['b', 'a', 'c'].map((policyId) => ({ policyId, version: 1, policy: saved(with1({})) }));
    const order = (list: typeof policies): string[] => matchGates(list, QUERY, VALUES).map((gate) => gate.source);
    expect(order(policies)).toEqual(['a', 'b', 'c']);
    expect(order([...policies].reverse())).toEqual(['a', 'b', 'c']);
  });
});
