import type { Clock } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Ids } from '../platform/ids.ts';
import type { Log } from '../platform/log.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { relyingPartyOf } from '../pipeline/access/relying-party.ts';
import type { ActionRegistry } from '../pipeline/actions/registry.ts';
import { namedGates } from '../pipeline/approvals/exempt.ts';
import { governanceOf } from '../pipeline/approvals/governance.ts';
import { createPolicyService } from '../pipeline/approvals/policies.service.ts';
import { valuesOfIncident } from '../pipeline/executions/start.ts';
import { createExemptionService } from '../pipeline/exemptions/exemptions.service.ts';
import { createGuardService } from '../pipeline/guards/guards.service.ts';
import { createInventoryService } from '../pipeline/inventory/inventory.service.ts';
import { createOnCallService } from '../pipeline/oncall/oncall.service.ts';
import { createPlaybookService } from '../pipeline/playbooks/playbooks.service.ts';
import { createRunbookService } from '../pipeline/runbooks/runbooks.service.ts';
import { openChanges } from './rights.ts';
import { openRunbookSource } from './runbook-source.ts';

export interface DefinitionPorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
  readonly registry: Pick<ActionRegistry, 'declarations' | 'checkParameters'>;
  /** Channels with a way out of here, in-app among them. */
  readonly channels: readonly string[];
  /** Names of the services outside that gates may ask. */
  readonly approvers: readonly string[];
  /** What people set over all playbooks was committed to `stream`: whoever answers for it is told. */
  tell(stream: string, name: string): void;
}

/** What people define, and what of it holds for a start: playbooks, policies, exemptions, guards, and who is on call. */
export function openDefinitions(config: Config, ports: DefinitionPorts) {
  const { journal, committer, ids, clock, log, registry, channels, approvers, tell } = ports;
  const hasPasskeys = relyingPartyOf(config.publicUrl) !== null;
  const declarationOf = (type: Parameters<ActionRegistry['declarationOf']>[0], connector?: string) =>
    registry
      .declarations()
      .find((offer) => offer.type === type && (connector ?? offer.connector) === offer.connector) ?? null;
  const reversibilityOf = (type: Parameters<typeof declarationOf>[0]) => declarationOf(type)?.reversibility ?? null;
  const playbooks = createPlaybookService({
    journal,
    committer,
    ids,
    defaults: {
      executionTimeoutMs: config.playbooks.timeoutMs,
      backoffMs: config.playbooks.retryBackoffMs,
      approvalTimeoutMs: config.approvals.timeoutMs,
    },
    declarationOf,
    parameterFaults: (type, parameters, connector) => registry.checkParameters(type, parameters, '', connector),
    channels,
    hasPasskeys,
    onUnusable: (id, thrown) =>
      log.error({ playbookId: id, faults: thrown.faults }, 'an enabled playbook cannot be run'),
  });
  const inventory = createInventoryService({ journal, committer });
  const onCall = createOnCallService({ journal, committer });
  const changes = openChanges({ journal, committer, ids }, () => ({ policies, guards }));
  const twoPeople = config.policyChangesByTwo ? changes : null;
  const policies = createPolicyService({
    journal,
    committer,
    ids,
    approvalTimeoutMs: config.approvals.timeoutMs,
    reversibilityOf,
    channels,
    approvers,
    valuesOf: (incidentId) => valuesOfIncident(journal, incidentId),
    exemptions: () => exemptions.inForce(),
    hasPasskeys,
    onCall: () => onCall.book(),
    twoPeople,
  });
  const exemptions = createExemptionService({
    journal,
    committer,
    ids,
    clock,
    tell,
    reversibilityOf,
    gatesOf: async (policyId) => namedGates(await policies.inForce(), policyId),
  });
  const guards = createGuardService({ journal, committer, tell, twoPeople });
  return {
    playbooks,
    runbooks: createRunbookService({ journal, committer, playbooks, readOnly: config.runbooks.readOnly }),
    runbookSource: openRunbookSource(config, { journal, committer, playbooks, registry }),
    policies,
    exemptions,
    guards,
    onCall,
    inventory,
    changes,
    governance: governanceOf(policies, guards, exemptions, onCall, inventory),
    /** Forgets what is kept in memory: something may have been committed of which nobody was told. */
    refresh(): void {
      for (const each of [playbooks, policies, guards, exemptions, onCall, inventory]) each.refresh();
    },
  };
}
