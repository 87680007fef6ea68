/** Small playbooks for tests over the API. Only tests import this file. */

export const BASE = '/api/incident-playbooks';

/** A playbook without rules: it runs only when it is triggered. */
export function byHand(playbookId: string, actions: readonly object[], more: object = {}): object {
  return { playbookId, name: playbookId, playbookType: 'CUSTOM', severity: 'HIGH', rules: [], actions, ...more };
}

export const NOTIFY = { actionId: 'notify', actionType: 'USER_NOTIFICATION', parameters: { title: 'Look' } };
export const SUSPEND = { actionId: 'suspend', actionType: 'ACCOUNT_SUSPEND' };
export const SUSPEND_APPROVED = {
  ...SUSPEND,
  requiresApproval: true,
  approval: { roles: ['SECURITY_ADMIN', 'INCIDENT_COMMANDER'], requiredApprovers: 2 },
};
