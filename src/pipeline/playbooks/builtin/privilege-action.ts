import type { PlaybookDocument } from '../playbook.ts';

const NOT_LEGITIMATE = 'results.action_review.outcome in ["denied", "expired"]';

/** The finding says what was granted or touched; without that the block is there, but no grant can be taken back. */
const NAMED = '(has(incident.details.targetId) && incident.details.targetId != "")';

/**
 * Unusual privilege operation. A person is asked whether it was legitimate; the answer is the outcome of a waiting
 * action, not a gate. Anything but "approved" turns on logging; denied or unanswered also blocks, which takes the
 * grant back at the target.
 */
export const PRIVILEGE_ACTION: PlaybookDocument = {
  playbookId: 'playbook_privilege_action',
  name: 'Unusual Privilege Action Response',
  description:
    'Asks a person whether a privilege operation was legitimate; if not, watches the account and reverts it.',
  playbookType: 'UNUSUAL_PRIVILEGE_ACTION',
  severity: 'HIGH',
  enabled: true,
  rules: [
    {
      ruleId: 'rule_privilege_action',
      ruleType: 'UNUSUAL_PRIVILEGE_ACTION',
      // Above what an everyday operation of somebody whose habits are still being learnt reaches (50).
      conditions: { minSignificance: 55 },
    },
  ],
  actions: [
    {
      actionId: 'action_review',
      actionType: 'ANALYST_ESCALATION',
      stage: 1,
      requiresApproval: false,
      question: {
        text: 'Was this legitimate?',
        roles: ['SECURITY_ANALYST', 'SECURITY_ADMIN', 'INCIDENT_COMMANDER'],
        requiredApprovers: 1,
      },
    },
    {
      actionId: 'action_notify',
      actionType: 'USER_NOTIFICATION',
      stage: 1,
      parameters: { title: 'Unusual privilege operation', sendEmail: true },
      requiresApproval: false,
    },
    {
      actionId: 'action_enhanced_logging',
      actionType: 'ENHANCED_LOGGING',
      stage: 2,
      condition: 'results.action_review.outcome != "approved"',
      requiresApproval: false,
    },
    {
      actionId: 'action_block',
      actionType: 'ACTION_BLOCK',
      stage: 3,
      condition: `${NOT_LEGITIMATE} && ${NAMED}`,
      parameters: { privilege: '{{incident.details.targetId}}' },
      requiresApproval: false,
    },
    {
      actionId: 'action_block_all',
      actionType: 'ACTION_BLOCK',
      stage: 3,
      condition: `${NOT_LEGITIMATE} && !${NAMED}`,
      requiresApproval: false,
    },
  ],
};
