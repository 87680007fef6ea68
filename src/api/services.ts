import type { AccessService } from '../pipeline/access/access.service.ts';
import type { CustomRoleService } from '../pipeline/access/custom-roles.service.ts';
import type { GroupService } from '../pipeline/access/groups.service.ts';
import type { DelegationService } from '../pipeline/access/delegations.service.ts';
import type { IdentityProvider } from '../pipeline/access/identity-provider.ts';
import type { PasswordService } from '../pipeline/access/passwords.service.ts';
import type { PasskeyService } from '../pipeline/access/passkeys.service.ts';
import type { SessionService } from '../pipeline/access/sessions.service.ts';
import type { SetupService } from '../pipeline/access/setup.service.ts';
import type { ErasureService } from '../pipeline/privacy/erasures.service.ts';
import type { HeldDataService } from '../pipeline/privacy/held-data.service.ts';
import type { ContactService } from '../pipeline/deadlines/contacts/contacts.service.ts';
import type { DraftService } from '../pipeline/deadlines/drafts/drafts.service.ts';
import type { ContactTellingService } from '../pipeline/deadlines/drafts/telling.service.ts';
import type { PortalService } from '../pipeline/deadlines/portal/portal.service.ts';
import type { AnswersService } from '../pipeline/approvals/answers.service.ts';
import type { SingleSignOnService } from '../pipeline/access/single-sign-on.service.ts';
import type { ApprovalService } from '../pipeline/approvals/approvals.service.ts';
import type { WithdrawalService } from '../pipeline/approvals/withdrawals.service.ts';
import type { PolicyService } from '../pipeline/approvals/policies.service.ts';
import type { AuditService } from '../pipeline/executions/audits.service.ts';
import type { BreakGlassService } from '../pipeline/executions/break-glass.service.ts';
import type { BreachRegisterService } from '../pipeline/deadlines/breach-register.service.ts';
import type { DeadlineRuleService } from '../pipeline/deadlines/deadline-rules.service.ts';
import type { DeadlineService } from '../pipeline/deadlines/deadlines.service.ts';
import type { ExecutionService } from '../pipeline/executions/executions.service.ts';
import type { EvidenceService } from '../pipeline/evidence/evidence.service.ts';
import type { ExemptionService } from '../pipeline/exemptions/exemptions.service.ts';
import type { ProposedChangeService } from '../pipeline/guards/proposed-changes.service.ts';
import type { PauseService } from '../pipeline/guards/pause.service.ts';
import type { GlassService } from '../pipeline/guards/break-glass.service.ts';
import type { GuardService } from '../pipeline/guards/guards.service.ts';
import type { MetricsService } from '../pipeline/executions/metrics.service.ts';
import type { BundleService } from '../pipeline/evidence/bundles/bundles.service.ts';
import type { IncidentService } from '../pipeline/incidents/incidents.service.ts';
import type { EscalationService } from '../pipeline/vendors/escalations.service.ts';
import type { LawfulBasisService } from '../pipeline/lawful-basis/lawful-basis.service.ts';
import type { TaskService } from '../pipeline/tasks/tasks.service.ts';
import type { VendorService } from '../pipeline/vendors/vendors.service.ts';
import type { InventoryService } from '../pipeline/inventory/inventory.service.ts';
import type { IngestService } from '../pipeline/intake/intake.service.ts';
import type { OnCallService } from '../pipeline/oncall/oncall.service.ts';
import type { NotificationService } from '../pipeline/notifications/notifications.service.ts';
import type { RecoveryService } from '../pipeline/recovery/recovery.service.ts';
import type { EventPlanService } from '../pipeline/intake/event-plan/event-plan.service.ts';
import type { RunbookService } from '../pipeline/runbooks/runbooks.service.ts';
import type { RunbookSourceService } from '../pipeline/runbooks/sync/sync.service.ts';
import type { PlaybookService } from '../pipeline/playbooks/playbooks.service.ts';

/**
 * What the routes call. Each verb takes the call's context and one input, has already been authorised for its
 * operation, and throws `FirebreakError` for what is expected to fail; `StoreUnavailableError` becomes a 503.
 */
export interface Services {
  readonly access: AccessService;
  readonly groups: GroupService;
  readonly roles: CustomRoleService;
  readonly setup: SetupService;
  readonly sessions: SessionService;
  readonly passwords: PasswordService;
  readonly passkeys: PasskeyService;
  /** Null: no identity provider is configured. */
  readonly singleSignOn: SingleSignOn | null;
  readonly playbooks: PlaybookVerbs;
  readonly runbooks: RunbookService;
  readonly runbookSource: Omit<RunbookSourceService, 'failure'>;
  readonly eventPlans: EventPlanService;
  readonly policies: PolicyVerbs;
  readonly guards: GuardVerbs;
  readonly exemptions: ExemptionVerbs;
  readonly evidence: EvidenceVerbs;
  readonly changes: ProposedChangeVerbs;
  readonly pause: PauseService;
  readonly glass: GlassService;
  readonly breakGlass: BreakGlassService;
  readonly executions: ExecutionService;
  readonly approvals: ApprovalService;
  readonly withdrawals: WithdrawalService;
  readonly delegations: DelegationService;
  readonly onCall: OnCallVerbs;
  readonly erasures: ErasureService;
  readonly heldData: HeldDataService;
  readonly contacts: ContactVerbs;
  readonly deadlines: DeadlineService;
  readonly deadlineRules: DeadlineRuleVerbs;
  readonly breachRegister: BreachRegisterService;
  readonly drafts: DraftVerbs;
  readonly contactTelling: ContactTellingService;
  readonly portal: PortalVerbs;
  readonly answers: AnswersService;
  readonly notifications: NotificationService;
  readonly audits: AuditService;
  readonly evidenceBundles: BundleService;
  readonly incidents: IncidentVerbs;
  readonly inventory: InventoryVerbs;
  readonly vendors: VendorVerbs;
  readonly escalations: EscalationVerbs;
  readonly tasks: TaskService;
  readonly lawfulBasis: LawfulBasisVerbs;
  readonly ingest: IngestService;
  readonly metrics: MetricsService;
  readonly recovery: RecoveryService;
  readonly health: HealthService;
  readonly idempotency: IdempotencyStore;
}

/** An identity provider, and what follows from what it says of somebody. */
export interface SingleSignOn {
  readonly service: SingleSignOnService;
  readonly provider: IdentityProvider;
  /** Signs what a browser keeps while its person is at the provider. */
  readonly flowKey: Uint8Array;
}

/* What the API uses of these services; the rest of them is for the pipeline. */

export type PlaybookVerbs = Omit<PlaybookService, 'active' | 'load' | 'refresh' | 'judge' | 'changeOfRunbook'>;
export type PolicyVerbs = Omit<PolicyService, 'enforce' | 'inForce' | 'naming' | 'refresh'>;
export type ExemptionVerbs = Omit<ExemptionService, 'inForce' | 'revokedOf' | 'refresh'>;
export type EvidenceVerbs = Omit<EvidenceService, 'noteExport'>;
export type ProposedChangeVerbs = Omit<ProposedChangeService, 'propose'>;
export type GuardVerbs = Omit<
  GuardService,
  'enforce' | 'protectedIdentities' | 'perHour' | 'quietHours' | 'decisionMatrix' | 'refresh'
>;
export type VendorVerbs = Omit<VendorService, 'inForce' | 'versionOf' | 'refresh'>;
export type LawfulBasisVerbs = Pick<LawfulBasisService, 'get' | 'set'>;
export type EscalationVerbs = Omit<EscalationService, 'startsFor' | 'tick'>;
export type InventoryVerbs = Omit<InventoryService, 'putFile' | 'inForce' | 'refresh'>;
export type OnCallVerbs = Omit<OnCallService, 'book' | 'refresh'>;
export type ContactVerbs = Omit<ContactService, 'all' | 'load'>;
export type DeadlineRuleVerbs = Omit<DeadlineRuleService, 'inForce'>;
export type DraftVerbs = Omit<DraftService, 'make'>;
export type PortalVerbs = Omit<PortalService, 'linkOf'>;
export type IncidentVerbs = Omit<IncidentService, 'noteExecution'>;

export interface HealthService {
  /** Whether requests can be served now; the names of parts that cannot are for operators, so keep them general. */
  ready(): Promise<{ readonly ready: boolean; readonly failing: readonly string[] }>;
  playbooks(): Promise<{
    readonly healthy: boolean;
    readonly models: {
      readonly incidentPlaybook: boolean;
      readonly playbookExecution: boolean;
      readonly playbookApprovalsPolicy: boolean;
      readonly playbookActionAudit: boolean;
    };
    readonly active: number;
    readonly pendingApprovals: number;
    /** Executions that this process cannot go on with, because a record of theirs cannot be read, say. */
    readonly stuck?: number;
    /** How long signed records have waited for the witness; null or absent without a witness. */
    readonly unwitnessedMs?: number | null;
    /** How long the log has news that no authority has stamped with the time; null or absent without an authority. */
    readonly unstampedMs?: number | null;
    /** Of a journal that was set back and not confirmed: how many records it holds, and how many were published. */
    readonly setBack?: { readonly size: number; readonly publishedSize: number } | null;
    /** Since when everything is paused, ms since 1970; null or absent: it is not. */
    readonly pausedSince?: number | null;
    /** How often somebody decided alone and nobody else has looked at it yet. */
    readonly unreviewedBreakGlass?: number;
    /** Artefacts that are not as they were left. */
    readonly alarmedEvidence?: number;
    /** Whether the evidence store could not be reached, or did not do what it should, when it was last used. */
    readonly evidenceStoreAiling?: boolean;
    /** The runbooks of Git could not be taken at the start: older ones go on. */
    readonly runbooksOutOfDate?: boolean;
    /** How far the wall clock has jumped, in ms; 0 while business time follows it. */
    readonly clockJumpMs?: number;
  }>;
}

export interface StoredReply {
  readonly status: number;
  /** Null: the reply held a secret and was not kept. */
  readonly body: string | null;
  readonly location: string | null;
}

/** Replies kept for repeats of a POST with the same `Idempotency-Key`. */
export interface IdempotencyStore {
  /**
   * `started`: do the work, then call `finish` or `abandon`. `replay`: it was done, here is its reply.
   * `in-flight`: another request with the key is at work. `mismatch`: the key was used for something else.
   */
  begin(input: {
    readonly id: string;
    readonly fingerprint: string;
    readonly now: number;
  }): Promise<
    | { readonly outcome: 'started'; readonly token: number }
    | { readonly outcome: 'replay'; readonly reply: StoredReply }
    | { readonly outcome: 'in-flight' }
    | { readonly outcome: 'mismatch' }
  >;
  finish(input: {
    readonly id: string;
    readonly fingerprint: string;
    readonly now: number;
    readonly token: number;
    readonly reply: StoredReply;
  }): Promise<void>;
  /** The work failed and changed nothing: the key is free again. */
  abandon(input: { readonly id: string; readonly token: number; readonly now: number }): Promise<void>;
}
