import { describe, expect, it } from 'vitest';
import { ExecutionStory } from '../../../../tests/support/execution-story.ts';
import { declaration, gate, planAction, planOf } from '../../../../tests/support/plans.ts';
import type { ServiceReply } from '../../approvals/external-approver.ts';
import type { PlanAction, PlanGate } from '../../playbooks/plan.ts';
import { effectsOf } from './demands.ts';

const SOAR = { service: 'soar', fallbackBehavior: 'ESCALATE_TO_HUMAN' } as const;
const ALONE: Partial<PlanGate> = {
  requirements: [{ roles: ['SECURITY_ADMIN'], k: 1, human: false, services: ['soar'] }],
  external: SOAR,
};
const BESIDE: Partial<PlanGate> = { external: SOAR };

function story(given: Partial<PlanGate>, action: Partial<PlanAction> = {}, protectedIds: readonly string[] = []) {
  const plan = planOf([planAction('a', { gates: [gate(given)], ...action })]);
  return new ExecutionStory(protectedIds.length === 0 ? plan : { ...plan, protectedIdentities: protectedIds });
}

const asked = (told: ExecutionStory) => effectsOf(told.plan, told.state).filter(({ kind }) => kind === 'ask');

function reply(answer: ServiceReply['answer'], more: Partial<ServiceReply> = {}): ServiceReply {
  const why = answer === 'none' ? 'timeout' : null;
  return {
    answer,
    why,
    status: why === null ? 200 : null,
    tries: 1,
    durationMs: 12,
    requestDigest: 'd'.repeat(64),
    ...more,
  };
}

function answer(told: ExecutionStory, said: ServiceReply, change: object = {}): ExecutionStory {
  const { id: approvalId, intentHash } = told.approval;
  return told.take({ type: 'service_answer', approvalId, service: 'soar', intentHash, reply: said, ...change });
}

const ignored = (why: string) => [expect.objectContaining({ type: 'input.ignored', why })];

describe('asking a service', () => {
  it('is owed from the request on, with the seed’s words, under a key that stays the same', () => {
    const told = story(BESIDE);
    expect(asked(told)).toEqual([
      {
        kind: 'ask',
        name: `ask:${told.approval.id}:soar`,
        approvalId: told.approval.id,
        service: 'soar',
        intentHash: told.approval.intentHash,
        key: expect.stringMatching(/^[\w-]{43}$/),
        action: 'ACCOUNT_SUSPEND',
        event: told.state.snapshot.event,
        requestedAt: told.now,
      },
    ]);
    told.vote('APPROVE');
    expect(asked(told)).toHaveLength(1);
    expect(asked(story(BESIDE))).toEqual(asked(story(BESIDE)));
  });

  it('names the action in lower case for a runbook, as the seed’s do', () => {
    const plan = { ...planOf([planAction('a', { gates: [gate(BESIDE)] })]), playbookType: 'RUNBOOK' } as const;
    expect(asked(new ExecutionStory(plan))).toMatchObject([{ action: 'account_suspend' }]);
  });

  it('is owed no more when people or time have decided, or it is cancelled', () => {
    expect(asked(story(BESIDE).vote('DENY'))).toEqual([]);
    expect(asked(story(ALONE).vote('APPROVE'))).toEqual([]);
    expect(asked(story(BESIDE).timer('approval:'))).toEqual([]);
    const by = { type: 'person', id: 'usr_1' } as const;
    expect(asked(story(BESIDE).take({ type: 'cancel', by, reason: 'drill', compensate: false }))).toEqual([]);
  });

  it('is not owed where a condition has answered the gate', () => {
    const automatic = { approve: ['incident.confidence >= 0'], deny: [] };
    const told = story({ ...BESIDE, automatic });
    expect(told.approval).toMatchObject({ status: 'APPROVED' });
    expect(told.approval.services).toBeUndefined();
    expect(asked(told)).toEqual([]);
  });
});

describe('the answer of a service', () => {
  it('approves where it may be the one approver; how it came stands in the approval', () => {
    const told = answer(story(ALONE), reply('approved'));
    expect(told.last.facts).toMatchObject([
      { type: 'service.answered', service: 'soar' },
      { type: 'approval.decided', status: 'APPROVED', fallback: null },
      { type: 'attempt.started' },
    ]);
    expect(told.approval.services).toEqual([
      { name: 'soar', mustAnswer: false, fallbackBehavior: 'ESCALATE_TO_HUMAN', reply: reply('approved') },
    ]);
    expect(told.approval.votes).toEqual([]);
    expect(asked(told)).toEqual([]);
  });

  it('denies, alone and beside people', () => {
    for (const given of [ALONE, BESIDE]) {
      const told = answer(story(given), reply('denied'));
      expect(told.approval.status).toBe('DENIED');
      expect(told.action()).toMatchObject({ status: 'DENIED', reason: 'denied' });
    }
  });

  it('beside people is needed as well as theirs, in either order', () => {
    const before = answer(story(BESIDE), reply('approved'));
    expect(before.approval.status).toBe('PENDING');
    expect(before.vote('APPROVE').approval.status).toBe('APPROVED');
    const after = story(BESIDE).vote('APPROVE');
    expect(after.approval.status).toBe('PENDING');
    expect(answer(after, reply('approved')).approval.status).toBe('APPROVED');
  });

  it('that does not come leaves it to people, or denies', () => {
    const people = answer(story(BESIDE), reply('none', { tries: 3 }));
    expect(people.approval.status).toBe('PENDING');
    expect(people.vote('APPROVE').approval.status).toBe('APPROVED');
    const voted = answer(story(BESIDE).vote('APPROVE'), reply('none'));
    expect(voted.approval.status).toBe('APPROVED');
    const external = { service: 'soar', fallbackBehavior: 'DENY_ACTION' } as const;
    const denied = answer(story({ external }).vote('APPROVE'), reply('none'));
    expect(denied.approval.status).toBe('DENIED');
    expect(denied.action()).toMatchObject({ status: 'DENIED', reason: 'service_unreachable' });
  });

  it.each([
    ['what cannot be undone', { declaration: declaration({ reversibility: 'irreversible', holds: null }) }, []],
    ['a protected identity', {}, ['alice@example.test']],
  ] as const)('is never enough for %s, nor is its silence', (_what, action, protectedIds) => {
    const external = { service: 'soar', fallbackBehavior: 'ALLOW_ACTION' } as const;
    for (const said of [reply('approved'), reply('none')]) {
      const told = answer(story({ ...ALONE, external }, action, protectedIds), said);
      expect(told.approval).toMatchObject({ status: 'PENDING', services: [{ mustAnswer: true }] });
      expect(told.approval.requirements).toEqual([{ roles: ['SECURITY_ADMIN'], k: 1, human: true }]);
      expect(told.vote('APPROVE').approval.status).toBe('APPROVED');
    }
  });

  it.each([
    ['DENY_ACTION', { status: 'DENIED', reason: 'expired_deny_action' }],
    ['ESCALATE_TO_HUMAN', { status: null, phase: 'observing' }],
  ] as const)('that never came is its silence, which says %s, also where that of people allows', (silence, action) => {
    const external = { service: 'soar', fallbackBehavior: silence };
    for (const given of [BESIDE, ALONE]) {
      const told = story({ ...given, external, fallbackBehavior: 'ALLOW_ACTION' }).timer('approval:');
      expect(told.approval.status).toBe('EXPIRED');
      expect(told.action()).toMatchObject(action);
    }
  });

  it('is never enough where a condition could not be decided', () => {
    const told = answer(story(ALONE, { condition: 'context.missing == "x"' }), reply('approved'));
    expect(told.approval).toMatchObject({ purpose: 'condition_error', status: 'PENDING' });
    expect(told.vote('APPROVE').approval.status).toBe('APPROVED');
  });
});

describe('what is no answer to what was asked', () => {
  it('is recorded and changes nothing', () => {
    const told = story(ALONE);
    const before = told.state;
    answer(told, reply('approved'), { intentHash: '0'.repeat(64) });
    expect(told.last.facts).toEqual(ignored('it was asked about something else'));
    answer(told, reply('approved'), { service: 'board' });
    expect(told.last.facts).toEqual(ignored('this service is not asked'));
    for (const approvalId of ['nobody', '__proto__', 'constructor']) {
      answer(told, reply('approved'), { approvalId });
      expect(told.last.facts).toEqual(ignored('no such approval'));
    }
    told.now = told.approval.expiresAt;
    answer(told, reply('approved'));
    expect(told.last.facts).toEqual(ignored('the time to answer is over'));
    expect(told.state).toEqual(before);
  });

  it('comes after the decision', () => {
    const denied = answer(story(BESIDE).vote('DENY'), reply('approved'));
    expect(denied.last.facts).toEqual(ignored('already decided: DENIED'));
    expect(denied.approval.status).toBe('DENIED');
    const expired = answer(story(ALONE).timer('approval:'), reply('approved'));
    expect(expired.last.facts).toEqual(ignored('already decided: EXPIRED'));
  });

  it('comes twice: what was said first stands', () => {
    const told = answer(story(BESIDE), reply('approved'));
    answer(told, reply('denied'));
    expect(told.last.facts).toEqual(ignored('the service has answered before'));
    expect(told.approval.services).toMatchObject([{ reply: { answer: 'approved' } }]);
    expect(told.vote('APPROVE').approval.status).toBe('APPROVED');
  });
});
