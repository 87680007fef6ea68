import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { Plan, PlanAction, PlanGate } from '../../playbooks/plan.ts';

const TRUE = 'incident.confidence >= 1';
const FALSE = 'incident.confidence >= 101';

const conditional = (approve: readonly string[], deny: readonly string[] = [], gateName = 'auto'): PlanGate =>
  gate({ gateName, automatic: { approve, deny } });
const action = (gates: readonly PlanGate[], more: Partial<PlanAction> = {}): PlanAction =>
  planAction('a', { gates, ...more });
const story = (gates: readonly PlanGate[], more: Partial<PlanAction> = {}): ExecutionStory =>
  new ExecutionStory(planOf([action(gates, more)]));

describe('an action whose gate has a condition that answers', () => {
  it('begins at once, with an approval on record that says by what', () => {
    const done = story([conditional([FALSE, TRUE])]);
    expect(done.action().phase).toBe('observing');
    expect(done.approval).toMatchObject({
      status: 'APPROVED',
      votes: [],
      automatic: [{ gateName: 'auto', answer: 'APPROVE', condition: TRUE }],
    });
    expect(done.last.facts).toContainEqual(
      expect.objectContaining({ type: 'approval.decided', status: 'APPROVED', fallback: 'auto_approved' }),
    );
    expect(done.timers.filter(({ name }) => name.startsWith('approval:'))).toEqual([]);
    expect(done.vote('DENY').last.facts.map(({ type }) => type)).toEqual(['vote.refused']);
  });

  it('is denied by it', () => {
    const denied = story([conditional([TRUE], [TRUE]), gate()]);
    expect(denied.action()).toMatchObject({ status: 'DENIED', reason: 'auto_denied' });
    expect(denied.approval.status).toBe('DENIED');
  });

  it('asks only those whom no condition answered', () => {
    const partly = story([conditional([TRUE]), gate({ gateName: 'people', requiredApprovers: 1 })]);
    expect(partly.action().phase).toBe('awaiting_approval');
    expect(partly.approval).toMatchObject({
      gates: [{ gateName: 'people' }],
      automatic: [{ gateName: 'auto', answer: 'APPROVE' }],
    });
    expect(partly.vote('APPROVE').action().phase).toBe('observing');
  });

  it('asks people about what its own condition cannot decide', () => {
    const undecided = story([conditional([TRUE])], { condition: 'context.missing == "x"' });
    expect(undecided.approval).toMatchObject({ purpose: 'condition_error', status: 'PENDING' });
  });
});

describe('floors that no condition goes below', () => {
  const held = (plan: Plan, accounts: readonly string[] = []): string =>
    new ExecutionStory(plan, { snapshot: { ...startOf('exe_1').snapshot, accounts } }).approval.status;
  const gates = [conditional([TRUE])];
  const accounts = (count: number): string[] => Array.from({ length: count }, (_, index) => `u${index}@acme.example`);

  it('is what cannot be undone', () => {
    const lasting = declaration({ reversibility: 'irreversible', holds: null });
    expect(held(planOf([action(gates, { declaration: lasting })]))).toBe('PENDING');
  });

  it('is a protected identity', () => {
    const plan = planOf([action(gates, { declaration: declaration({ contains: true }), target: 'cfo@acme.example' })]);
    expect(held(plan)).toBe('APPROVED');
    expect(held({ ...plan, protectedIdentities: ['cfo@acme.example'] })).toBe('PENDING');
  });

  it('is a list of more than ten', () => {
    const plan = planOf([action(gates, { forEach: 'accounts', target: '{{user.id}}' })]);
    expect(held(plan, accounts(10))).toBe('APPROVED');
    expect(held(plan, accounts(11))).toBe('PENDING');
  });

  it('does not keep a condition from denying', () => {
    const lasting = declaration({ reversibility: 'irreversible', holds: null });
    expect(held(planOf([action([conditional([], [TRUE])], { declaration: lasting })]))).toBe('DENIED');
  });
});
