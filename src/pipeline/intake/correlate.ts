import type { Finding, FindingChange } from '../detections/detector.ts';
import {
  belongsTo,
  INCIDENT_WINDOW_MS,
  isOpen,
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

/** What is there before a batch. */
export interface KnownIncidents {
  /** The open incident that has the place of its subject, by `openKey`. */
  readonly open: ReadonlyMap<string, StoredIncident>;
  /** The incident that each known finding went to, by the id of the finding. */
  readonly filed: ReadonlyMap<string, StoredIncident>;
}

/**
 * Joins findings about the same subject to the incident that is open for it, or opens one. Findings that lie further
 * apart than an incident reaches never share one, whether they came in one batch or in many. What an open incident has
 * taken stays with it, and so does what lies near it, also when a newer one has the subject's place. Pure.
 *
 * @param incidentIdOf the id of an incident that the finding opens; one that is not taken.
 * @param receivedAt when the evidence of this batch arrived, ms since 1970.
 * @param decide the matrix and the inventory in force.
 */
export function correlate(
  changes: readonly FindingChange[],
  known: KnownIncidents,
  incidentIdOf: (finding: Finding) => string,
  receivedAt: number,
  decide: Decide = DECIDE_BY_DEFAULT,
): Correlation {
  const filing: Filing = { incidentIdOf, receivedAt, decide };
  const parts = bySubject(changes).map((subject) => ofSubject(subject, known, filing));
  return { steps: parts.flatMap(({ steps }) => steps), outdated: parts.flatMap(({ outdated }) => outdated) };
}

interface Filing {
  incidentIdOf(finding: Finding): string;
  readonly receivedAt: number;
  readonly decide: Decide;
}

/** What the findings of a subject do: to the incidents that have taken them, or lie near; to the one that has its place; and new ones. */
function ofSubject(
  [key, findings]: readonly [string, readonly Finding[]],
  { open, filed }: KnownIncidents,
  filing: Filing,
): Correlation {
  const before = open.get(key) ?? null;
  const { here, elsewhere } = byHome(findings, key, before, filed);
  const earlier = elsewhere.map(([stored, own]) => grown(stored, own, filing));
  const joins = (group: readonly Finding[]): boolean =>
    before !== null && (group.some((finding) => isIn(before, finding, filed)) || reaches(before.incident, group));
  const nearOf = (group: readonly Finding[]): IncidentStep | undefined =>
    earlier.find(({ incident }) => reaches(incident, group));
  const groups = apart(here);
  const others = groups.filter((group) => !joins(group));
  const near = earlier.map((step) => more(step, others.filter((group) => nearOf(group) === step).flat(), filing));
  const opened = others.filter((group) => nearOf(group) === undefined).map((group) => newIncident(group, filing));
  const { steps, outdated } = inPlace(before, groups.filter(joins).flat(), opened, filing);
  return { steps: [...near, ...steps], outdated };
}

/** Only the newest incident of a subject can take more: it has the subject's place. */
function inPlace(
  before: StoredIncident | null,
  joining: readonly Finding[],
  opened: readonly IncidentStep[],
  filing: Filing,
): Correlation {
  const newest = opened.at(-1);
  const displaces = newest !== undefined && (before === null || newest.incident.firstTime > before.incident.lastTime);
  const joined = before === null || joining.length === 0 ? [] : [grown(before, joining, filing)];
  return {
    steps: [
      ...joined.map((step) => (displaces ? correlating(step, false) : step)),
      ...opened.map((step) => correlating(step, displaces && step === newest)),
    ],
    outdated: before !== null && joining.length === 0 && displaces ? [before] : [],
  };
}

function correlating({ incident, ...step }: IncidentStep, correlates: boolean): IncidentStep {
  return { ...step, incident: { ...incident, correlates } };
}

function grown(before: StoredIncident, findings: readonly Finding[], filing: Filing): IncidentStep {
  return more({ before, incident: before.incident, findings: [] }, findings, filing);
}

function more(step: IncidentStep, findings: readonly Finding[], { receivedAt, decide }: Filing): IncidentStep {
  if (findings.length === 0) return step;
  const incident = withFindings(step.incident, findings, receivedAt, decide);
  return { ...step, incident, findings: [...step.findings, ...findings] };
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

function bySubject(changes: readonly FindingChange[]): readonly (readonly [string, readonly Finding[]])[] {
  const groups = new Map<string, Finding[]>();
  for (const { finding } of changes) {
    const key = openKey(finding.subject);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * The findings of a subject that other open incidents of it have taken, oldest incident first, and the rest. One that
 * lost its ground can only be taken back where it stands.
 */
function byHome(
  findings: readonly Finding[],
  key: string,
  before: StoredIncident | null,
  filed: KnownIncidents['filed'],
): { readonly here: readonly Finding[]; readonly elsewhere: readonly (readonly [StoredIncident, Finding[]])[] } {
  const here: Finding[] = [];
  const elsewhere = new Map<string, [StoredIncident, Finding[]]>();
  for (const finding of findings) {
    const home = filed.get(finding.id);
    if (home === undefined || !isOpen(home.incident) || openKey(home.incident.subject) !== key) {
      if (!finding.superseded) here.push(finding);
    } else if (before !== null && isIn(before, finding, filed)) {
      here.push(finding);
    } else {
      const [, own] = elsewhere.get(home.incident.id) ?? [home, []];
      elsewhere.set(home.incident.id, [home, [...own, finding]]);
    }
  }
  return { here, elsewhere: [...elsewhere.values()].sort(([left], [right]) => byTime(left.incident, right.incident)) };
}

function isIn({ incident }: StoredIncident, { id }: Finding, filed: KnownIncidents['filed']): boolean {
  return filed.get(id)?.incident.id === incident.id;
}

function reaches(incident: Incident, findings: readonly Finding[]): boolean {
  return findings.some(({ firstTime, lastTime }) => belongsTo(incident, firstTime, lastTime));
}

function newIncident(findings: readonly Finding[], { incidentIdOf, receivedAt, decide }: Filing): IncidentStep {
  const [first] = findings;
  if (first === undefined) throw new Error('invariant broken: an incident without findings');
  const source = first.ruleId === ALERT_RULE ? 'ALERT' : 'DETECTION';
  const incident = openIncident(incidentIdOf(first), first.subject, source, findings, receivedAt, receivedAt, decide);
  return { before: null, incident, findings };
}

function byTime(left: Finding | Incident, right: Finding | Incident): number {
  return left.firstTime - right.firstTime || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}
