import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { PlanAction } from '../../playbooks/plan.ts';

/** An incident about a host, on which an account was seen that the action is done to. */
const { snapshot } = startOf('exe_1');
const HOST = {
  ...snapshot,
  incident: { ...snapshot.incident, subject: { type: 'host', id: 'srv-7' } },
  event: { signedIn: 'Usr_2' },
};
const asking = (change: Partial<PlanAction> = {}): ExecutionStory =>
  new ExecutionStory(planOf([planAction('a', { target: '{{event.signedIn}}', gates: [gate()], ...change })]), {
    snapshot: HOST,
  });

describe('whoever an action is done to', () => {
  it('has no say in it, also where the incident is about something else', () => {
    const story = asking();
    expect(story.action().target).toEqual({ type: 'user', id: 'Usr_2' });
    expect(story.vote('APPROVE', 'usr_2').last.facts).toMatchObject([{ type: 'vote.refused', code: 'subject' }]);
    expect(story.vote('DENY', 'usr_2').last.facts).toMatchObject([{ type: 'vote.refused', code: 'subject' }]);
    expect(story.approval.status).toBe('PENDING');
    expect(story.vote('APPROVE', 'usr_3').approval.status).toBe('APPROVED');
  });

  it('is named once where the incident is about them, as it was', () => {
    const plan = planOf([planAction('a', { gates: [gate()] })]);
    expect(new ExecutionStory(plan).approval.subjectIds).toEqual(['alice@example.test']);
  });

  it('is an account: a host has no vote', () => {
    const onHost = declaration({ type: 'ISOLATE_HOST', targetType: 'host', holds: 'host.isolated' });
    expect(asking({ declaration: onHost }).approval.subjectIds).toEqual(['srv-7']);
  });
});
