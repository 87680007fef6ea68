import type { Reversibility } from '../actions/contract.ts';
import type { SubjectType } from '../events/event.ts';
import type { ActionType } from '../vocabulary.ts';

/** What is fixed about an action wherever it is done; a connector's own declaration says the rest. */
export interface KnownAction {
  readonly targetType: SubjectType | 'none';
  readonly reversibility: Reversibility;
  /** It contains the attacker. */
  readonly contains: boolean;
  /** Words that a runbook may call its inverse by, the usual one first; empty: it has none. */
  readonly inverses: readonly string[];
}

/** So that runbooks can be judged without a server. */
export const KNOWN_ACTIONS: Readonly<Record<ActionType, KnownAction>> = {
  STEP_UP_CHALLENGE: known('user', 'selfRecoverable', false),
  SELECTIVE_TOKEN_REVOKE: known('user', 'selfRecoverable', true),
  FULL_SESSION_KILL: known('user', 'selfRecoverable', true),
  FORCE_PASSWORD_RESET: known('user', 'irreversible', true),
  USER_NOTIFICATION: known('user', 'irreversible', false),
  ANALYST_ESCALATION: known('none', 'irreversible', false),
  ACCOUNT_SUSPEND: known('user', 'undo', true, 'account_restore', 'account_unsuspend', 'unsuspend_account'),
  DEVICE_DEREGISTER: known('user', 'irreversible', true),
  IPWHITELIST_ADD: known('ip', 'undo', false, 'ipwhitelist_remove'),
  IPBLACKLIST_ADD: known('ip', 'undo', true, 'ipblacklist_remove'),
  GEO_LOCK: known('user', 'undo', true, 'geo_unlock'),
  CUSTOM_WEBHOOK: known('none', 'irreversible', false),
  ENHANCED_LOGGING: known('user', 'undo', false, 'restore_logging'),
  ACTION_BLOCK: known('user', 'undo', true, 'action_unblock'),
  ISOLATE_HOST: known('host', 'undo', true, 'restore_host', 'release_host', 'unisolate_host'),
  ISOLATE_NETWORK_SEGMENT: known('segment', 'undo', true, 'restore_network_segment', 'release_network_segment'),
  RESTORE_NETWORK_SEGMENT: known('segment', 'selfRecoverable', false),
  DISABLE_COMPROMISED_CREDENTIALS: known(
    'user',
    'undo',
    true,
    'enable_credentials',
    'restore_credentials',
    'reenable_credentials',
  ),
  TRIGGER_FULL_DISK_IMAGING: known('host', 'selfRecoverable', false),
  TRIGGER_FORENSIC_IMAGING: known('host', 'selfRecoverable', false),
  PRESERVE_ARTIFACTS: known('host', 'selfRecoverable', false),
  NOTIFY_CISO_AND_LEGAL: known('none', 'irreversible', false),
  NOTIFY_REGULATORY_CONTACT: known('none', 'irreversible', false),
  NOTIFY_SOC: known('none', 'irreversible', false),
  NOTIFY_IR_LEAD: known('none', 'irreversible', false),
  LEGAL_HOLD: known('none', 'irreversible', false),
  PR_PREP: known('none', 'irreversible', false),
};

function known(
  targetType: KnownAction['targetType'],
  reversibility: Reversibility,
  contains: boolean,
  ...inverses: readonly string[]
): KnownAction {
  return { targetType, reversibility, contains, inverses };
}

/** Actions that take `channels`. */
export const TELLING_ACTIONS: ReadonlySet<ActionType> = new Set([
  'NOTIFY_CISO_AND_LEGAL',
  'NOTIFY_REGULATORY_CONTACT',
  'NOTIFY_SOC',
  'NOTIFY_IR_LEAD',
]);

/** Actions that copy all of a host: the host loses nothing, but what people keep there cannot be made unread. */
export const COPYING_ACTIONS: ReadonlySet<ActionType> = new Set([
  'TRIGGER_FULL_DISK_IMAGING',
  'TRIGGER_FORENSIC_IMAGING',
]);

/** Actions that take hours where disks are large. */
export const SLOW_ACTIONS: ReadonlySet<ActionType> = new Set([
  'TRIGGER_FULL_DISK_IMAGING',
  'TRIGGER_FORENSIC_IMAGING',
  'PRESERVE_ARTIFACTS',
]);
