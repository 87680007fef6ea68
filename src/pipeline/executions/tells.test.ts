import { describe, expect, it } from 'vitest';
import { isTell, tellName, tellOf, type Tell } from './tells.ts';

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
