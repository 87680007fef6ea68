import type { JournalRecord } from '../audit/record.ts';
import type { Severity } from '../vocabulary.ts';
import { short, type Told } from './notice-of.ts';

/** Records of these streams are written by `vendors/escalations.service.ts`. */
interface Raised {
  readonly incidentId: string;
  readonly vendorId: string;
  readonly vendorName: string;
  readonly severity: Severity;
  readonly through: string | null;
  readonly roles: readonly string[];
  readonly userIds: readonly string[];
  readonly told?: number;
  readonly by?: string;
  readonly note?: string;
}

/** What people are told of an incident that touches a vendor; null where a record is no news. */
export function escalationNotice(id: string, { type, data }: Pick<JournalRecord, 'type' | 'data'>): Told | null {
  if (type !== 'escalation.raised' && type !== 'escalation.acknowledged') return null;
  const { incidentId, vendorId, vendorName, severity, through, roles, userIds, told, by, note } =
    data as unknown as Raised;
  const isRaised = type === 'escalation.raised';
  const facts = [
    { label: 'Vendor', value: short(`${vendorName} (${vendorId})`) },
    { label: 'Incident', value: short(incidentId) },
    { label: 'Why', value: short(through === null ? 'the incident is about it' : `${through} hangs on it`) },
    { label: 'Who else is affected', value: short(`GET /api/incidents/${incidentId}/affected`) },
  ];
  const lines = isRaised
    ? ['Look who else hangs on it, and say that you have it; until somebody does the next level is told.', OWN_PEOPLE]
    : [short(note ?? '')];
  return {
    notice: {
      kind: isRaised ? 'vendor.escalated' : 'vendor.acknowledged',
      severity,
      title: isRaised
        ? `An incident touches ${short(vendorName)}: level ${told ?? 1}`
        : `${short(by ?? '')} has the escalation about ${short(vendorName)}`,
      lines,
      facts: isRaised
        ? [...facts, { label: 'To take it', value: `POST /api/vendors/escalations/${id}/acknowledge` }]
        : facts,
      about: { type: 'vendor', id },
      ask: null,
    },
    audience: { who: 'named', roles, userIds },
    channels: null,
  };
}

const OWN_PEOPLE = 'Nothing was sent to the vendor: whoever calls them decides what they are told.';
