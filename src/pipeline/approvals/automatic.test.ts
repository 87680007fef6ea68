import { describe, expect, it } from 'vitest';
import { gate } from '../../../tests/support/plans.ts';
import type { PlanGate } from '../playbooks/plan.ts';
import type { ExpressionValues } from '../playbooks/scope.ts';
import { answerAutomatically } from './automatic.ts';

const VALUES: ExpressionValues = {
  incident: { confidence: 90, severity: 'LOW' },
  event: {},
  results: { a: { status: 'SUCCESS' } },
  context: {},
  user: null,
};
const CIRCUMSTANCES = { at: 0, targets: [], requester: 'engine', subjectIds: [], revoked: [] };
const SURE = 'incident.confidence >= 90';
const NOT = 'incident.severity == "HIGH"';
const UNDECIDED = 'event.city == "Oslo"';

const named = (gateName: string, approve: readonly string[], deny: readonly string[] = []): PlanGate =>
  gate({ gateName, source: 'pol', version: 2, automatic: { approve, deny } });
const answer = (gates: readonly PlanGate[], mayApprove = true) => {
  const { asks, answers, denied } = answerAutomatically(gates, VALUES, mayApprove, CIRCUMSTANCES);
  return { asks: asks.map(({ gateName }) => gateName), answers, denied };
};

describe('conditions that answer for people', () => {
  it('answer where one of a list is true, and say which', () => {
    expect(answer([named('a', [NOT, SURE]), gate({ gateName: 'plain' }), named('b', [NOT])])).toEqual({
      asks: ['plain', 'b'],
      answers: [{ source: 'pol', version: 2, gateName: 'a', answer: 'APPROVE', condition: SURE }],
      denied: false,
    });
  });

  it('deny before they approve, and one deny is enough', () => {
    expect(answer([named('a', [SURE], [SURE]), named('b', [SURE])])).toMatchObject({ asks: [], denied: true });
    expect(answer([named('a', [], [SURE]), gate({ gateName: 'plain' })])).toMatchObject({ denied: true });
  });

  it('leave it to people what cannot be decided, in either direction', () => {
    expect(answer([named('a', [UNDECIDED], [UNDECIDED])])).toEqual({ asks: ['a'], answers: [], denied: false });
  });

  it('read no results: they are asked before anything ran', () => {
    expect(answer([named('a', ['results.a.status == "SUCCESS"'])])).toMatchObject({ asks: ['a'] });
  });

  it('approve nothing where they may not, and deny all the same', () => {
    expect(answer([named('a', [SURE]), named('b', [], [SURE])], false)).toMatchObject({ asks: ['a'], denied: true });
  });
});
