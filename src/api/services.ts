import type { Json } from '../platform/canonical-json.ts';
import type { Severity } from '../pipeline/vocabulary.ts';
import type { AccessService } from '../pipeline/access/access.service.ts';
import type { CallContext } from '../pipeline/access/principal.ts';
import type { SetupService } from '../pipeline/access/setup.service.ts';

/**
 * What the routes call. Each verb takes the call's context and one input, has already been authorised for its
 * operation, and throws `FirebreakError` for what is expected to fail; `StoreUnavailableError` becomes a 503.
 */
export interface Services {
  readonly access: AccessService;
  readonly setup: SetupService;
  readonly playbooks: PlaybookService;
  readonly policies: PolicyService;
  readonly executions: ExecutionService;
  readonly approvals: ApprovalService;
  readonly audits: AuditService;
  readonly incidents: IncidentService;
  readonly ingest: IngestService;
  readonly metrics: MetricsService;
  readonly health: HealthService;
  readonly idempotency: IdempotencyStore;
}

/** A thing as the API shows it: plain JSON with an `id`; the envelope adds `_id`. */
export type Resource = { readonly [key: string]: Json };

/** One thing, its version where it has one (the ETag), and what the caller should know about it. */
export interface Answer {
  readonly data: Resource;
  readonly version?: number;
  /** Sentences: a field that is stored but not enforced yet, an unknown user in an escalation path. */
  readonly warnings?: readonly string[];
}

export interface Listing {
  readonly items: readonly Resource[];
  /** How many there are without `limit` and `skip`. */
  readonly total: number;
}

/** Filters of a list. Each route accepts only those that its service honours; absent means any. */
export interface ListQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: string | undefined;
  readonly severity?: Severity | undefined;
  readonly riskLevel?: Severity | undefined;
  readonly type?: string | undefined;
  readonly actionType?: string | undefined;
  readonly userId?: string | undefined;
  readonly incidentId?: string | undefined;
  readonly executionId?: string | undefined;
  readonly playbookId?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/** A definition as it came in: bounded JSON without dangerous keys; its service says what is wrong with it. */
export type Definition = { readonly [key: string]: unknown };

/** Versions that `If-Match` names; null: any. None of them the present one: `stale_version`. */
export type IfMatch = readonly number[] | null;

export interface PlaybookService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  create(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
  /** Merges the given members into a new version. */
  update(
    ctx: CallContext,
    input: { readonly id: string; readonly changes: Definition; readonly ifMatch: IfMatch },
  ): Promise<Answer>;
  /** Hides it; versions stay. */
  remove(ctx: CallContext, input: { readonly id: string; readonly ifMatch: IfMatch }): Promise<Answer>;
}

export interface PolicyService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  create(ctx: CallContext, input: { readonly definition: Definition }): Promise<Answer>;
}

export interface TriggerInput {
  readonly playbookId: string;
  readonly userId: string;
  readonly triggerEvent: Definition;
  readonly context: Definition;
  /** True: nothing is stored or performed; the answer says what would happen. */
  readonly dryRun: boolean;
}

export interface ExecutionService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string; readonly view: 'full' | 'runbook' }): Promise<Answer>;
  trigger(ctx: CallContext, input: TriggerInput): Promise<Answer>;
  retry(ctx: CallContext, input: { readonly id: string; readonly reason: string | null }): Promise<Answer>;
  cancel(
    ctx: CallContext,
    input: { readonly id: string; readonly compensate: boolean; readonly reason: string | null },
  ): Promise<Answer>;
}

export interface VoteInput {
  readonly id: string;
  readonly comment: string | null;
  /** What the voter was shown; another one than the approval's is refused. Null: not said. */
  readonly intentHash: string | null;
}

export interface ApprovalService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  approve(ctx: CallContext, input: VoteInput): Promise<Answer>;
  deny(ctx: CallContext, input: VoteInput): Promise<Answer>;
}

export interface AuditService {
  /** One item for each action instance. */
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** The journal's own records behind it, oldest first. */
  records(
    ctx: CallContext,
    input: { readonly id: string; readonly limit: number; readonly skip: number },
  ): Promise<Listing>;
}

/** What a person may set an incident to. FALSE_POSITIVE and RESOLVED come with a reason. */
export const SETTABLE_INCIDENT_STATUSES = [
  'ACKNOWLEDGED',
  'TRIAGED',
  'CONTAINED',
  'RESOLVED',
  'FALSE_POSITIVE',
] as const;
export type SettableIncidentStatus = (typeof SETTABLE_INCIDENT_STATUSES)[number];

export interface IncidentService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  setStatus(
    ctx: CallContext,
    input: { readonly id: string; readonly status: SettableIncidentStatus; readonly reason: string | null },
  ): Promise<Answer>;
}

/** Events exactly as they came. The service splits, bounds, maps, stores and detects; `ctx.idempotencyKey` is its own. */
export interface IngestInput {
  readonly body: Uint8Array;
  readonly mediaType: 'json' | 'ndjson';
  /** Null: what the body looks like. */
  readonly format: string | null;
  /** The instance that the credential is bound to, or else the one that the caller names. */
  readonly source: string | null;
}

export interface IngestService {
  ingest(ctx: CallContext, input: IngestInput): Promise<Answer>;
}

export interface MetricsService {
  read(ctx: CallContext, query: { readonly playbookId?: string | undefined }): Promise<Answer>;
}

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
