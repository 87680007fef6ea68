import { describe, expect, it } from 'vitest';
import { bindPlan } from '../bind.ts';
import { compilePlaybook } from '../compile.ts';
import { evaluateCondition } from '../conditions.ts';
import type { Plan, PlanAction } from '../plan.ts';
import { toPlaybook } from '../playbook.ts';
import { declarationOf } from '../../../../tests/support/declarations.ts';
import { BUILTIN_PLAYBOOKS } from './builtins.ts';

const plans = new Map(
  BUILTIN_PLAYBOOKS.map((document): [string, Plan] => {
    const read = toPlaybook(document);
    if ('faults' in read) throw new Error(JSON.stringify(read.faults));
    const { compiled, faults } = compilePlaybook(read.value, declarationOf, () => []);
    if (compiled === null) throw new Error(JSON.stringify(faults));
    const playbookId = read.value.playbookId ?? '';
    return [
      playbookId,
      bindPlan(compiled, { playbookId, playbookVersion: 1, riskLevel: 'HIGH', policyGates: () => [] }),
    ];
  }),
);

const actionOf = (playbookId: string, actionId: string): PlanAction => {
  const found = plans
    .get(playbookId)
    ?.stages.flatMap((stage) => stage.actions)
    .find((each) => each.actionId === actionId);
  if (found === undefined) throw new Error(`no ${actionId}`);
  return found;
};

/** Whether an action runs, given the results of earlier ones and the finding's numbers. */
const runs = (
  playbookId: string,
  actionId: string,
  results: Record<string, string>,
  details = {},
  member = 'outcome',
): boolean | string => {
  const { condition } = actionOf(playbookId, actionId);
  if (condition === null) return true;
  const result = evaluateCondition(condition, {
    incident: { id: 'i', details },
    event: null,
    results: Object.fromEntries(
      Object.entries(results).map(([id, value]) => [
        id,
        { status: 'SUCCESS', outcome: '', attempts: 1, [member]: value },
      ]),
    ),
    context: {},
    user: null,
  });
  return 'error' in result ? 'asks a person' : result.value;
};

describe('built-in playbooks', () => {
  it('are the four of the table, three stages each, cell by cell', () => {
    const table = [...plans].map(([id, plan]) => [
      id,
      ...plan.stages.map((stage) => stage.actions.map((each) => each.declaration.type).join(' + ')),
    ]);
    expect(table).toEqual([
      [
        'playbook_impossible_travel',
        'STEP_UP_CHALLENGE + USER_NOTIFICATION',
        'SELECTIVE_TOKEN_REVOKE',
        'FULL_SESSION_KILL',
      ],
      ['playbook_2fa_bypass', 'STEP_UP_CHALLENGE', 'ANALYST_ESCALATION', 'ACCOUNT_SUSPEND'],
      [
        'playbook_privilege_action',
        'ANALYST_ESCALATION + USER_NOTIFICATION',
        'ENHANCED_LOGGING',
        'ACTION_BLOCK + ACTION_BLOCK',
      ],
      ['playbook_campaign', 'FULL_SESSION_KILL', 'IPBLACKLIST_ADD', 'GEO_LOCK'],
    ]);
  });

  it('ask for approval exactly where they must', () => {
    const gated = [...plans].flatMap(([id, plan]) =>
      plan.stages.flatMap((stage) =>
        stage.actions.filter((each) => each.gates.length > 0).map((each) => `${id}/${each.actionId}`),
      ),
    );
    expect(gated).toEqual([
      'playbook_impossible_travel/action_session_kill',
      'playbook_2fa_bypass/action_suspend',
      'playbook_campaign/action_geo_lock',
    ]);
  });

  it('keep the names, rules and action ids of the product request', () => {
    expect(BUILTIN_PLAYBOOKS[0]).toMatchObject({
      playbookId: 'playbook_impossible_travel',
      name: 'Impossible Travel Detection Response',
      rules: [{ ruleId: 'rule_impossible_travel', conditions: { minSignificance: 70 } }],
      actions: [
        { actionId: 'action_challenge', stage: 1, parameters: { challengeType: 'EMAIL_OTP', expirationMinutes: 15 } },
        { actionId: 'action_notify', stage: 1, parameters: { title: 'Unusual Login', sendEmail: true } },
        {},
        {},
      ],
    });
    expect(BUILTIN_PLAYBOOKS[1]).toMatchObject({
      playbookId: 'playbook_2fa_bypass',
      name: '2FA Bypass Attempts Response',
      rules: [{ ruleId: 'rule_2fa_bypass', conditions: { minAttempts: 5, timeWindowMinutes: 60 } }],
      actions: [{}, { actionId: 'action_escalate' }, {}],
    });
  });

  it.each([
    ['passed', false],
    ['failed', true],
    ['expired', true],
    ['', true],
  ])('travel: a challenge that ended "%s" leads on: %s', (outcome, expected) => {
    for (const actionId of ['action_token_revoke', 'action_session_kill']) {
      expect(runs('playbook_impossible_travel', actionId, { action_challenge: outcome })).toBe(expected);
    }
  });

  it.each([
    ['failed', { attempts: 6 }, false, false],
    ['failed', { attempts: 7 }, true, false],
    ['expired', { attempts: 10, successAfter: false }, true, true],
    ['expired', { attempts: 5, successAfter: true }, true, true],
    ['passed', { attempts: 12, successAfter: true }, false, false],
    ['failed', {}, 'asks a person', 'asks a person'],
  ])('2FA: %s with %j escalates: %s, suspends: %s', (outcome, details, escalates, suspends) => {
    const results = { action_challenge: outcome };
    expect(runs('playbook_2fa_bypass', 'action_escalate', results, details)).toBe(escalates);
    expect(runs('playbook_2fa_bypass', 'action_suspend', results, details)).toBe(suspends);
  });

  it.each([
    ['approved', false, false],
    ['denied', true, true],
    ['expired', true, true],
    ['', true, false],
  ])('privilege: "%s" watches: %s, blocks: %s', (outcome, watches, blocks) => {
    expect(runs('playbook_privilege_action', 'action_enhanced_logging', { action_review: outcome })).toBe(watches);
    const block = (actionId: string, details: object) =>
      runs('playbook_privilege_action', actionId, { action_review: outcome }, details);
    expect([block('action_block', { targetId: 'admin' }), block('action_block_all', { targetId: 'admin' })]).toEqual([
      blocks,
      false,
    ]);
    for (const details of [{}, { targetId: '' }]) {
      expect([block('action_block', details), block('action_block_all', details)]).toEqual([false, blocks]);
    }
  });

  it('privilege: the question goes to the three roles', () => {
    expect(actionOf('playbook_privilege_action', 'action_review').question).toMatchObject({
      text: 'Was this legitimate?',
      requirements: [{ roles: ['INCIDENT_COMMANDER', 'SECURITY_ADMIN', 'SECURITY_ANALYST'], k: 1, human: true }],
    });
  });

  it('campaign: every account, and nothing after a person said no', () => {
    expect(actionOf('playbook_campaign', 'action_session_kill')).toMatchObject({
      forEach: 'accounts',
      target: '{{user.id}}',
    });
    expect(actionOf('playbook_campaign', 'action_ip_block').target).toBe('{{incident.sourceIps[0]}}');
    const after = (status: string) =>
      runs('playbook_campaign', 'action_ip_block', { action_session_kill: status }, {}, 'status');
    expect([after('SUCCESS'), after('FAILED'), after('DENIED')]).toEqual([true, true, false]);
  });
});
