import type { PlaybookDocument } from '../playbook.ts';

/** A success among or after the failed factors; the finding says so only when there was one. */
const SUCCEEDED = '(has(incident.details.successAfter) && incident.details.successAfter)';

/**
 * 2FA bypass. Name, rule and the escalation are the seeds'; the escalation stands in the second stage, as in the
 * table of the request. Stages 2 and 3 open at 7 and 10 failed factors or after a success, unless the challenge with
 * another factor was passed.
 */
export const TWO_FACTOR_BYPASS: PlaybookDocument = {
  playbookId: 'playbook_2fa_bypass',
  name: '2FA Bypass Attempts Response',
  description: 'Asks for another factor; when attempts go on or succeed tells an analyst, then, approved, suspends.',
  playbookType: 'REPEATED_2FA_BYPASS',
  severity: 'HIGH',
  enabled: true,
  rules: [
    {
      ruleId: 'rule_2fa_bypass',
      ruleType: 'REPEATED_2FA_BYPASS',
      conditions: { minAttempts: 5, timeWindowMinutes: 60 },
    },
  ],
  actions: [
    {
      actionId: 'action_challenge',
      actionType: 'STEP_UP_CHALLENGE',
      stage: 1,
      // Another factor than the push or code that was attacked.
      parameters: { challengeType: 'EMAIL_OTP', expirationMinutes: 15 },
      requiresApproval: false,
    },
    {
      actionId: 'action_escalate',
      actionType: 'ANALYST_ESCALATION',
      stage: 2,
      condition: `results.action_challenge.outcome != "passed" && (incident.details.attempts >= 7 || ${SUCCEEDED})`,
      requiresApproval: false,
    },
    {
      actionId: 'action_suspend',
      actionType: 'ACCOUNT_SUSPEND',
      stage: 3,
      condition: `results.action_challenge.outcome != "passed" && (incident.details.attempts >= 10 || ${SUCCEEDED})`,
      requiresApproval: true,
      approval: { roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], requiredApprovers: 1 },
    },
  ],
};
