import { canonicalJson } from '../../platform/canonical-json.ts';
import { derivedId } from '../../platform/hash.ts';
import type { JournalReader, RecordDraft } from '../../journal/journal.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Governance } from '../approvals/governance.ts';
import { matrixTermsOf, underMatrix } from '../approvals/matrix-gate.ts';
import { matchGates } from '../approvals/match-gates.ts';
import type { Event } from '../events/event.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import { incidentValues, type Incident } from '../incidents/incident.ts';
import { bindPlan } from '../playbooks/bind.ts';
import type { Plan } from '../playbooks/plan.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { eventValues, type ExpressionValues } from '../playbooks/scope.ts';
import type { Requester, Snapshot } from './core/inputs.ts';
import type { NewExecution } from './runner.ts';

/** An execution's id follows from its cause, so that the same cause never starts a second one. */
export function executionId(journalId: string, incidentId: string, playbookId: string, generation = 1): string {
  return derivedId('exe', journalId, incidentId, playbookId, String(generation));
}

/** What conditions and templates may read: taken when the execution starts, and never looked up again. */
export function snapshotOf(incident: Incident, event: Event | null, context: JsonObject): Snapshot {
  const values = incidentValues(incident);
  const user = incident.subject.type === 'user' ? incident.subject.id : (incident.accounts[0] ?? '');
  return {
    accounts: incident.accounts,
    context,
    event: event === null ? {} : eventValues(event),
    incident: values,
    // Roles and protection are not known here; a condition that needs them is undecided and asks a person.
    user: { id: user },
  };
}

/** What conditions would read if an execution started for the incident now, without an event; null when there is none. */
export async function valuesOfIncident(
  journal: Pick<JournalReader, 'view'>,
  incidentId: string,
): Promise<ExpressionValues | null> {
  const view = await journal.view('incident', incidentId);
  if (view === null) return null;
  const { incident, event, context, user } = snapshotOf(incidentOf(view).incident, null, {});
  return { incident, event, context, user, results: {} };
}

export interface Cause {
  readonly journalId: string;
  readonly incident: Incident;
  readonly snapshot: Snapshot;
  readonly requester: Requester;
  readonly trace: RecordDraft['trace'];
  /** 1 for the first execution of the playbook for the incident; follow-ups count on. */
  readonly generation?: number;
}

/**
 * Plans by what they depend on where no policy looks at the incident: there are few, and many executions of each. The
 * arguments are immutable, so the same ones always give the same plan.
 */
const PLANS = new WeakMap<Governance, WeakMap<ActivePlaybook, Map<string, Plan>>>();

function planFor(playbook: ActivePlaybook, governance: Governance, cause: Cause): Plan {
  const looksAtIncident = governance.policies.some(({ policy }) =>
    policy.policyGates.some(({ triggers }) => triggers.condition !== undefined),
  );
  if (looksAtIncident) return boundPlan(playbook, governance, cause);
  const ofGovernance = PLANS.get(governance) ?? new WeakMap<ActivePlaybook, Map<string, Plan>>();
  PLANS.set(governance, ofGovernance);
  const ofPlaybook = ofGovernance.get(playbook) ?? new Map<string, Plan>();
  ofGovernance.set(playbook, ofPlaybook);
  const { severity, decision } = cause.incident;
  // 16 cells at most for each version of the matrix, and governance is another object with the next version.
  const key = canonicalJson([severity, matrixTermsOf(decision)]);
  const plan = ofPlaybook.get(key) ?? boundPlan(playbook, governance, cause);
  ofPlaybook.set(key, plan);
  return plan;
}

function boundPlan(playbook: ActivePlaybook, governance: Governance, cause: Cause): Plan {
  const { policies, protectedIdentities, perHour, exemptions, quietHours = null } = governance;
  const { incident: values, event, context, user } = cause.snapshot;
  const terms = matrixTermsOf(cause.incident.decision);
  return bindPlan(playbook.compiled, {
    playbookId: playbook.playbookId,
    playbookVersion: playbook.version,
    riskLevel: cause.incident.severity,
    protectedIdentities,
    perHour,
    quietHours,
    underMatrix: (gates, declaration) => underMatrix(gates, declaration, terms),
    policyGates: (query) =>
      matchGates(policies, query, { incident: values, event, context, user, results: {} }, exemptions),
  });
}

/** The execution of a playbook for an incident, bound to what is in force. Pure. */
export function newExecution(playbook: ActivePlaybook, governance: Governance, cause: Cause): NewExecution {
  const { journalId, incident, snapshot, requester, trace, generation = 1 } = cause;
  const plan = planFor(playbook, governance, cause);
  return {
    plan,
    trace,
    ...(governance.onCall === undefined ? {} : { onCall: governance.onCall }),
    start: {
      authorIds: playbook.authorIds,
      executionId: executionId(journalId, incident.id, playbook.playbookId, generation),
      journalId,
      parent: null,
      requester,
      riskLevel: incident.severity,
      snapshot,
    },
  };
}
