import type { Finding, FindingChange } from '../detections/detector.ts';
import type { StoredIncident } from '../incidents/incident-change.ts';
import type { Incident } from '../incidents/incident.ts';
import { severityRank } from '../vocabulary.ts';

/**
 * Leaves out what a person has called a false positive: a finding that was part of that incident, is no graver than
 * it was then and concerns nobody else. More of the same evidence must not set the playbooks on the same people
 * again; anything new about it must.
 *
 * @param filed the incident that each known finding went to.
 */
export function withoutCleared(
  changes: readonly FindingChange[],
  filed: ReadonlyMap<string, StoredIncident>,
): readonly FindingChange[] {
  return changes.filter(({ finding }) => {
    const incident = filed.get(finding.id)?.incident;
    return incident?.status !== 'FALSE_POSITIVE' || saysMore(finding, incident);
  });
}

function saysMore(finding: Finding, incident: Incident): boolean {
  const then = incident.findings.find(({ id }) => id === finding.id);
  if (then === undefined || severityRank(finding.severity) > severityRank(then.severity)) return true;
  const accounts = [finding.subject, ...finding.accounts].filter(({ type }) => type === 'user');
  return accounts.some(({ id }) => !incident.accounts.includes(id));
}
