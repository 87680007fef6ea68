import { derivedId } from '../../platform/hash.ts';
import type { Finding, FindingChange } from '../detections/detector.ts';
import type { Event, Subject } from '../events/event.ts';
import { canonicalIdentity } from '../events/text.ts';
import type { Severity } from '../vocabulary.ts';

/** Findings that no detector makes: alerts of other systems, and events that contradict what was stored. Pure. */

/** Confidence in an alert that says nothing of its own: the other system decided to tell us. */
const ALERT_CONFIDENCE = 70;
/** Confidence that a changed event is an attack: mostly it is a source that re-sends enriched copies. */
const CONFLICT_CONFIDENCE = 40;

/** The rule that stands in findings of alerts. */
export const ALERT_RULE = 'alert';

/** An alert opens an incident without a detector. A missing severity is LOW, as the seeds read it. */
export function alertFinding(event: Event): FindingChange {
  const explanation = `${event.source} raised the alert ${event.action}${event.reason === undefined ? '' : `: ${event.reason}`}.`;
  return opened(ALERT_RULE, event, event.severity ?? 'LOW', ALERT_CONFIDENCE, explanation);
}

/** The same id with other bytes: a known id must not suppress a real event, so it is kept, and said. */
export function conflictFinding(event: Event, knownId: string): FindingChange {
  const explanation = `${event.source} delivered the event ${knownId} a second time with other content; both are kept.`;
  return opened('event-conflict', event, 'LOW', CONFLICT_CONFIDENCE, explanation);
}

function opened(
  ruleId: string,
  event: Event,
  severity: Severity,
  confidence: number,
  explanation: string,
): FindingChange {
  const subject: Subject = event.subject ?? { type: 'vendor', id: event.source };
  const finding: Finding = {
    id: derivedId('fnd', ruleId, event.source, event.id),
    ruleId,
    key: `${subject.type}:${subject.id}`,
    anchor: event.id,
    type: 'CUSTOM',
    subject,
    accounts: [],
    severity,
    confidence,
    techniques: [],
    evidence: [{ source: event.source, eventId: event.id }],
    evidenceCount: 1,
    firstTime: event.time,
    lastTime: event.time,
    explanation,
    details: {
      ...(event.ip === null ? {} : { sourceIp: event.ip }),
      ...named('hostId', event.attributes['host_id']),
      ...named('segmentId', event.attributes['segment_id']),
    },
    superseded: false,
  };
  return { change: 'opened', finding };
}

/** The host or the segment that an alert names, in canonical form. */
function named(member: 'hostId' | 'segmentId', value: unknown): { readonly [name: string]: string } {
  const id = typeof value === 'string' ? canonicalIdentity(value) : null;
  return id === null ? {} : { [member]: id };
}
