import type { Fault } from '../../platform/errors.ts';
import { NO_RELYING_PARTY } from '../access/relying-party.ts';
import type { PlanGate } from './plan.ts';

/**
 * What is wrong with a gate that requires a passkey, of a policy or a playbook. @param pointer where the gate stands.
 * @param hasPasskeys whether people can have passkeys here: else nobody could ever approve.
 */
export function passkeyFault(
  fallback: PlanGate['fallbackBehavior'],
  hasPasskeys: boolean,
  pointer: string,
): readonly Fault[] {
  const faults: Fault[] = [];
  if (!hasPasskeys) faults.push({ pointer: `${pointer}/requirePasskey`, detail: `${NO_RELYING_PARTY}.` });
  if (fallback === 'ALLOW_ACTION') {
    const detail =
      'It contradicts the fallback ALLOW_ACTION: silence would allow what only a passkey may. Use DENY_ACTION or ESCALATE_TO_HUMAN.';
    faults.push({ pointer: `${pointer}/requirePasskey`, detail });
  }
  return faults;
}
