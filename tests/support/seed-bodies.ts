/** The request bodies of the product request, unchanged: what a client of the first API sends. Only tests import this file. */

/** The body of the `curl` command, byte for byte. */
export const CURL_PLAYBOOK = `{
"name": "Test Playbook",
"playbookType": "SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL",
"severity": "HIGH",
"rules": [{
"ruleId": "r1",
"ruleType": "SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL",
"conditions": {}
}],
"actions": [{
"actionId": "a1",
"actionType": "USER_NOTIFICATION",
"stage": 1,
"parameters": {}
}]
}`;

/** The two playbooks of the seed script. */
export const SEED_SCRIPT_PLAYBOOKS = [
  {
    playbookId: 'playbook_impossible_travel',
    name: 'Impossible Travel Detection Response',
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
    ],
  },
  {
    playbookId: 'playbook_2fa_bypass',
    name: '2FA Bypass Attempts Response',
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
        actionId: 'action_escalate',
        actionType: 'ANALYST_ESCALATION',
        stage: 1,
        requiresApproval: false,
      },
    ],
  },
];

/** The approval policy. */
export const POLICY = {
  name: 'CRITICAL_INCIDENT_APPROVAL',
  description: 'Requires approval for all critical incidents',
  scope: 'ALL_PLAYBOOKS',
  policyGates: [
    {
      gateName: 'Session_Termination_Approval',
      requiresApproval: true,
      requiredApprovers: 2,
      approvalRoles: [{ role: 'SECURITY_ADMIN' }, { role: 'INCIDENT_COMMANDER' }],
      approvalTimeoutMs: 3600000,
      triggers: {
        riskLevels: ['CRITICAL'],
        actionTypes: ['FULL_SESSION_KILL', 'ACCOUNT_SUSPEND'],
      },
      escalationPath: [
        {
          escalationLevel: 1,
          delayMs: 1800000,
          escalateTo: 'cto_user_id',
        },
      ],
    },
  ],
};
