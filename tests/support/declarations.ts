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
};

/** One connector that offers everything. */
export function declarationOf(type: string): ActionDeclaration | null {
  const known = ACTION_TYPES.find((each) => each === type);
  return known === undefined ? null : declare(known, SPECIAL[known]);
}
