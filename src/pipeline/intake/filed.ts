import { z } from 'zod';
import type { JournalReader } from '../../journal/journal.ts';
import type { FindingChange } from '../detections/detector.ts';
import type { StoredIncident } from '../incidents/incident-change.ts';
import { storedFrom } from '../incidents/incidents.service.ts';

/** What of a finding's view says where it went. */
const FILED = z.looseObject({ incidentId: z.string() });

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
