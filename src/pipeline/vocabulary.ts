/** The closed lists that playbooks, incidents, policies and the API share. Names are those of the seeds. */

export const PLAYBOOK_TYPES = [
  'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL',
  'REPEATED_2FA_BYPASS',
  'UNUSUAL_PRIVILEGE_ACTION',
  'MULTI_ACCOUNT_CAMPAIGN',
  'ACCOUNT_TAKEOVER',
  'DATA_EXFILTRATION',
  'CREDENTIAL_STUFFING',
  'RUNBOOK',
  'CUSTOM',
] as const;
export type PlaybookType = (typeof PLAYBOOK_TYPES)[number];

export const SEVERITIES = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** 0 for LOW to 3 for CRITICAL: severities are compared by rank, never by name. */
export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

export const ROLES = [
  'SECURITY_ADMIN',
  'INCIDENT_COMMANDER',
  'SECURITY_ANALYST',
  'COMPLIANCE_OFFICER',
  'IR_LEAD',
  'CISO',
  'LEGAL',
  'AUDITOR',
] as const;
export type Role = (typeof ROLES)[number];

/** A built-in role, or one that the organisation has made: which of these there are is checked where a name comes in. */
export type RoleName = string;

export const ACTION_TYPES = [
  'STEP_UP_CHALLENGE',
  'SELECTIVE_TOKEN_REVOKE',
  'FULL_SESSION_KILL',
  'FORCE_PASSWORD_RESET',
  'USER_NOTIFICATION',
  'ANALYST_ESCALATION',
  'ACCOUNT_SUSPEND',
  'DEVICE_DEREGISTER',
  'IPWHITELIST_ADD',
  'IPBLACKLIST_ADD',
  'GEO_LOCK',
  'CUSTOM_WEBHOOK',
  'ENHANCED_LOGGING',
  'ACTION_BLOCK',
  // From the runbooks.
  'ISOLATE_HOST',
  'ISOLATE_NETWORK_SEGMENT',
  'RESTORE_NETWORK_SEGMENT',
  'DISABLE_COMPROMISED_CREDENTIALS',
  'TRIGGER_FULL_DISK_IMAGING',
  'TRIGGER_FORENSIC_IMAGING',
  'PRESERVE_ARTIFACTS',
  'NOTIFY_CISO_AND_LEGAL',
  'NOTIFY_REGULATORY_CONTACT',
  'NOTIFY_SOC',
  'NOTIFY_IR_LEAD',
  'LEGAL_HOLD',
  'PR_PREP',
] as const;
export type ActionType = (typeof ACTION_TYPES)[number];

/** Ways to tell people; which of them have a way out of an installation is known where it is configured. Either case is taken. */
export const CHANNELS = [
  'EMAIL',
  'SLACK',
  'TEAMS',
  'PAGERDUTY',
  'WEBHOOK',
  'IN_APP',
  'ENCRYPTED_EMAIL',
  'SECURE_PORTAL',
] as const;
