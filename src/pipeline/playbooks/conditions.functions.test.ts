import { describe, expect, it } from 'vitest';
import { bindPlan } from './bind.ts';
import { compilePlaybook } from './compile.ts';
import { checkCondition, evaluateCondition } from './conditions.ts';
import { toPlaybook } from './playbook.ts';
import type { ExpressionValues } from './scope.ts';
import { declarationOf } from '../../../tests/support/declarations.ts';

const SCOPE = { results: [], inputs: ['ticket'] };
const VALUES: ExpressionValues = {
  incident: {
    id: 'Inc ',
    type: 'CUSTOM',
    severity: 'HIGH',
    confidence: 80,
    impact: 'LOW',
    subject: { type: 'user', id: 'alice' },
    accounts: ['alice', 'bob'],
    sourceIps: [],
    findingCount: 1,
    details: { attempts: 3 },
  },
  event: {},
  results: {},
  context: { ticket: '7' },
  user: null,
};

/** What the documentation promises that conditions may use, each in an expression that is true. */
const PROMISED = [
  'has(context.ticket)',
  'size(incident.accounts) == 2',
  'incident.accounts.size() == 2',
  'incident.id.startsWith("In")',
  'incident.id.endsWith("c ")',
  'incident.id.contains("nc")',
  'incident.severity.lowerAscii() == "high"',
  'incident.subject.id.upperAscii() == "ALICE"',
  'incident.id.trim() == "Inc"',
  'int(context.ticket) == 7',
  'string(incident.confidence) == "80"',
  'incident.accounts.all(a, a != "carol")',
  'incident.accounts.exists(a, a == "bob")',
  'incident.accounts.exists_one(a, a == "bob")',
  'incident.accounts.map(a, size(a))[1] == 3',
  'incident.accounts.filter(a, a == "bob").size() == 1',
];

describe('the functions of a condition', () => {
  it.each(PROMISED)('%s', (source) => {
    expect(checkCondition(source, SCOPE)).toEqual([]);
    expect(evaluateCondition(source, VALUES)).toEqual({ value: true });
  });

  it.each([
    'incident.id.matches("x")',
    'incident.id.split("") == []',
    '["a"].join("") == "a"',
    'dyn(1) == 1',
    'type(1) == int',
    'double(1) == 1.0',
    'duration("1s") == duration("1s")',
  ])('no other: %s', (source) => {
    expect(checkCondition(source, SCOPE)[0]?.detail).toMatch(/not allowed/);
    expect(evaluateCondition(source, VALUES)).toHaveProperty('error');
  });

  it.each(['all', 'exists', 'exists_one', 'map', 'filter'])('%s does not run inside another loop', (loop) => {
    const inner = `incident.accounts.${loop}(b, b == "x")`;
    const [fault] = checkCondition(`incident.accounts.exists(a, ${inner} == ${inner})`, SCOPE);
    expect(fault?.detail).toContain('inside another one');
  });
});

describe('how long an action waits for an answer', () => {
  const waitOf = (parameters: object): number | undefined => {
    const action = { actionId: 'a', actionType: 'STEP_UP_CHALLENGE', parameters };
    const read = toPlaybook({ name: 'P', playbookType: 'CUSTOM', severity: 'LOW', actions: [action] });
    if ('faults' in read) throw new Error(JSON.stringify(read.faults));
    const { compiled, faults } = compilePlaybook(read.value, declarationOf, () => []);
    if (compiled === null) throw new Error(JSON.stringify(faults));
    const binding = { playbookId: 'p', playbookVersion: 1, riskLevel: 'HIGH', policyGates: () => [] } as const;
    return bindPlan(compiled, binding).stages[0]?.actions[0]?.waitMs;
  };

  it('is what its parameters say in minutes, and a quarter of an hour where they say nothing that is a time', () => {
    expect(waitOf({ expirationMinutes: 5 })).toBe(300_000);
    for (const expirationMinutes of [0, -5, '5', true, null]) expect(waitOf({ expirationMinutes })).toBe(900_000);
    expect(waitOf({})).toBe(900_000);
  });
});
