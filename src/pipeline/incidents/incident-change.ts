import type { Json } from '../../platform/canonical-json.ts';
import type { Append, RecordDraft, StoredView, View } from '../../journal/journal.ts';
import { isOpen, openKey, type Incident } from './incident.ts';

/** An incident as stored: its body and the versions that a change must expect. */
export interface StoredIncident {
  readonly incident: Incident;
  readonly version: number;
  readonly seq: number;
}

export function incidentStream(incidentId: string): string {
  return `incident/${incidentId}`;
}

/** What the view of an incident holds besides what lists filter by. */
export function incidentOf(view: StoredView): { readonly incident: Incident; readonly seq: number } {
  // Only `incidentWrite` writes these bodies.
  return view.body as unknown as { readonly incident: Incident; readonly seq: number };
}

/** The record and the view of an incident that was opened or changed. The record holds the whole incident. */
export function incidentWrite(
  before: StoredIncident | null,
  incident: Incident,
  record: { readonly type: string; readonly at: number; readonly trace: RecordDraft['trace']; readonly cause: Json },
): { readonly append: Append; readonly view: View } {
  const { type, at, trace, cause } = record;
  const seq = before?.seq ?? 0;
  const { timeline: _timeline, ...lasting } = incident;
  const data = { cause, incident: lasting as unknown as Json }; // plain JSON by its type
  return {
    append: {
      stream: incidentStream(incident.id),
      expectedSeq: seq,
      records: [{ type, v: 1, at, ...(trace === undefined ? {} : { trace }), data }],
    },
    view: {
      kind: 'incident',
      id: incident.id,
      expectedVersion: before?.version ?? 0,
      uniqueKey: isOpen(incident) && incident.correlates ? openKey(incident.subject) : null,
      status: incident.status,
      type: incident.type,
      severity: incident.severity,
      subject: incident.subject.id,
      at: incident.openedAt,
      body: { incident: incident as unknown as Json, seq: seq + 1 },
    },
  };
}
