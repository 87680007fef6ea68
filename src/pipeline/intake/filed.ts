import { z } from 'zod';
import type { JournalReader } from '../../journal/journal.ts';
import type { FindingChange } from '../detections/detector.ts';
import type { StoredIncident } from '../incidents/incident-change.ts';
import { gravestOf } from '../incidents/incident.ts';
import { storedFrom } from '../incidents/incidents.service.ts';
import type { IncidentStep } from './correlate.ts';

/** What of a finding's view says where it went. */
const FILED = z.looseObject({ incidentId: z.string() });
/** And what its numbers are. */
const FOUND = z.looseObject({ details: z.record(z.string(), z.json()) });

/** The incidents, as they are now, that the findings went to when they were found, by the id of the finding. */
export async function filedIncidents(
  journal: Pick<JournalReader, 'view'>,
  changes: readonly FindingChange[],
): Promise<ReadonlyMap<string, StoredIncident>> {
  const filed = new Map<string, StoredIncident>();
  for (const { finding } of changes) {
    const view = await journal.view('finding', finding.id);
    if (view === null) continue;
    const incident = await journal.view('incident', FILED.parse(view.body).incidentId);
    if (incident !== null) filed.set(finding.id, storedFrom(incident));
  }
  return filed;
}

/** The step with the numbers of the finding that is the gravest now: an incident does not keep those of the others. */
export async function withDetails(journal: Pick<JournalReader, 'view'>, step: IncidentStep): Promise<IncidentStep> {
  const { before, incident, findings } = step;
  const gravest = gravestOf(incident.findings);
  if (before === null || gravest === null || gravest.id === gravestOf(before.incident.findings)?.id) return step;
  if (findings.some(({ id }) => id === gravest.id)) return step;
  const view = await journal.view('finding', gravest.id);
  if (view === null) return step;
  return { ...step, incident: { ...incident, details: FOUND.parse(view.body).details } };
}
