import type { RememberedPersons } from '../journal/persons/remembered-persons.ts';
import type { Services } from '../api/services.ts';
import type { RegulatoryDesk, EvidenceDesk, TaskDesk } from '../pipeline/actions/desks.ts';
import type { InventoryService } from '../pipeline/inventory/inventory.service.ts';
import { createLawfulBasisService, type LawfulBasisService } from '../pipeline/lawful-basis/lawful-basis.service.ts';
import type { SetBack } from '../pipeline/recovery/recovery.service.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import type { Config } from '../platform/config.ts';
import type { TimeStampAuthority } from '../timestamps/time-stamp-authority.ts';
import type { WatchedVault } from '../vaults/watched-vault.ts';
import { openEvidenceBundles } from './evidence-bundles.ts';
import { openEvidence, type EvidencePorts } from './evidence.ts';
import { openRegulatory, type RegulatoryPorts } from './regulatory.ts';
import { openTasks, type TaskRoom, type TaskRoomPorts } from './tasks.ts';
import { openVendors, type VendorRoom } from './vendors.ts';

export type RoomPorts = Omit<EvidencePorts, 'basisFor'> &
  Omit<RegulatoryPorts, 'publicUrl' | 'onError'> & {
    readonly store: TaskRoomPorts['store'];
    readonly inventory: InventoryService;
    readonly authority: TimeStampAuthority | null;
    readonly persons: RememberedPersons;
    readonly setBack: SetBack | null;
    readonly onUnstamped: (thrown: unknown) => void;
    onError(what: string): (thrown: unknown) => void;
  };

/** The rooms beside executions: evidence, what the law asks, vendors, and tasks of people. */
export interface OpenedRooms extends Pick<VendorRoom, 'startsFor' | 'refresh'> {
  readonly desks: { readonly evidence: EvidenceDesk; readonly regulatory: RegulatoryDesk; readonly tasks: TaskDesk };
  readonly services: Pick<
    Services,
    | 'evidence'
    | 'evidenceBundles'
    | 'vendors'
    | 'escalations'
    | 'tasks'
    | 'lawfulBasis'
    | 'deadlines'
    | 'deadlineRules'
    | 'breachRegister'
    | 'contacts'
    | 'drafts'
    | 'portal'
    | 'contactTelling'
  >;
  readonly contactFor: ReturnType<typeof openRegulatory>['contactFor'];
  /** The runner as a timekeeper sees it: timers of clocks, escalations and tasks fall due with those of executions. */
  beside(runner: Runner): Pick<Runner, 'idle' | 'tick'>;
  readonly warningsFor: LawfulBasisService['warningsFor'];
  /** What an execution leaves for people becomes a task. */
  readonly lookForTasks: TaskRoom['look'];
  /** Finishes what a crash or an outage has left of evidence. */
  settle(): Promise<void>;
  keepReverifying(): Promise<void>;
  /** For health. */
  readonly evidenceStore: Pick<WatchedVault, 'ailing'>;
  close(): Promise<void>;
}

/** @throws FirebreakError `store_unavailable` when the evidence store cannot be used. */
export async function openRooms(config: Config, ports: RoomPorts): Promise<OpenedRooms> {
  const { onError } = ports;
  const lawfulBasis = createLawfulBasisService({ ...ports, required: config.evidence.lawfulBasisRequired });
  const evidence = await openEvidence(config, { ...ports, basisFor: lawfulBasis.basisFor });
  const onLate = onError('a deadline could not be reminded of');
  const regulatory = openRegulatory({ ...ports, publicUrl: config.publicUrl, onError: onLate });
  const vendors = openVendors({ ...ports, onError: onError('an escalation could not go on') });
  const tasks = openTasks({ ...ports, onError: onError('a task could not be reminded of') });
  const evidenceBundles = openEvidenceBundles({ ...ports, vault: evidence.vault, key: ports.logKey });
  return {
    desks: { evidence: evidence.desk, regulatory: regulatory.desk, tasks: tasks.desk },
    services: {
      ...vendors.services,
      ...regulatory.services,
      ...tasks.services,
      lawfulBasis,
      evidence: evidence.service,
      evidenceBundles,
    },
    contactFor: regulatory.contactFor,
    startsFor: vendors.startsFor,
    warningsFor: lawfulBasis.warningsFor,
    lookForTasks: tasks.look,
    beside: (runner) => tasks.beside(vendors.beside(regulatory.beside(runner))),
    refresh: () => vendors.refresh(),
    settle: () => evidence.settle(),
    keepReverifying: () => evidence.keepReverifying(),
    evidenceStore: evidence.vault,
    close: () => evidence.close(),
  };
}
