import type { Finding, FindingChange } from '../detections/detector.ts';
import {
  belongsTo,
  INCIDENT_WINDOW_MS,
  openIncident,
  openKey,
  withFindings,
  type Incident,
} from '../incidents/incident.ts';
import { DECIDE_BY_DEFAULT, type Decide } from '../incidents/decide.ts';
import type { StoredIncident } from '../incidents/incident-change.ts';
import { ALERT_RULE } from './own-findings.ts';

/** What a batch does to one incident. */
export interface IncidentStep {
  readonly before: StoredIncident | null;
  readonly incident: Incident;
  readonly findings: readonly Finding[];
}

export interface Correlation {
  /** Sorted by the subject; those of one subject by time. */
  readonly steps: readonly IncidentStep[];
  /** Incidents that stay open but lie too far back to take more: their place is free again. */
  readonly outdated: readonly StoredIncident[];
}

/**
 * Joins findings about the same subject to the incident that is open for it, or opens one. Findings that lie further
 * apart than an incident reaches never share one, whether they came in one batch or in many. Pure.
 *
 * @param open the open incident of each subject, by `openKey`.
 * @param incidentIdOf the id of an incident that the finding opens; one that is not taken.
 * @param receivedAt when the evidence of this batch arrived, ms since 1970.
 * @param decide the matrix and the inventory in force.
 */
export function correlate(
  changes: readonly FindingChange[],
  open: ReadonlyMap<string, StoredIncident>,
  incidentIdOf: (finding: Finding) => string,
  receivedAt: number,
  decide: Decide = DECIDE_BY_DEFAULT,
): Correlation {
  const steps: IncidentStep[] = [];
  const outdated: StoredIncident[] = [];
  for (const [key, findings] of bySubject(changes)) {
    const before = open.get(key) ?? null;
    const standing = findings.filter((finding) => !finding.superseded || isKnown(before, finding));
    const groups = apart(standing);
    const joining = groups.filter((group) => before !== null && joins(before, group)).flat();
    const opened = groups
      .filter((group) => before === null || !joins(before, group))
      .map((group) => newIncident(group, incidentIdOf, receivedAt, decide));
    // Only the newest one can take more; it has the subject's place.
    const newest = opened.at(-1);
    const displaces = newest !== undefined && (before === null || newest.incident.firstTime > before.incident.lastTime);
    if (before !== null && joining.length > 0) {
      const joined = withFindings(before.incident, joining, receivedAt, decide);
      const incident = displaces ? { ...joined, correlates: false } : joined;
      steps.push({ before, incident, findings: joining });
    } else if (before !== null && displaces) {
      outdated.push(before);
    }
    for (const step of opened) {
      const correlates = displaces && step === newest;
      steps.push({ ...step, incident: { ...step.incident, correlates } });
    }
  }
  return { steps, outdated };
}

/** Groups that lie further apart than an incident reaches, by time. */
function apart(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups: Finding[][] = [];
  let end = 0;
  for (const finding of [...findings].sort(byTime)) {
    const last = groups.at(-1);
    if (last !== undefined && finding.firstTime <= end + INCIDENT_WINDOW_MS) last.push(finding);
    else groups.push([finding]);
    end = Math.max(end, finding.lastTime);
  }
  return groups;
}

function joins(before: StoredIncident, group: readonly Finding[]): boolean {
  return group.some((finding) => isKnown(before, finding)) || reaches(before.incident, group);
}

function bySubject(changes: readonly FindingChange[]): readonly (readonly [string, readonly Finding[]])[] {
  const groups = new Map<string, Finding[]>();
  for (const { finding } of changes) {
    const key = openKey(finding.subject);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
}

/** A finding that lost its ground can only be taken back where it stands. */
function isKnown(before: StoredIncident | null, finding: Finding): boolean {
  return before?.incident.findings.some(({ id }) => id === finding.id) ?? false;
}

function reaches(incident: Incident, findings: readonly Finding[]): boolean {
  return findings.some(({ firstTime, lastTime }) => belongsTo(incident, firstTime, lastTime));
}

function newIncident(
  findings: readonly Finding[],
  incidentIdOf: (finding: Finding) => string,
  receivedAt: number,
  decide: Decide,
): IncidentStep {
  const [first] = findings;
  if (first === undefined) throw new Error('invariant broken: an incident without findings');
  const source = first.ruleId === ALERT_RULE ? 'ALERT' : 'DETECTION';
  const incident = openIncident(incidentIdOf(first), first.subject, source, findings, receivedAt, receivedAt, decide);
  return { before: null, incident, findings };
}

function byTime(left: Finding, right: Finding): number {
  return left.firstTime - right.firstTime || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}
