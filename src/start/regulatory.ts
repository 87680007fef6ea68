import { z } from 'zod';
import { announcingDesk } from '../pipeline/deadlines/announcing-desk.ts';
import type { RecordedSubmission } from '../pipeline/deadlines/drafts/drafts.service.ts';
import type { CallContext } from '../pipeline/access/principal.ts';
import { openDeadlines, type DeadlineRoomPorts } from './deadlines.ts';
import { openRegulatoryContacts, type RegulatoryContactPorts } from './regulatory-contacts.ts';

/** Pieces of evidence that a draft names: the newest ones; an authority asks for the rest. */
const MAX_EVIDENCE_NAMED = 200;
const EVIDENCE_ROW = z.looseObject({
  identity: z.looseObject({ name: z.string() }),
  integrity: z.looseObject({ sha256: z.string() }).nullable(),
});
const CLOCK_ROW = z.looseObject({
  basis: z.looseObject({ rule: z.looseObject({ stages: z.array(z.looseObject({ id: z.string() })).min(1) }) }),
});

export type RegulatoryPorts = Omit<DeadlineRoomPorts, 'hasEvidence' | 'onStarted'> &
  Omit<RegulatoryContactPorts, 'evidenceOf' | 'hasEvidence' | 'submissionRecorded'>;

/** Clocks, drafts and contacts together: what runbooks ask, what a courier asks, and the API's verbs. */
export function openRegulatory(ports: RegulatoryPorts) {
  const { journal, clock } = ports;
  const hasEvidence = async (id: string): Promise<boolean> => (await journal.view('evidence', id)) !== null;
  const deadlines = openDeadlines({ ...ports, hasEvidence });

  async function evidenceOf(incidentId: string) {
    const query = { kind: 'evidence', parent: incidentId, limit: MAX_EVIDENCE_NAMED, skip: 0 } as const;
    return (await journal.longReads.listViews(query)).items.map(({ id, body }) => {
      const { identity, integrity } = EVIDENCE_ROW.parse(body);
      return { id, name: identity.name, sha256: integrity?.sha256 ?? null };
    });
  }

  /** A draft that names no stage is about the first one. */
  async function submissionRecorded(ctx: CallContext, { deadlineId, stage, submission }: RecordedSubmission) {
    const { reference, evidenceId, person, note, submittedAt: at } = submission;
    const first = CLOCK_ROW.parse((await journal.view('deadline', deadlineId))?.body).basis.rule.stages[0]?.id ?? '';
    const given = { stage: stage ?? first, at, reference, evidenceId, person, note };
    return deadlines.services.deadlines.submit(ctx, { id: deadlineId, ...given });
  }

  const contacts = openRegulatoryContacts({ ...ports, evidenceOf, hasEvidence, submissionRecorded });
  const { announce, isAnnounced, contactFor } = contacts;
  return {
    desk: announcingDesk({ clocks: deadlines.desk, journal, clock, announce, isAnnounced }),
    contactFor,
    beside: deadlines.beside,
    services: { ...contacts.services, ...deadlines.services },
  };
}
