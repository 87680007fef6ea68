import type { PlaybookDocument } from '../playbook.ts';

/**
 * Impossible travel. Name, rule and the first stage are the seeds'. A passed challenge clears the case; anything else
 * (failed, expired, could not be sent) leads on. Killing every session waits for a person.
 */
export const IMPOSSIBLE_TRAVEL: PlaybookDocument = {
  playbookId: 'playbook_impossible_travel',
  name: 'Impossible Travel Detection Response',
  description:
    'Asks the user to prove who they are; without proof ends suspicious tokens, then, approved, all sessions.',
  playbookType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  severity: 'HIGH',
  enabled: true,
  rules: [
    {
      ruleId: 'rule_impossible_travel',
      ruleType: 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
      conditions: { minSignificance: 70 },
    },
  ],
  actions: [
    {
      actionId: 'action_challenge',
      actionType: 'STEP_UP_CHALLENGE',
      stage: 1,
      parameters: { challengeType: 'EMAIL_OTP', expirationMinutes: 15 },
      requiresApproval: false,
    },
    {
      actionId: 'action_notify',
      actionType: 'USER_NOTIFICATION',
      stage: 1,
      parameters: { title: 'Unusual Login', sendEmail: true },
      requiresApproval: false,
    },
    {
      actionId: 'action_token_revoke',
      actionType: 'SELECTIVE_TOKEN_REVOKE',
      stage: 2,
      condition: 'results.action_challenge.outcome != "passed"',
      requiresApproval: false,
    },
    {
      actionId: 'action_session_kill',
      actionType: 'FULL_SESSION_KILL',
      stage: 3,
      condition: 'results.action_challenge.outcome != "passed"',
      requiresApproval: true,
      approval: { roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], requiredApprovers: 1 },
    },
  ],
};
