import type { ActionDeclaration } from '../../src/pipeline/actions/contract.ts';
import { ACTION_TYPES, type ActionType } from '../../src/pipeline/vocabulary.ts';

/** Declarations as a plain connector would make them; for tests only. */
export function declare(type: ActionType, more: Partial<ActionDeclaration> = {}): ActionDeclaration {
  return {
    type,
    connector: 'test',
    targetType: 'user',
    idempotency: 'state',
    reversibility: 'selfRecoverable',
    readBack: true,
    settleMs: 0,
    waits: false,
    holds: null,
    contains: true,
    ...more,
  };
}

const UNDO = { reversibility: 'undo' } as const;
const LASTING = { reversibility: 'irreversible', contains: false } as const;

const ORGANISATION = { ...LASTING, targetType: 'none' } as const;

const SPECIAL: Partial<Record<ActionType, Partial<ActionDeclaration>>> = {
  STEP_UP_CHALLENGE: { waits: true },
  USER_NOTIFICATION: LASTING,
  ANALYST_ESCALATION: { ...LASTING, targetType: 'none' },
  FORCE_PASSWORD_RESET: { reversibility: 'irreversible' },
  CUSTOM_WEBHOOK: { ...LASTING, targetType: 'none' },
  ACCOUNT_SUSPEND: UNDO,
  DEVICE_DEREGISTER: { reversibility: 'irreversible' },
  IPWHITELIST_ADD: { ...UNDO, targetType: 'ip' },
  IPBLACKLIST_ADD: { ...UNDO, targetType: 'ip' },
  GEO_LOCK: UNDO,
  ENHANCED_LOGGING: UNDO,
  ACTION_BLOCK: UNDO,
  ISOLATE_HOST: { ...UNDO, targetType: 'host' },
  ISOLATE_NETWORK_SEGMENT: { ...UNDO, targetType: 'segment' },
  RESTORE_NETWORK_SEGMENT: { contains: false, targetType: 'segment' },
  DISABLE_COMPROMISED_CREDENTIALS: UNDO,
  TRIGGER_FULL_DISK_IMAGING: { contains: false, targetType: 'host' },
  TRIGGER_FORENSIC_IMAGING: { contains: false, targetType: 'host' },
  PRESERVE_ARTIFACTS: { contains: false, targetType: 'host' },
  NOTIFY_CISO_AND_LEGAL: ORGANISATION,
  NOTIFY_REGULATORY_CONTACT: ORGANISATION,
  NOTIFY_SOC: ORGANISATION,
  NOTIFY_IR_LEAD: ORGANISATION,
  LEGAL_HOLD: ORGANISATION,
  PR_PREP: ORGANISATION,
};

/** One connector that offers everything. */
export function declarationOf(type: string): ActionDeclaration | null {
  const known = ACTION_TYPES.find((each) => each === type);
  return known === undefined ? null : declare(known, SPECIAL[known]);
}
