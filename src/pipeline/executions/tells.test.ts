import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../tests/support/execution-story.ts';
import { gate, planAction, planOf } from '../../../tests/support/plans.ts';
import { decide } from './core/decide.ts';
import { isTell, tellName, tellOf, tellsOf, type Tell } from './tells.ts';

const TELLS: readonly Tell[] = [
  { kind: 'approval.requested', approvalId: 'apr_1' },
  { kind: 'approval.reminder', approvalId: 'apr_1' },
  { kind: 'approval.unanswerable', approvalId: 'apr_1' },
  { kind: 'approval.decided', approvalId: 'apr_1' },
  { kind: 'approval.broken_glass', approvalId: 'apr_1' },
  { kind: 'approval.escalated', approvalId: 'apr_1', step: 2 },
  { kind: 'guard.limit_reached', approvalId: 'apr_1' },
  { kind: 'execution.failed', end: 3 },
  { kind: 'undo.failed', actionId: 'with:colons', tries: 3 },
  { kind: 'execution.left', actionId: '', times: 2 },
  { kind: 'execution.left', actionId: 'with:colons', times: 2 },
  { kind: 'containment.provisional', actionId: 'with:colons', generation: 2 },
];

describe('the name of a tell', () => {
  it('says what is to be told, and differs for each', () => {
    for (const tell of TELLS) {
      expect(isTell(tellName(tell))).toBe(true);
      expect(tellOf(tellName(tell))).toEqual(tell);
    }
    expect(new Set(TELLS.map(tellName)).size).toBe(TELLS.length);
  });

  it('that a later version gave is told by nobody here', () => {
    for (const name of ['tell:something.new:1', 'tell:approval.requested', 'incident:4', 'observe:a:1:1']) {
      expect(tellOf(name)).toBeNull();
    }
  });
});

describe('an escalation that goes on at once, because nobody is on call', () => {
  const step = (escalateTo: string) => ({ level: 1, delayMs: 10_000, escalateTo });
  const standIns = ['p', 'q'].map((id) => ({ who: 'oncall' as const, id, afterMs: 10_000 }));
  // As two gates combine that both escalate after ten seconds.
  const asking = gate({
    requirements: [{ roles: ['SECURITY_ADMIN'], k: 1, human: true, standIns }],
    escalationPath: [step('oncall:p'), step('oncall:q')],
    timeoutMs: 60_000,
  });

  it('is told for each of its steps, also where both come at the same time', () => {
    const onCall = { p: [], q: ['usr_5'] };
    const { plan, state, approval, now } = new ExecutionStory(planOf([planAction('a', { gates: [asking] })]), {
      onCall,
    });
    const timer = {
      type: 'timer',
      name: `escalation:${approval.id}`,
      generation: 1,
      at: now + 10_000,
      onCall,
    } as const;
    const { facts, state: after } = decide(plan, state, timer);
    expect(facts.map(({ type }) => type)).toEqual(['approval.escalated', 'approval.escalated']);
    expect(tellsOf(after, facts)).toEqual([
      { kind: 'approval.escalated', approvalId: approval.id, step: 1 },
      { kind: 'approval.escalated', approvalId: approval.id, step: 2 },
    ]);
  });
});
