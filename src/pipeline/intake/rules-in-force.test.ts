import { describe, expect, it } from 'vitest';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { activePlaybook } from '../../../tests/support/active-playbook.ts';
import { rulesInForce } from './rules-in-force.ts';

/** A playbook that looks for campaigns of so many accounts, by a rule of this name. */
function playbook(playbookId: string, rules: Readonly<Record<string, number>>): ActivePlaybook {
  return activePlaybook({
    playbookId,
    name: playbookId,
    playbookType: 'MULTI_ACCOUNT_CAMPAIGN',
    severity: 'HIGH',
    rules: Object.entries(rules).map(([ruleId, minAccounts]) => ({
      ruleId,
      ruleType: 'MULTI_ACCOUNT_CAMPAIGN',
      conditions: { minAccounts },
    })),
    actions: [{ actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND', stage: 1 }],
  });
}

/** Who answers to a campaign of so many accounts. */
function answering(playbooks: readonly ActivePlaybook[], accounts: number): readonly string[] {
  const { rules, playbooksFor } = rulesInForce(playbooks);
  const looking = rules.filter(({ conditions }) => conditions['minAccounts'] === accounts);
  return looking.flatMap(({ ruleId }) => playbooksFor(ruleId)).map(({ playbookId }) => playbookId);
}

describe('the rules in force', () => {
  it('look for what each playbook asks for, wherever their ids have their dots', () => {
    const playbooks = [playbook('office', { 'berlin.campaign': 4 }), playbook('office.berlin', { campaign: 9 })];
    expect(answering(playbooks, 4)).toEqual(['office']);
    expect(answering(playbooks, 9)).toEqual(['office.berlin']);
  });

  it('look for what each rule of a playbook asks for, however long its ids are', () => {
    const long = 'x'.repeat(99);
    const playbooks = [playbook(`${long}p`, { [`${long}1`]: 4, [`${long}2`]: 9 })];
    expect(answering(playbooks, 4)).toEqual([`${long}p`]);
    expect(answering(playbooks, 9)).toEqual([`${long}p`]);
  });

  it('are named plainly where the names are plain, so that what they have learnt is kept', () => {
    const ids = rulesInForce([playbook('office', { campaign: 4 })]).rules.map(({ ruleId }) => ruleId);
    expect(ids).toContain('office.campaign');
  });
});
