import type { Plan } from '../playbooks/plan.ts';
import type { NewExecution } from './runner.ts';
import { executionId, type Cause } from './start.ts';

/** An alert whose severity no runbook maps: an execution that says so, and does nothing. */

/** Stands where the id of a playbook would. */
export const UNMAPPED = 'runbook.no_mapping';
/** Why nothing was done, in the runbooks' own words. */
export const NO_MAPPING = 'no_mapping';

/** Never used up: there is nothing to run. One second, in ms. */
const TIMEOUT_MS = 1_000;

const PLAN: Plan = {
  planVersion: 1,
  playbookId: UNMAPPED,
  playbookVersion: 1,
  name: 'No runbook maps this severity',
  playbookType: 'RUNBOOK',
  executionTimeoutMs: TIMEOUT_MS,
  stages: [],
};

/** The execution: with no stage to run it ends as SKIPPED in the step that starts it. */
export function unmappedExecution({ journalId, incident, snapshot, requester, trace }: Cause): NewExecution {
  return {
    plan: PLAN,
    trace,
    start: {
      authorIds: [],
      executionId: executionId(journalId, incident.id, UNMAPPED),
      journalId,
      parent: null,
      requester,
      riskLevel: incident.severity,
      snapshot,
    },
  };
}

export function isUnmapped({ playbookId, stages }: Plan): boolean {
  return playbookId === UNMAPPED && stages.length === 0;
}
