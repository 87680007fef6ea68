import { describe, expect, it } from 'vitest';
import { ExecutionStory, STORY_START } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf, startOf } from '../../../../tests/support/plans.ts';
import type { QuietHours } from '../../guards/quiet-until.ts';
import type { Plan, PlanAction } from '../../playbooks/plan.ts';
import type { StartInput } from './inputs.ts';
import { childPlan } from './children.ts';
import { effectsOf } from './demands.ts';
import { isRunning, statusOf } from './state.ts';

/** The story begins on a Saturday at three in the morning, UTC; it is quiet until six. */
const SIX = STORY_START + 3 * 3_600_000;
const QUIET: QuietHours = {
  windows: [{ days: [0, 1, 2, 3, 4, 5, 6], from: 22 * 60, to: 6 * 60 }],
  offsets: [{ since: 0, minutes: 0 }],
  below: 'HIGH',
  actionTypes: ['USER_NOTIFICATION'],
};
const note = declaration({
  type: 'USER_NOTIFICATION',
  reversibility: 'selfRecoverable',
  readBack: false,
  holds: null,
  contains: false,
});
const notify = (change: Partial<PlanAction> = {}): PlanAction => planAction('a', { declaration: note, ...change });
const quietPlan = (...stages: readonly (readonly PlanAction[])[]): Plan => ({
  ...planOf(...stages),
  quietHours: QUIET,
});

function start(severity: string, change: Partial<StartInput> = {}): Partial<StartInput> {
  const { snapshot } = startOf('exe_1');
  const incident = { ...snapshot.incident, severity };
  return { riskLevel: severity as StartInput['riskLevel'], snapshot: { ...snapshot, incident }, ...change };
}
const small = (plan: Plan, change: Partial<StartInput> = {}) => new ExecutionStory(plan, start('MEDIUM', change));
const by = { type: 'person', id: 'usr_1' } as const;

function incident(story: ExecutionStory, severity: string): ExecutionStory {
  const { incident: present, accounts } = story.state.snapshot;
  return story.take({ type: 'incident', incident: { ...present, severity }, accounts, revision: 2 });
}

describe('an action that can wait', () => {
  it('waits for the end of the quiet hours, by a timer, and is not running meanwhile', () => {
    const story = small(quietPlan([notify()]));
    expect(story.action()).toMatchObject({ phase: 'quiet', status: null, resumeAt: SIX });
    expect(effectsOf(story.plan, story.state)).toEqual([]);
    expect(story.timers).toEqual([{ name: 'resume:a', generation: 1, due: SIX }]);
    expect([isRunning(story.state), statusOf(story.state)]).toEqual([false, 'RUNNING']);
    story.now = SIX - 1;
    story.take({ type: 'timer', name: 'resume:a', generation: 1 });
    expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'not due yet' }]);
    story.timer('resume:');
    expect(story.last.facts.map(({ type }) => type)).toEqual(['quiet.ended', 'action.prepared', 'attempt.started']);
    expect(statusOf(story.succeed().state)).toBe('COMPLETED');
  });

  it('waits once, however late it is woken', () => {
    const story = small(quietPlan([notify()]));
    story.now = SIX + 17 * 3_600_000; // every process was down until the next night
    story.take({ type: 'timer', name: 'resume:a', generation: 1 });
    expect(story.action()).toMatchObject({ phase: 'performing', hasWaited: true });
  });

  it('does not wait by day', () => {
    expect(small(quietPlan([notify()]), { at: SIX }).action()).toMatchObject({ phase: 'performing' });
  });

  it('waits before its gates, so that nobody is asked at night', () => {
    const story = small(quietPlan([notify({ gates: [gate({ timeoutMs: 3_600_000 })] })]));
    expect(Object.keys(story.state.approvals)).toEqual([]);
    story.timer('resume:');
    expect(story.approval).toMatchObject({ status: 'PENDING', expiresAt: SIX + 3_600_000 });
  });

  it('is not kept for what it is not to be done at all', () => {
    const story = small(quietPlan([notify({ condition: 'incident.confidence > 1000' })]));
    expect(story.action()).toMatchObject({ status: 'SKIPPED', reason: 'condition_false' });
  });

  it('holds up no later stage, and the execution ends after it', () => {
    const story = small(quietPlan([notify()], [planAction('b')]));
    expect(story.action('b').phase).toBe('observing');
    story.succeed('b');
    expect(story.state.ended).toBe(null);
    expect(statusOf(story.timer('resume:').succeed().state)).toBe('COMPLETED');
  });

  it('is withdrawn when the execution is cancelled', () => {
    const story = small(quietPlan([notify()])).take({ type: 'cancel', by, reason: 'drill', compensate: true });
    expect(story.action()).toMatchObject({ status: 'SKIPPED', reason: 'cancelled' });
    expect(story.timers).toEqual([]);
    expect(statusOf(story.state)).toBe('CANCELLED');
  });

  it('does not make its children wait a second time', () => {
    const plan = quietPlan([notify({ forEach: 'accounts' })]);
    const { snapshot } = start('MEDIUM');
    if (snapshot === undefined) throw new Error('no snapshot');
    const story = small(plan, { snapshot: { ...snapshot, accounts: ['a@x', 'b@x'] } });
    expect(story.action().phase).toBe('quiet');
    expect(story.timer('resume:').action().phase).toBe('spawning');
    const [action] = plan.stages[0]?.actions ?? [];
    if (action === undefined) throw new Error('no action');
    expect(childPlan(plan, action, true)).not.toHaveProperty('quietHours');
  });
});

describe('what never waits', () => {
  it.each(['HIGH', 'CRITICAL'])('an incident of %s', (severity) => {
    expect(new ExecutionStory(quietPlan([notify()]), start(severity)).action().phase).toBe('performing');
  });

  it('a small one that has become severe before the action begins, or while it waits', () => {
    const later = small(quietPlan([planAction('b')], [notify()]));
    incident(later, 'CRITICAL').succeed('b');
    expect(later.action().phase).toBe('performing');
    const waiting = small(quietPlan([notify()]));
    expect(incident(waiting, 'MEDIUM').action().phase).toBe('quiet');
    incident(waiting, 'HIGH');
    expect(waiting.last.facts).toContainEqual({ type: 'quiet.ended', actionId: 'a', why: 'severity' });
    expect(waiting.action().phase).toBe('performing');
  });

  it('a severity that is not known', () => {
    const { snapshot } = startOf('exe_1');
    const strange = { ...snapshot, incident: { ...snapshot.incident, severity: 'WHATEVER' } };
    const story = new ExecutionStory(quietPlan([notify()]), { riskLevel: 'HIGH', snapshot: strange });
    expect(story.action().phase).toBe('performing');
  });

  it('what contains, whatever the guard lists for others', () => {
    expect(small(quietPlan([planAction('a')])).action().phase).toBe('observing');
  });

  it('what a person started, and what a person tries again; what a service started waits', () => {
    expect(small(quietPlan([notify()]), { requester: by }).action().phase).toBe('performing');
    expect(small(quietPlan([notify()]), { requester: { type: 'service', id: 'svc_1' } }).action().phase).toBe('quiet');
    const failed = small(quietPlan([notify({ target: '{{event.absent}}' })]), { at: SIX });
    expect(failed.action()).toMatchObject({ status: 'FAILED' });
    failed.now = SIX + 18 * 3_600_000;
    failed.take({ type: 'retry', by });
    expect(failed.action().phase).not.toBe('quiet');
  });

  it.each<[string, Partial<PlanAction>]>([
    ['what stops the rest when it fails', { onFailure: 'HALT' }],
    ['what has everything undone when it fails', { onFailure: 'COMPENSATE' }],
    ['what stops the rest when it is denied', { onDenied: 'HALT', gates: [gate()] }],
    ['what waits for an answer', { declaration: { ...note, waits: true } }],
  ])('%s', (_what, change) => {
    expect(small(quietPlan([notify(change)])).action().phase).not.toBe('quiet');
  });
});

describe('a person who lets it go', () => {
  it('begins it at once, and its gates ask as ever', () => {
    const story = small(quietPlan([notify({ gates: [gate()] })]));
    story.take({ type: 'release', actionId: 'a', by, reason: 'she is awake' });
    expect(story.last.facts[0]).toEqual({ type: 'quiet.ended', actionId: 'a', why: 'released' });
    expect(story.approval).toMatchObject({ status: 'PENDING' });
    expect(story.timers.some(({ name }) => name === 'resume:a')).toBe(false);
  });

  it.each(['a', 'nobody', '__proto__', 'constructor'])('changes nothing where nothing waits: %s', (actionId) => {
    const story = small(quietPlan([notify()])).timer('resume:');
    const before = story.state;
    story.take({ type: 'release', actionId, by, reason: 'drill' });
    expect(story.last.facts).toEqual([{ type: 'input.ignored', why: 'it does not wait for the end of quiet hours' }]);
    expect(story.state).toEqual(before);
  });
});
