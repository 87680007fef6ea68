import type { JsonObject } from '../../platform/canonical-json.ts';
import type { Finding } from '../detections/detector.ts';
import type { Subject } from '../events/event.ts';
import { severityRank, type PlaybookType, type Severity } from '../vocabulary.ts';
import { DECIDE_BY_DEFAULT, type Decide, type Decision, type System } from './decide.ts';
import { higherSeverity } from './severity.ts';

export const INCIDENT_STATUSES = ['OPEN', 'CONTAINED', 'RESOLVED', 'FALSE_POSITIVE'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** Findings about the same subject join one incident while they lie within this time of each other, in ms. */
export const INCIDENT_WINDOW_MS = 24 * 3_600_000;
/** Accounts kept with an incident: a fan-out cannot take more. */
const MAX_ACCOUNTS = 2_000;
/** Hosts and segments kept with an incident; the first ones by name. */
const MAX_SYSTEMS = 200;
/** Source addresses kept with an incident; the first ones by name. */
const MAX_SOURCE_IPS = 100;
/** Findings kept with an incident: the gravest of each rule, and of the others the gravest. */
const MAX_FINDINGS = 200;
/** Entries of the timeline; the newest ones. */
const MAX_TIMELINE = 200;

export interface IncidentFinding {
  readonly id: string;
  readonly ruleId: string;
  readonly type: PlaybookType;
  readonly severity: Severity;
  readonly confidence: number;
  readonly techniques: readonly string[];
  readonly explanation: string;
  readonly firstTime: number;
  readonly lastTime: number;
  readonly evidenceCount: number;
  readonly superseded: boolean;
}

/** One or more findings about the same subject, and what became of them. Plain data: the body of its view. */
export interface Incident {
  readonly id: string;
  readonly source: 'DETECTION' | 'ALERT' | 'MANUAL';
  readonly type: PlaybookType;
  readonly subject: Subject;
  /** Canonical ids, sorted. */
  readonly accounts: readonly string[];
  readonly sourceIps: readonly string[];
  /** Hosts and segments that the evidence names, sorted. Absent: none, or it was opened before they were kept. */
  readonly systems?: readonly System[];
  readonly severity: Severity;
  readonly confidence: number;
  readonly impact: Severity;
  /** What the matrix in force said, and why. Absent: it was opened before there was one. */
  readonly decision?: Decision;
  readonly status: IncidentStatus;
  readonly summary: string;
  readonly findings: readonly IncidentFinding[];
  /** Numbers of the gravest finding (`attempts`, `distanceKm` ...), for conditions. */
  readonly details: JsonObject;
  /** Event time of the first and the newest evidence. */
  readonly firstTime: number;
  readonly lastTime: number;
  /** When the first evidence reached us: time to contain counts from here. */
  readonly firstReceivedAt: number;
  readonly openedAt: number;
  readonly acknowledgedAt: number | null;
  readonly triagedAt: number | null;
  readonly containedAt: number | null;
  readonly resolvedAt: number | null;
  /** Why it was closed. */
  readonly reason: string | null;
  readonly executions: readonly { readonly id: string; readonly playbookId: string; readonly status: string | null }[];
  readonly timeline: readonly { readonly at: number; readonly what: string }[];
  /**
   * New findings about its subject join it. Not so for one that was started by hand, nor for one that lies too far
   * back: both stay open for people and leave the subject's place to another.
   */
  readonly correlates: boolean;
}

export function isOpen(incident: Incident): boolean {
  return incident.status === 'OPEN' || incident.status === 'CONTAINED';
}

/** Only one incident may be open for a subject; this names the place it holds. */
export function openKey(subject: Subject): string {
  return `${subject.type}:${subject.id}`;
}

/** Whether findings from `firstTime` to `lastTime` belong to the incident. */
export function belongsTo(incident: Incident, firstTime: number, lastTime: number): boolean {
  return firstTime <= incident.lastTime + INCIDENT_WINDOW_MS && lastTime >= incident.firstTime - INCIDENT_WINDOW_MS;
}

/** A new incident from its first findings. `receivedAt` is when their newest events arrived. */
export function openIncident(
  id: string,
  subject: Subject,
  source: Incident['source'],
  findings: readonly Finding[],
  receivedAt: number,
  at: number,
  decide: Decide = DECIDE_BY_DEFAULT,
): Incident {
  const empty: Incident = {
    id,
    source,
    type: 'CUSTOM',
    subject,
    accounts: [],
    sourceIps: [],
    severity: 'LOW',
    confidence: 0,
    impact: 'MEDIUM',
    status: 'OPEN',
    summary: '',
    findings: [],
    details: {},
    firstTime: Math.min(...findings.map(({ firstTime }) => firstTime), at),
    lastTime: Math.max(...findings.map(({ lastTime }) => lastTime), 0),
    firstReceivedAt: receivedAt,
    openedAt: at,
    acknowledgedAt: null,
    triagedAt: null,
    containedAt: null,
    resolvedAt: null,
    reason: null,
    executions: [],
    timeline: [],
    correlates: true,
  };
  return withFindings(empty, findings, at, decide);
}

/**
 * The incident with new or changed findings. A function of the *set* of findings: severity, type, summary and
 * details follow from all that still stand, in an order of their own, so that arrival leaves no trace in them.
 */
export function withFindings(
  incident: Incident,
  changed: readonly Finding[],
  at: number,
  decide: Decide = DECIDE_BY_DEFAULT,
): Incident {
  const findings = mergeFindings(incident.findings, changed);
  const standing = findings.filter((finding) => !finding.superseded);
  const gravest = gravestOf(findings);
  const details = changed.find((finding) => finding.id === gravest?.id)?.details;
  // What fell takes its numbers with it; what is graver now was found earlier (`withDetails` reads its own again).
  const isOther = gravest !== null && gravest.id !== gravestOf(incident.findings)?.id;
  const confidence = Math.max(0, ...standing.map((finding) => finding.confidence));
  const live = changed.filter((finding) => !finding.superseded);
  const accounts = sortedUnion(incident.accounts, live.flatMap(accountsOf), MAX_ACCOUNTS);
  const systems = systemsWith(incident.systems ?? [], live);
  const facts = { subject: incident.subject, accounts, systems, confidence };
  // Of one that nobody has judged yet the impact is a place-holder.
  const floor = incident.findings.length === 0 ? null : incident.impact;
  const decision = decide(facts, { decision: incident.decision ?? null, floor });
  return {
    ...incident,
    findings,
    type: gravest?.type ?? incident.type,
    severity: gravest === null ? incident.severity : higherSeverity(gravest.severity, decision.severity),
    confidence,
    impact: decision.impact,
    decision,
    summary: gravest?.explanation ?? incident.summary,
    details: asJson(details ?? (isOther ? {} : incident.details)),
    accounts,
    ...(systems.length === 0 ? {} : { systems }),
    sourceIps: sortedUnion(incident.sourceIps, live.flatMap(addressesOf), MAX_SOURCE_IPS),
    firstTime: Math.min(incident.firstTime, ...live.map((finding) => finding.firstTime)),
    lastTime: Math.max(incident.lastTime, ...live.map((finding) => finding.lastTime)),
    timeline: withTimeline(
      incident.timeline,
      at,
      changed.map((finding) => (finding.superseded ? `superseded: ${finding.explanation}` : finding.explanation)),
    ),
  };
}

/** The gravest finding that stands. */
export function gravestOf(findings: readonly IncidentFinding[]): IncidentFinding | null {
  const [gravest = null] = findings.filter(({ superseded }) => !superseded).sort(gravestFirst);
  return gravest;
}

export function withTimeline(
  timeline: Incident['timeline'],
  at: number,
  entries: readonly string[],
): Incident['timeline'] {
  return [...timeline, ...entries.map((what) => ({ at, what }))].slice(-MAX_TIMELINE);
}

/** What conditions and templates may read of an incident. */
export function incidentValues(
  incident: Incident,
): JsonObject & { readonly id: string; readonly subject: { readonly type: string; readonly id: string } } {
  const { id, type, severity, confidence, impact, subject, accounts, sourceIps, details, findings } = incident;
  return {
    accounts,
    confidence,
    details,
    findingCount: findings.length,
    id,
    impact,
    severity,
    sourceIps,
    subject: { id: subject.id, type: subject.type },
    type,
  };
}

function mergeFindings(known: readonly IncidentFinding[], changed: readonly Finding[]): IncidentFinding[] {
  const byId = new Map(known.map((finding) => [finding.id, finding]));
  for (const finding of changed) byId.set(finding.id, summaryOf(finding));
  return lasting([...byId.values()]).toSorted(byTime);
}

/** Anybody can cause findings by the hundred: they must not push out what is graver, or what another playbook answers to. */
function lasting(findings: readonly IncidentFinding[]): readonly IncidentFinding[] {
  if (findings.length <= MAX_FINDINGS) return findings;
  const sorted = findings.toSorted(gravestFirst);
  const ofRule = new Map(sorted.toReversed().map((finding) => [finding.ruleId, finding]));
  const others = sorted.filter((finding) => ofRule.get(finding.ruleId) !== finding);
  return [...[...ofRule.values()].sort(gravestFirst), ...others].slice(0, MAX_FINDINGS);
}

function summaryOf(finding: Finding): IncidentFinding {
  const {
    id,
    ruleId,
    type,
    severity,
    confidence,
    techniques,
    explanation,
    firstTime,
    lastTime,
    evidenceCount,
    superseded,
  } = finding;
  return {
    id,
    ruleId,
    type,
    severity,
    confidence,
    techniques,
    explanation,
    firstTime,
    lastTime,
    evidenceCount,
    superseded,
  };
}

function byTime(left: IncidentFinding, right: IncidentFinding): number {
  return left.firstTime - right.firstTime || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}

/** By severity, then confidence, then the earlier one; what fell comes last. */
function gravestFirst(left: IncidentFinding, right: IncidentFinding): number {
  return (
    Number(left.superseded) - Number(right.superseded) ||
    severityRank(right.severity) - severityRank(left.severity) ||
    right.confidence - left.confidence ||
    byTime(left, right)
  );
}

function accountsOf(finding: Finding): readonly string[] {
  return [finding.subject, ...finding.accounts].filter(({ type }) => type === 'user').map(({ id }) => id);
}

function addressesOf(finding: Finding): readonly string[] {
  const { sourceIp, sourceIps } = finding.details;
  const own = finding.subject.type === 'ip' ? [finding.subject.id] : [];
  return [
    ...own,
    ...(typeof sourceIp === 'string' ? [sourceIp] : []),
    ...(Array.isArray(sourceIps) ? sourceIps.filter((ip) => typeof ip === 'string') : []),
  ];
}

function systemsWith(known: readonly System[], findings: readonly Finding[]): readonly System[] {
  const systems = new Map(known.map((each) => [`${each.type}:${each.id}`, each]));
  for (const { subject, details } of findings) {
    const { hostId, segmentId } = details;
    const named = [
      ...(subject.type === 'host' || subject.type === 'segment' ? [{ type: subject.type, id: subject.id }] : []),
      ...(typeof hostId === 'string' ? [{ type: 'host' as const, id: hostId }] : []),
      ...(typeof segmentId === 'string' ? [{ type: 'segment' as const, id: segmentId }] : []),
    ];
    for (const each of named) systems.set(`${each.type}:${each.id}`, each);
  }
  const sorted = [...systems].sort(([left], [right]) => (left < right ? -1 : 1));
  return sorted.slice(0, MAX_SYSTEMS).map(([, system]) => system);
}

function sortedUnion(left: readonly string[], right: readonly string[], most: number): readonly string[] {
  return [...new Set([...left, ...right])].sort().slice(0, most);
}

function asJson(details: Finding['details'] | JsonObject): JsonObject {
  // Details are strings, integers, booleans and lists of strings by their type, which is JSON.
  return details as JsonObject;
}
