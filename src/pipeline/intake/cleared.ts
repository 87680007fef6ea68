import { z } from 'zod';
import type { JournalReader } from '../../journal/journal.ts';
import type { Finding, FindingChange } from '../detections/detector.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import type { Incident } from '../incidents/incident.ts';
import { severityRank } from '../vocabulary.ts';

/** What of a finding's view says where it went. */
const FILED = z.looseObject({ incidentId: z.string() });

/**
 * Leaves out what a person has called a false positive: a finding that was part of that incident, is no graver than
 * it was then and concerns nobody else. More of the same evidence must not set the playbooks on the same people
 * again; anything new about it must.
 */
export async function withoutCleared(
  journal: Pick<JournalReader, 'view'>,
  changes: readonly FindingChange[],
): Promise<readonly FindingChange[]> {
  const kept: FindingChange[] = [];
  for (const change of changes) {
    const incident = await clearedIn(journal, change.finding.id);
    if (incident === null || saysMore(change.finding, incident)) kept.push(change);
  }
  return kept;
}

/** The incident that the finding went to, when a person closed it as a false positive. */
async function clearedIn(journal: Pick<JournalReader, 'view'>, findingId: string): Promise<Incident | null> {
  const filed = await journal.view('finding', findingId);
  if (filed === null) return null;
  const view = await journal.view('incident', FILED.parse(filed.body).incidentId);
  const incident = view === null ? null : incidentOf(view).incident;
  return incident?.status === 'FALSE_POSITIVE' ? incident : null;
}

function saysMore(finding: Finding, incident: Incident): boolean {
  const then = incident.findings.find(({ id }) => id === finding.id);
  if (then === undefined || severityRank(finding.severity) > severityRank(then.severity)) return true;
  const accounts = [finding.subject, ...finding.accounts].filter(({ type }) => type === 'user');
  return accounts.some(({ id }) => !incident.accounts.includes(id));
}
