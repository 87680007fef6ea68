import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import type { Plan, PlanAction, PlanGate } from '../../src/pipeline/playbooks/plan.ts';
import type { NewExecution } from '../../src/pipeline/executions/runner.ts';

/** Plans and starts for tests of the engine; every member has a plain default. */

export function declaration(change: Partial<ActionDeclaration> = {}): ActionDeclaration {
  return {
    type: 'ACCOUNT_SUSPEND',
    connector: 'fake',
    targetType: 'user',
    idempotency: 'state',
    reversibility: 'undo',
    readBack: true,
    settleMs: 0,
    waits: false,
    holds: 'account.suspended',
    contains: true,
    ...change,
  };
}

export function planAction(actionId: string, change: Partial<PlanAction> = {}): PlanAction {
  return {
    actionId,
    declaration: declaration(),
    target: '{{incident.subject.id}}',
    parameters: {},
    condition: null,
    forEach: null,
    onFailure: 'CONTINUE',
    onDenied: 'CONTINUE',
    retry: { maxRetries: 3, backoffMs: 1_000, backoffMultiplier: 2 },
    timeoutMs: 5_000,
    waitMs: 900_000,
    ttlMs: null,
    gates: [],
    question: null,
    ...change,
  };
}

export function gate(change: Partial<PlanGate> = {}): PlanGate {
  return {
    source: 'playbook',
    version: 1,
    gateName: 'gate',
    requirements: [{ roles: ['SECURITY_ADMIN'], k: 1, human: true }],
    requiredApprovers: 1,
    timeoutMs: 3_600_000,
    fallbackBehavior: 'DENY_ACTION',
    escalationPath: [],
    riskLevels: [],
    ...change,
  };
}

export function planOf(...stages: readonly (readonly PlanAction[])[]): Plan {
  return {
    planVersion: 1,
    playbookId: 'playbook_test',
    playbookVersion: 1,
    name: 'Test',
    playbookType: 'CUSTOM',
    executionTimeoutMs: 300_000,
    stages: stages.map((actions, index) => ({ stage: index + 1, actions })),
  };
}

export function startOf(
  executionId: string,
  journalId = 'jrn_test',
  accounts: readonly string[] = [],
): NewExecution['start'] {
  const subject = { id: 'alice@example.test', type: 'user' };
  return {
    authorIds: [],
    executionId,
    journalId,
    parent: null,
    requester: { id: 'engine', type: 'engine' },
    riskLevel: 'HIGH',
    snapshot: {
      accounts,
      context: {},
      event: {},
      incident: {
        accounts,
        confidence: 90,
        details: {},
        id: 'inc_test',
        severity: 'HIGH',
        sourceIps: [],
        subject,
        type: 'CUSTOM',
      },
      user: { id: subject.id },
    },
  };
}
