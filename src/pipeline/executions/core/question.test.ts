import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import { intentHash } from '../../approvals/intent.ts';
import type { PlanAction } from '../../playbooks/plan.ts';
import { statusOf } from './state.ts';

const HOUR = 3_600_000;
const note = declaration({
  type: 'ANALYST_ESCALATION',
  reversibility: 'selfRecoverable',
  readBack: false,
  holds: null,
  contains: false,
});
const requirements = [{ roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], k: 1, human: true }] as const;
const question = { text: 'Was it you?', requirements, requiredApprovers: 1, timeoutMs: HOUR };
const asking: PlanAction = planAction('a', { declaration: note, parameters: { word: 'x' }, question });

function asked(): ExecutionStory {
  return new ExecutionStory(
    planOf([asking], [planAction('b', { condition: "results.a.outcome == 'denied'" })]),
  ).succeed();
}

describe('a question to people', () => {
  it('is asked when its action was done, about exactly what was done', () => {
    const story = asked();
    expect(story.action()).toMatchObject({ phase: 'waiting', status: null });
    expect(story.approval).toMatchObject({
      actionId: 'a',
      purpose: 'question',
      status: 'PENDING',
      requirements,
      requiredApprovers: 1,
      gates: [],
      requester: 'engine',
      expiresAt: story.now + HOUR,
    });
    expect(story.approval.intentHash).toBe(
      intentHash({
        executionId: 'exe_1',
        playbookId: 'playbook_test',
        playbookVersion: 1,
        actions: [
          {
            actionId: 'a',
            actionType: 'ANALYST_ESCALATION',
            connector: 'fake',
            targets: [{ type: 'user', id: 'alice@example.test' }],
            parameters: { word: 'x' },
          },
        ],
        gates: [],
        question: 'Was it you?',
        expiresAt: story.now + HOUR,
      }),
    );
  });

  it.each([
    ['APPROVE', 'approved', 'SKIPPED'],
    ['DENY', 'denied', null],
  ] as const)('is answered by a vote: %s', (decision, outcome, next) => {
    const story = asked().vote(decision);
    expect(story.action()).toMatchObject({ phase: 'settled', status: 'SUCCESS', reason: null, outcome });
    expect(story.action('b').status).toBe(next);
  });

  it('is answered by nobody when its time is over, which is no failure', () => {
    const story = asked().timer('approval:');
    expect(story.approval.status).toBe('EXPIRED');
    expect(story.action()).toMatchObject({ status: 'SUCCESS', outcome: 'expired' });
    expect(statusOf(story.state)).toBe('COMPLETED');
  });

  it('is withdrawn when the execution is stopped', () => {
    const by = { type: 'person', id: 'usr_1' } as const;
    const story = asked().take({ type: 'cancel', by, reason: 'drill', compensate: false });
    expect(story.approval).toMatchObject({ status: 'VOIDED' });
    expect(story.action()).toMatchObject({ status: 'SUCCESS', reason: 'cancelled', outcome: 'expired' });
    expect(statusOf(story.state)).toBe('CANCELLED');
  });
});

describe('a condition that cannot be decided', () => {
  const unclear = planAction('a', { condition: 'incident.details.missing == 1' });

  it('is decided by one person who runs incidents, within an hour', () => {
    const story = new ExecutionStory(planOf([unclear]));
    expect(story.approval).toMatchObject({
      purpose: 'condition_error',
      gates: [],
      requirements: [{ roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'SECURITY_ANALYST'], k: 1, human: true }],
      requiredApprovers: 1,
      expiresAt: story.now + HOUR,
    });
    for (const role of ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'SECURITY_ANALYST'] as const) {
      const own = new ExecutionStory(planOf([unclear])).vote('APPROVE', 'usr_2', [role]);
      expect(own.action().phase).toBe('observing');
    }
    expect(story.vote('DENY').action()).toMatchObject({ status: 'DENIED', reason: 'denied' });
  });

  it('is not done when nobody answers', () => {
    const story = new ExecutionStory(planOf([unclear])).timer('approval:');
    expect(story.action()).toMatchObject({ status: 'DENIED', reason: 'expired_deny_action' });
  });

  it('needs what its gates need, where it has any', () => {
    const strict = gate({ requirements: [{ roles: ['SECURITY_ADMIN'], k: 2, human: true }], timeoutMs: 60_000 });
    const story = new ExecutionStory(planOf([{ ...unclear, gates: [strict] }]));
    expect(story.approval).toMatchObject({
      purpose: 'condition_error',
      gates: [strict],
      requirements: strict.requirements,
      requiredApprovers: 2,
      expiresAt: story.now + 60_000,
    });
    expect(story.vote('APPROVE', 'usr_2').action().phase).toBe('awaiting_approval');
    expect(story.vote('APPROVE', 'usr_3').action().phase).toBe('observing');
  });
});

describe('the time to answer a gate', () => {
  const expired = (
    fallbackBehavior: 'ALLOW_ACTION' | 'DENY_ACTION' | 'ESCALATE_TO_HUMAN',
    change = {},
  ): ExecutionStory =>
    new ExecutionStory(
      planOf([planAction('a', { gates: [gate({ fallbackBehavior })], declaration: declaration(change) })]),
    ).timer('approval:');

  it('ends with what the gate says then', () => {
    expect(expired('ALLOW_ACTION').action().phase).toBe('observing');
    expect(expired('DENY_ACTION').action()).toMatchObject({ status: 'DENIED', reason: 'expired_deny_action' });
    expect(expired('ESCALATE_TO_HUMAN').action()).toMatchObject({
      status: 'DENIED',
      reason: 'expired_escalate_to_human',
    });
  });

  it('never ends in favour of what cannot be undone', () => {
    const story = expired('ALLOW_ACTION', { reversibility: 'irreversible' });
    expect(story.action()).toMatchObject({ status: 'DENIED', reason: 'expired_deny_action' });
  });
});
