import { derivedId } from '../../platform/hash.ts';
import type { RecordDraft } from '../../journal/journal.ts';
import type { JsonObject } from '../actions/contract.ts';
import { matchGates, type PolicyInForce } from '../approvals/match-gates.ts';
import type { Event } from '../events/event.ts';
import { incidentValues, type Incident } from '../incidents/incident.ts';
import { bindPlan } from '../playbooks/bind.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { eventValues } from '../playbooks/scope.ts';
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
    incident: values,
    event: event === null ? {} : eventValues(event),
    context,
    // Roles and protection are not known here; a condition that needs them is undecided and asks a person.
    user: { id: user },
    accounts: incident.accounts,
  };
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

/** The execution of a playbook for an incident, bound to the policies in force. Pure. */
export function newExecution(playbook: ActivePlaybook, policies: readonly PolicyInForce[], cause: Cause): NewExecution {
  const { journalId, incident, snapshot, requester, trace, generation = 1 } = cause;
  const { incident: values, event, context, user } = snapshot;
  const plan = bindPlan(playbook.compiled, {
    playbookId: playbook.playbookId,
    playbookVersion: playbook.version,
    riskLevel: incident.severity,
    policyGates: (query) => matchGates(policies, query, { incident: values, event, context, user, results: {} }),
  });
  return {
    plan,
    trace,
    start: {
      executionId: executionId(journalId, incident.id, playbook.playbookId, generation),
      journalId,
      riskLevel: incident.severity,
      requester,
      authorIds: playbook.authorIds,
      snapshot,
      parent: null,
    },
  };
}
