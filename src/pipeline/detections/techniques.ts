/**
 * MITRE ATT&CK (Enterprise) technique ids that findings carry, each under the name of what was seen.
 * Ids and names: attack.mitre.org. `T1078` is Valid Accounts.
 */
export const TECHNIQUES = {
  /** Valid Accounts. */
  validAccounts: 'T1078',
  /** Valid Accounts: Cloud Accounts. */
  cloudAccounts: 'T1078.004',
  /** Multi-Factor Authentication Request Generation. */
  mfaRequestGeneration: 'T1621',
  /** Brute Force. */
  bruteForce: 'T1110',
  /** Brute Force: Password Spraying. */
  passwordSpraying: 'T1110.003',
  /** Brute Force: Credential Stuffing. */
  credentialStuffing: 'T1110.004',
  /** Account Manipulation. */
  accountManipulation: 'T1098',
  /** Account Manipulation: Additional Cloud Credentials. */
  additionalCloudCredentials: 'T1098.001',
  /** Account Manipulation: Additional Cloud Roles. */
  additionalCloudRoles: 'T1098.003',
  /** Modify Authentication Process: Multi-Factor Authentication. */
  modifyMfa: 'T1556.006',
  /** Impair Defenses: Disable or Modify Cloud Logs. */
  disableCloudLogs: 'T1562.008',
  /** Data from Cloud Storage. */
  dataFromCloudStorage: 'T1530',
} as const;
