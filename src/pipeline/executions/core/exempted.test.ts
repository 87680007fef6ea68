import { describe, expect, it } from 'vitest';
import { ExecutionStory, STORY_START } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import { canonicalJson } from '../../../platform/canonical-json.ts';
import type { GateExemption, Plan, PlanAction, PlanGate } from '../../playbooks/plan.ts';
import { exemptionUseViews } from '../exemption-uses.ts';
import { decide } from './decide.ts';
import type { ExecutionState } from './state.ts';

const exemption = (more: Partial<GateExemption> = {}): GateExemption => ({
  id: 'exm_1',
  proposedBy: 'usr_8',
  confirmedBy: 'usr_9',
  accounts: ['usr_8', 'usr_9'],
  expiresAt: STORY_START + 60_000,
  ...more,
});
const exempt = (more: Partial<GateExemption> = {}): PlanGate =>
  gate({ source: 'pol', gateName: 'exempt', exemptions: [exemption(more)] });
const action = (gates: readonly PlanGate[], more: Partial<PlanAction> = {}): PlanAction =>
  planAction('a', { gates, ...more });
const story = (gates: readonly PlanGate[], more: Partial<PlanAction> = {}): ExecutionStory =>
  new ExecutionStory(planOf([action(gates, more)]));

/** The state after all inputs, decided anew. */
function replayed(plan: Plan, { inputs }: ExecutionStory): ExecutionState | null {
  return inputs.reduce<ExecutionState | null>((state, input) => decide(plan, state, input).state, null);
}

describe('an action whose gate two people have agreed to lift', () => {
  it('begins at once, with an approval on record that says by what', () => {
    const done = story([exempt()]);
    expect(done.action().phase).toBe('observing');
    expect(done.approval).toMatchObject({
      status: 'APPROVED',
      votes: [],
      automatic: [
        {
          source: 'pol',
          gateName: 'exempt',
          answer: 'APPROVE',
          exemption: { id: 'exm_1', proposedBy: 'usr_8', confirmedBy: 'usr_9' },
        },
      ],
    });
    expect(done.last.facts).toContainEqual(
      expect.objectContaining({ type: 'approval.decided', status: 'APPROVED', fallback: 'exempted' }),
    );
    expect(exemptionUseViews(done.plan, done.state, done.approval)).toMatchObject([
      { kind: 'exemption-use', parent: 'exm_1', body: { executionId: 'exe_1', actionId: 'a', gateName: 'exempt' } },
    ]);
    expect(canonicalJson(replayed(done.plan, done))).toBe(canonicalJson(done.state));
  });

  it('asks those of another gate, and says that this one was not asked', () => {
    const partly = story([exempt(), gate({ gateName: 'people' })]);
    expect(partly.action().phase).toBe('awaiting_approval');
    expect(partly.approval).toMatchObject({
      gates: [{ gateName: 'people' }],
      automatic: [{ gateName: 'exempt', exemption: { id: 'exm_1' } }],
    });
    expect(exemptionUseViews(partly.plan, partly.state, partly.approval)).toHaveLength(1);
    expect(partly.vote('APPROVE').action().phase).toBe('observing');
  });

  it('asks whom the incident or the request makes partial', () => {
    const gates = [exempt()];
    const started = (change: object): string => new ExecutionStory(planOf([action(gates)]), change).approval.status;
    expect(started({ requester: { type: 'person', id: 'usr_8' } })).toBe('PENDING');
    expect(started({ requester: { type: 'person', id: 'usr_5' } })).toBe('APPROVED');
    expect(started({ snapshot: { ...startOf('exe_1').snapshot, accounts: ['usr_9'] } })).toBe('PENDING');
  });
});

describe('an exemption between the start and the question', () => {
  const plan = planOf([planAction('first')], [action([exempt()])]);
  const second = (change: object = {}, afterMs = 0): ExecutionStory => {
    const told = new ExecutionStory(plan);
    told.observe('first').answer('performed', { outcome: {} }, 'first');
    told.now += afterMs;
    const { attempt, generation } = told.action('first');
    const verified = {
      type: 'verified',
      actionId: 'first',
      attempt,
      generation,
      result: { says: 'holds', digest: 'd' },
    };
    return told.take({ ...verified, ...change } as Parameters<ExecutionStory['take']>[0]); // as the shell completes it
  };

  it('counts as long as it has not ended', () => {
    expect(second().approval).toMatchObject({ status: 'APPROVED' });
    expect(second({}, 59_999).approval).toMatchObject({ status: 'APPROVED' });
    expect(second({}, 60_000).approval).toMatchObject({ status: 'PENDING' });
  });

  it('counts no more once somebody has revoked it, and a replay says the same', () => {
    const revoked = second({ revoked: ['exm_1'] });
    expect(revoked.approval).toMatchObject({ status: 'PENDING' });
    expect(revoked.approval.automatic).toBeUndefined();
    expect(canonicalJson(replayed(plan, revoked))).toBe(canonicalJson(revoked.state));
    expect(second({ revoked: ['exm_2'] }).approval).toMatchObject({ status: 'APPROVED' });
  });
});

describe('floors that no exemption goes below', () => {
  const held = (plan: Plan, accounts: readonly string[] = []): string =>
    new ExecutionStory(plan, { snapshot: { ...startOf('exe_1').snapshot, accounts } }).approval.status;
  const gates = [exempt()];
  const accounts = (count: number): string[] => Array.from({ length: count }, (_, index) => `u${index}@acme.example`);

  it('is what cannot be undone', () => {
    const lasting = declaration({ reversibility: 'irreversible', holds: null });
    expect(held(planOf([action(gates, { declaration: lasting })]))).toBe('PENDING');
  });

  it('is a protected identity', () => {
    const plan = planOf([action(gates, { target: 'cfo@acme.example' })]);
    expect(held(plan)).toBe('APPROVED');
    expect(held({ ...plan, protectedIdentities: ['cfo@acme.example'] })).toBe('PENDING');
  });

  it('is a list of more than ten', () => {
    const plan = planOf([action(gates, { forEach: 'accounts', target: '{{user.id}}' })]);
    expect(held(plan, accounts(10))).toBe('APPROVED');
    expect(held(plan, accounts(11))).toBe('PENDING');
  });

  it('is a condition of the action that cannot be decided', () => {
    const undecided = story(gates, { condition: 'context.missing == "x"' });
    expect(undecided.approval).toMatchObject({ purpose: 'condition_error', status: 'PENDING' });
  });
});
