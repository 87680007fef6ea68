import { describe, expect, it } from 'vitest';
import { ExecutionStory, STORY_START } from '../../../../tests/support/execution-story.ts';
import { gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import type { PlanGate } from '../../playbooks/plan.ts';

const STEPS = [
  { level: 1, delayMs: 10_000, escalateTo: 'usr_cto' },
  { level: 2, delayMs: 20_000, escalateTo: 'LEGAL' },
  { level: 3, delayMs: 60_000, escalateTo: 'usr_never' },
];
const PLACE = {
  roles: ['SECURITY_ADMIN' as const],
  k: 1,
  human: true,
  standIns: [
    { who: 'user' as const, id: 'usr_cto', afterMs: 10_000 },
    { who: 'role' as const, id: 'LEGAL', afterMs: 20_000 },
  ],
};
const ESCALATED: Partial<PlanGate> = { requirements: [PLACE], escalationPath: STEPS, timeoutMs: 60_000 };

const asking = (change: Partial<PlanGate> = {}): ExecutionStory =>
  new ExecutionStory(planOf([planAction('a', { gates: [gate({ ...ESCALATED, ...change })] })]));
const facts = (story: ExecutionStory): readonly string[] => story.last.facts.map(({ type }) => type);

describe('a request that nobody answers', () => {
  it('is escalated step by step, and asks the same people as before, too', () => {
    const story = asking();
    expect(story.dueIn('escalation:')).toBe(10_000);
    story.timer('escalation:');
    expect(story.last.facts).toEqual([
      { type: 'approval.escalated', approvalId: story.approval.id, level: 1, delayMs: 10_000, escalateTo: 'usr_cto' },
    ]);
    expect(story.dueIn('escalation:')).toBe(10_000);
    story.timer('escalation:');
    expect(story.approval.escalations).toEqual([
      { level: 1, delayMs: 10_000, escalateTo: 'usr_cto', at: STORY_START + 10_000 },
      { level: 2, delayMs: 20_000, escalateTo: 'LEGAL', at: STORY_START + 20_000 },
    ]);
    // The third would come when the time is over.
    expect(story.dueIn('escalation:')).toBeNull();
    expect(facts(story.vote('APPROVE', 'usr_2', ['SECURITY_ADMIN']))).toContain('approval.decided');
    expect(story.dueIn('escalation:')).toBeNull();
  });

  it('can be answered by a stand-in from their step on, and not before', () => {
    const story = asking();
    expect(facts(story.vote('APPROVE', 'usr_cto', ['IR_LEAD']))).toEqual(['vote.refused']);
    expect(facts(story.vote('APPROVE', 'usr_3', ['LEGAL']))).toEqual(['vote.refused']);
    story.timer('escalation:');
    expect(facts(story.vote('APPROVE', 'usr_3', ['LEGAL']))).toEqual(['vote.refused']);
    expect(facts(story.vote('APPROVE', 'usr_cto', ['IR_LEAD']))).toContain('approval.decided');
    expect(story.action().phase).toBe('observing');
  });

  it('can be denied by a stand-in', () => {
    expect(facts(asking().timer('escalation:').vote('DENY', 'usr_cto', []))).toContain('approval.decided');
  });

  it('needs as many people as before: a stand-in is one of them', () => {
    const two = asking({ requirements: [{ ...PLACE, k: 2 }], requiredApprovers: 2 }).timer('escalation:');
    expect(facts(two.vote('APPROVE', 'usr_cto', ['SECURITY_ADMIN']))).toEqual(['vote.cast']);
    expect(facts(two.vote('APPROVE', 'usr_cto', ['SECURITY_ADMIN']))).toEqual(['vote.refused']);
    expect(facts(two.vote('APPROVE', 'usr_2', ['SECURITY_ADMIN']))).toContain('approval.decided');
  });

  describe('where somebody who has voted may fill another place by a step', () => {
    const LEAD = { ...PLACE, roles: ['IR_LEAD' as const] };
    const both = (): ExecutionStory => {
      const story = asking({ requirements: [{ ...PLACE, standIns: [] }, LEAD], requiredApprovers: 2 });
      expect(facts(story.vote('APPROVE', 'usr_cto', ['SECURITY_ADMIN']))).toEqual(['vote.cast']);
      expect(facts(story.vote('APPROVE', 'usr_2', ['SECURITY_ADMIN']))).toEqual(['vote.cast']);
      return story;
    };

    it('waits for nobody else when these are enough', () => {
      const story = both().timer('escalation:');
      expect(facts(story).slice(0, 2)).toEqual(['approval.escalated', 'approval.decided']);
      expect(story.approval.status).toBe('APPROVED');
      expect(story.action().phase).toBe('observing');
    });

    it('approves nothing when the step comes after the time to answer', () => {
      for (const timer of ['escalation:', 'approval:']) {
        const story = both();
        story.now += 3_600_000;
        story.timer(timer);
        expect(story.approval.status).not.toBe('APPROVED');
        if (timer === 'escalation:') story.timer('approval:');
        expect(story.action().status).toBe('DENIED');
      }
    });
  });

  it('takes a step once: the timer of one that was taken says nothing any more', () => {
    const story = asking().timer('escalation:');
    story.take({ type: 'timer', name: `escalation:${story.approval.id}`, generation: 1 });
    expect(facts(story)).toEqual(['input.ignored']);
    story.take({ type: 'timer', name: `escalation:${story.approval.id}`, generation: 2 });
    expect(facts(story)).toEqual(['input.ignored']);
    expect(story.approval.escalations).toHaveLength(1);
  });

  it('shows after a stop of everything which steps nobody took in time', () => {
    const story = asking();
    story.now += 3_600_000;
    story.timer('approval:');
    expect(facts(story)).toEqual(expect.arrayContaining(['approval.escalated', 'approval.decided']));
    expect(facts(story).slice(0, 3)).toEqual(['approval.escalated', 'approval.escalated', 'approval.decided']);
    expect(story.action().status).toBe('DENIED');
  });

  it('is escalated no more when it was given up', () => {
    const story = asking();
    const by = { type: 'person', id: 'usr_9' } as const;
    story.take({ type: 'cancel', by, reason: 'wrong', compensate: false });
    expect(story.dueIn('escalation:')).toBeNull();
  });
});
