import { NO_RELYING_PARTY, relyingPartyOf } from '../pipeline/access/relying-party.ts';
import type { PolicyService } from '../pipeline/approvals/policies.service.ts';
import type { PlaybookService } from '../pipeline/playbooks/playbooks.service.ts';
import type { Config } from '../platform/config.ts';
import { FirebreakError } from '../platform/errors.ts';

/**
 * A process that people reach must be able to ask them for the passkeys that rules in force need: else every such request would
 * run into its timeout. @throws FirebreakError `conflict`, naming the rules.
 */
export async function requireSiteFor(
  { publicUrl }: Pick<Config, 'publicUrl'>,
  rules: { readonly playbooks: Pick<PlaybookService, 'active'>; readonly policies: Pick<PolicyService, 'inForce'> },
): Promise<void> {
  if (relyingPartyOf(publicUrl) !== null) return;
  const policies = (await rules.policies.inForce())
    .filter(({ policy }) => policy.enabled && policy.policyGates.some((gate) => gate.requirePasskey === true))
    .map(({ policyId }) => `policy ${policyId}`);
  const playbooks = (await rules.playbooks.active())
    .filter(({ compiled }) => compiled.playbook.actions.some(({ approval }) => approval?.requirePasskey === true))
    .map(({ playbookId }) => `playbook ${playbookId}`);
  const needing = [...policies, ...playbooks];
  if (needing.length === 0) return;
  throw new FirebreakError('conflict', `${NO_RELYING_PARTY}; needed by ${needing.join(', ')}`);
}
