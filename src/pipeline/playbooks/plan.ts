import type { ActionDeclaration, JsonObject } from '../actions/contract.ts';
import type { PerHour } from '../guards/blast-radius.ts';
import type { PlaybookType, RoleName, Severity } from '../vocabulary.ts';
import type { QuietHours } from '../guards/quiet-until.ts';

/**
 * A plan is what an execution runs: one playbook version, bound to the policies and action declarations that
 * were in force when it started. It is immutable, stored once under its content hash, never recompiled.
 */
export interface Plan {
  readonly planVersion: 1;
  readonly playbookId: string;
  readonly playbookVersion: number;
  readonly name: string;
  readonly playbookType: PlaybookType;
  /** Running time after which the execution fails, in ms; waiting for people does not count. */
  readonly executionTimeoutMs: number;
  /** Canonical ids of accounts that nothing contains without a person, sorted. Absent: nobody. */
  readonly protectedIdentities?: readonly string[];
  /** How often an hour may do what an action type does before a person is asked, over everything. Absent: no limit. */
  readonly perHour?: PerHour;
  /** When actions wait for the end of the quiet hours, and which. Absent: none of this plan does. */
  readonly quietHours?: QuietHours;
  /** In the order they run; each at least one action. */
  readonly stages: readonly PlanStage[];
}

export interface PlanStage {
  readonly stage: number;
  readonly actions: readonly PlanAction[];
}

export interface PlanAction {
  /** Unique in the plan. */
  readonly actionId: string;
  readonly declaration: ActionDeclaration;
  /** Template that gives the target's id, for example `{{incident.subject.id}}`. Empty for target type `none`. */
  readonly target: string;
  /** Parameters; strings may hold templates. */
  readonly parameters: JsonObject;
  /** CEL over incident, event, results, context, user; false settles the action SKIPPED. Null: always. */
  readonly condition: string | null;
  /** `accounts`: one child execution for each account of the incident (`user.id` in templates is that account). */
  readonly forEach: 'accounts' | null;
  readonly onFailure: 'CONTINUE' | 'HALT' | 'COMPENSATE';
  readonly onDenied: 'CONTINUE' | 'HALT';
  readonly retry: { readonly maxRetries: number; readonly backoffMs: number; readonly backoffMultiplier: number };
  /** Longest time of one attempt, in ms. */
  readonly timeoutMs: number;
  /** For waiting actions: how long to wait for the answer, in ms. */
  readonly waitMs: number;
  /** Containment that ends by itself after this time, in ms; null: it stays until undone. */
  readonly ttlMs: number | null;
  /** Every gate that matched, from the playbook itself and from policies. Empty: no approval needed. */
  readonly gates: readonly PlanGate[];
  /** A question to people whose answer is this action's outcome (approved, denied, expired); null for most. */
  readonly question: PlanQuestion | null;
  /** It runs before anybody is asked, for a time. Absent: it does not. */
  readonly provisional?: PlanProvisional;
}

/** The rule of the decision matrix that stands in for a vote: low confidence, high impact, and it can be undone. */
export interface PlanProvisional {
  /** As people call it: impact and confidence, for example `HIGH/LOW`. */
  readonly cell: string;
  readonly matrixVersion: number;
  /** Who is told at once, and may keep it or end it. Sorted. */
  readonly roles: readonly RoleName[];
  /** How long it lasts at most, in ms. */
  readonly ttlMs: number;
}

export interface PlanGate {
  /** `playbook` or the policy's id. */
  readonly source: string;
  readonly version: number;
  readonly gateName: string;
  readonly requirements: readonly Requirement[];
  /** Total of different people. */
  readonly requiredApprovers: number;
  readonly timeoutMs: number;
  readonly fallbackBehavior: 'DENY_ACTION' | 'ESCALATE_TO_HUMAN' | 'ALLOW_ACTION';
  readonly escalationPath: readonly { readonly level: number; readonly delayMs: number; readonly escalateTo: string }[];
  readonly riskLevels: readonly Severity[];
  /** Approving needs the voter's passkey. Absent: it does not. */
  readonly requirePasskey?: true;
  /** Channels over which people are asked. Absent: the usual ones. */
  readonly channels?: readonly string[];
  /** Conditions that answer in place of people, any of each list. Absent: none. */
  readonly automatic?: { readonly approve: readonly string[]; readonly deny: readonly string[] };
  /** Exemptions from this gate that were in force at the start, by id. Absent: none. */
  readonly exemptions?: readonly GateExemption[];
  /** A service outside that is asked beside people. Absent: none. */
  readonly external?: ExternalApprover;
}

/** A service that this installation can ask, by its configured name, and what follows when it does not answer. */
export interface ExternalApprover {
  readonly service: string;
  readonly fallbackBehavior: 'DENY_ACTION' | 'ESCALATE_TO_HUMAN' | 'ALLOW_ACTION';
}

/** Two people have agreed that nobody is asked in certain cases, until a certain time. */
export interface GateExemption {
  readonly id: string;
  readonly proposedBy: string;
  readonly confirmedBy: string;
  /** Canonical ids of all accounts of these two, sorted. */
  readonly accounts: readonly string[];
  /** Business time from which on it says nothing, ms since 1970. */
  readonly expiresAt: number;
  /** Canonical ids of the users that it is about, sorted. Absent: anybody. */
  readonly userIds?: readonly string[];
  /** CEL as in policies. Absent: always. */
  readonly condition?: string;
}

/** `k` different people who hold one of `roles`. Service accounts never count, whatever `human` says. */
export interface Requirement {
  readonly roles: readonly RoleName[];
  readonly k: number;
  readonly human: boolean;
  /** Of a place that is not for people only: the configured services whose answer fills it as well. Absent: none. */
  readonly services?: readonly string[];
  /** Of a role that stands here only these people count, by canonical user id or `oncall:<schedule>`; of the others everybody who has it. */
  readonly users?: { readonly [role in RoleName]?: readonly string[] };
  /** Who counts as well when the request was escalated; of each at most one entry. */
  readonly standIns?: readonly StandIn[];
}

/** A person, whatever their roles, everybody who has a role, or whoever is on call then. */
export interface StandIn {
  readonly who: 'user' | 'role' | 'oncall';
  /** A canonical user id, a role, or the id of a schedule. */
  readonly id: string;
  /** They count once the request was escalated by a step of this delay or a later one, in ms from the request. */
  readonly afterMs: number;
}

export interface PlanQuestion {
  readonly text: string;
  readonly requirements: readonly Requirement[];
  readonly requiredApprovers: number;
  readonly timeoutMs: number;
}
