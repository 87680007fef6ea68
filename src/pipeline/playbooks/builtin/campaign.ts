import type { PlaybookDocument } from '../playbook.ts';

/** Block and lock end by themselves after a day: addresses change hands, and the attack has moved on by then. */
const ONE_DAY_MS = 24 * 3_600_000;

/**
 * Campaign against many accounts. The session kill runs at once on every account; where a policy makes it wait, the
 * token revoke runs meanwhile. A person who denied one step has cleared the case, so the next does not start.
 */
export const CAMPAIGN: PlaybookDocument = {
  playbookId: 'playbook_campaign',
  name: 'Multi-Account Campaign Response',
  description:
    'Ends the sessions of all accounts hit, blocks the source, then, approved, locks the accounts to their region.',
  playbookType: 'MULTI_ACCOUNT_CAMPAIGN',
  severity: 'CRITICAL',
  enabled: true,
  rules: [
    {
      ruleId: 'rule_campaign',
      ruleType: 'MULTI_ACCOUNT_CAMPAIGN',
      conditions: { minAccounts: 3, timeWindowMinutes: 60 },
    },
  ],
  actions: [
    {
      actionId: 'action_session_kill',
      actionType: 'FULL_SESSION_KILL',
      stage: 1,
      forEach: 'accounts',
      requiresApproval: false,
    },
    {
      actionId: 'action_token_revoke',
      actionType: 'SELECTIVE_TOKEN_REVOKE',
      stage: 1,
      forEach: 'accounts',
      onlyWhileGated: 'action_session_kill',
      requiresApproval: false,
    },
    {
      actionId: 'action_ip_block',
      actionType: 'IPBLACKLIST_ADD',
      stage: 2,
      condition: 'results.action_session_kill.status != "DENIED"',
      // An address that was not written as addresses are is not blocked: it may be read as somebody else's.
      parameters: { ipNormalised: '{{incident.details.ipNormalised}}' },
      requiresApproval: false,
      ttlMs: ONE_DAY_MS,
    },
    {
      actionId: 'action_geo_lock',
      actionType: 'GEO_LOCK',
      stage: 3,
      forEach: 'accounts',
      condition: 'results.action_session_kill.status != "DENIED" && results.action_ip_block.status != "DENIED"',
      requiresApproval: true,
      approval: { roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], requiredApprovers: 1 },
      ttlMs: ONE_DAY_MS,
    },
  ],
};
