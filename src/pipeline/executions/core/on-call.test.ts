import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import { schedulesIn } from '../../approvals/on-call-places.ts';
import type { OnCall } from '../../approvals/approval.ts';
import type { PlanGate, Requirement, StandIn } from '../../playbooks/plan.ts';
import { decide } from './decide.ts';

const ADMIN: Requirement = { roles: ['SECURITY_ADMIN'], k: 1, human: true };
const standIn = (id: string, afterMs: number): StandIn => ({ who: 'oncall', id, afterMs });
const steps = (...targets: string[]): PlanGate['escalationPath'] =>
  targets.map((escalateTo, index) => ({ level: index + 1, delayMs: (index + 1) * 10_000, escalateTo }));
const plan = (place: Requirement, ...targets: string[]) =>
  planOf([
    planAction('a', { gates: [gate({ requirements: [place], escalationPath: steps(...targets), timeoutMs: 60_000 })] }),
  ]);

/** A story whose every input knows who is on call. */
class OnCallStory extends ExecutionStory {
  onCall: OnCall;
  constructor(place: Requirement, onCall: OnCall, ...targets: string[]) {
    super(plan(place, ...targets), { onCall });
    this.onCall = onCall;
  }
  escalate(): this {
    const due = this.timers.find(({ name }) => name.startsWith('escalation:'));
    if (due === undefined) throw new Error('nothing is escalated');
    this.now = due.due;
    const { name, generation } = due;
    const input = { type: 'timer', name, generation, at: this.now, onCall: this.onCall } as const;
    this.last = decide(this.plan, this.state, input);
    return this;
  }
  /** The last thing that came of somebody's vote. */
  said(userId: string, roles: Parameters<ExecutionStory['vote']>[2] = ['SECURITY_ADMIN']): string | undefined {
    return this.vote('APPROVE', userId, roles).last.facts.at(0)?.type;
  }
}

describe('a schedule among the people of a role', () => {
  const place = { ...ADMIN, users: { SECURITY_ADMIN: ['oncall:p', 'usr_9'] } };

  it('means whoever is on call when it is asked', () => {
    const story = new OnCallStory(place, { p: ['usr_2'] });
    expect(story.approval).toMatchObject({
      requirements: [{ users: { SECURITY_ADMIN: ['usr_2', 'usr_9'] } }],
      onCall: { p: ['usr_2'] },
    });
    expect(story.said('usr_3')).toBe('vote.refused');
    expect(story.said('usr_2', ['LEGAL'])).toBe('vote.refused');
    expect(story.said('usr_2')).toBe('vote.cast');
  });

  it('means nobody where nobody is, never everybody', () => {
    const nobody = new OnCallStory({ ...ADMIN, users: { SECURITY_ADMIN: ['oncall:p'] } }, { p: [] });
    expect(nobody.approval).toMatchObject({ requirements: [{ users: { SECURITY_ADMIN: [] } }], onCall: { p: [] } });
    expect(nobody.said('usr_2')).toBe('vote.refused');
    // Nor where an input says nothing of it.
    const unsaid = new OnCallStory({ ...ADMIN, users: { SECURITY_ADMIN: ['oncall:p'] } }, {});
    expect(unsaid.said('usr_2')).toBe('vote.refused');
  });
});

describe('an escalation to a schedule', () => {
  it('asks whoever is on call then, and still does after their shift', () => {
    const place = { ...ADMIN, standIns: [standIn('p', 10_000), standIn('q', 20_000)] };
    const story = new OnCallStory(place, { p: ['usr_5'], q: ['usr_6'] }, 'oncall:p', 'oncall:q');
    expect(story.said('usr_5', ['LEGAL'])).toBe('vote.refused');
    story.escalate();
    expect(story.last.facts).toMatchObject([
      { type: 'approval.escalated', escalateTo: 'oncall:p', onCall: { p: ['usr_5'] } },
    ]);
    expect(story.approval.requirements[0]?.standIns).toEqual([
      { who: 'user', id: 'usr_5', afterMs: 10_000 },
      standIn('q', 20_000),
    ]);
    story.onCall = { p: ['usr_7'], q: ['usr_8'] };
    story.escalate();
    expect(story.said('usr_6', ['LEGAL'])).toBe('vote.refused');
    expect(story.said('usr_7', ['LEGAL'])).toBe('vote.refused');
    expect(story.said('usr_5', ['LEGAL'])).toBe('vote.cast');
  });

  it('by which nobody is on call takes the next step in the same record, and asks again later', () => {
    const place = {
      ...ADMIN,
      standIns: [standIn('p', 10_000), { who: 'user' as const, id: 'usr_6', afterMs: 20_000 }],
    };
    const story = new OnCallStory(place, { p: [] }, 'oncall:p', 'usr_6', 'LEGAL').escalate();
    expect(story.last.facts).toMatchObject([
      { type: 'approval.escalated', level: 1, onCall: { p: [] } },
      { type: 'approval.escalated', level: 2, escalateTo: 'usr_6' },
    ]);
    expect(story.dueIn('escalation:')).toBe(20_000);
    story.onCall = { p: ['usr_5'] };
    story.escalate();
    expect(story.last.facts).toMatchObject([{ level: 3, onCall: { p: ['usr_5'] } }]);
    expect(story.said('usr_5', ['IR_LEAD'])).toBe('vote.cast');
  });
});

describe('the schedules of a plan', () => {
  it('are those that its gates name, each once', () => {
    const place = {
      ...ADMIN,
      users: { SECURITY_ADMIN: ['oncall:z', 'usr_1'] },
      standIns: [standIn('a', 0), standIn('z', 5)],
    };
    expect(schedulesIn(plan(place))).toEqual(['a', 'z']);
    expect(schedulesIn(plan(ADMIN))).toEqual([]);
  });
});
