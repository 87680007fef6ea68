import type { JsonObject } from '../../platform/canonical-json.ts';
import type { Change, RecordDraft, View } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { Governance } from '../approvals/governance.ts';
import type { Finding } from '../detections/detector.ts';
import type { AcceptedEvent, Event } from '../events/event.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { newsName } from '../executions/change.ts';
import type { Runner } from '../executions/runner.ts';
import { executionId, newExecution, snapshotOf } from '../executions/start.ts';
import { UNMAPPED, unmappedExecution } from '../executions/unmapped.ts';
import { incidentWrite, type StoredIncident } from '../incidents/incident-change.ts';
import type { Incident } from '../incidents/incident.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { severityRank } from '../vocabulary.ts';
import type { IncidentStep } from './correlate.ts';
import { ALERT_RULE } from './own-findings.ts';
import type { RulesInForce } from './rules-in-force.ts';

export interface RespondPorts {
  readonly journal: Pick<JournalReader, 'id' | 'event'>;
  readonly runner: Pick<Runner, 'startChange'>;
  readonly governance: Governance;
  readonly rules: RulesInForce;
}

/** News that an execution of the incident is owed, by name of its queue entry. */
export interface OwedNews {
  readonly execution: string;
  readonly incidentId: string;
  readonly revision: number;
}

export interface Response {
  readonly change: Change;
  readonly news: readonly OwedNews[];
  /** To be called when the change is on disk: lets the effects of what was started begin. */
  started(): void;
}

/** One incident's part of the commit: its record, its findings, the executions it starts, the news for those that run. */
export async function respond(
  ports: RespondPorts,
  { before, incident, findings }: IncidentStep,
  fresh: readonly AcceptedEvent[],
  trace: RecordDraft['trace'],
  now: number,
): Promise<Response> {
  const due = playbooksFor(ports, incident);
  const event = await newestEvidence(ports, findings, fresh);
  const requester = { type: 'engine', id: 'engine' } as const;
  const snapshot = snapshotOf(incident, event, {});
  const cause = { journalId: ports.journal.id, incident, snapshot, requester, trace };
  const executions = [
    ...due.map((playbook) => newExecution(playbook, ports.governance, cause)),
    ...(isUnmapped(ports, incident) ? [unmappedExecution(cause)] : []),
  ];
  const starts = executions.map((execution) => ({ execution, started: ports.runner.startChange(execution) }));
  const begun = executions.map(({ plan: { playbookId }, start }) => ({
    id: start.executionId,
    playbookId,
    status: 'INITIATED',
  }));
  const grown = { ...incident, executions: [...incident.executions, ...begun] };
  const why = { findings: findings.map(({ id, superseded }) => ({ id, superseded })) };
  const { append, view } = incidentWrite(before, grown, {
    type: before === null ? 'incident.opened' : 'incident.updated',
    at: now,
    trace,
    cause: why,
  });
  const revision = append.expectedSeq + 1;
  const news = incident.executions.map(({ id }) => ({ execution: id, incidentId: incident.id, revision }));
  const effects = news.map(({ execution }) => ({
    execution,
    name: newsName(revision),
    body: { incidentId: incident.id },
  }));
  const views = [view, ...findings.map((finding) => findingView(finding, incident.id))];
  return {
    change: mergeChanges([{ appends: [append], views, effects }, ...starts.map(({ started }) => started.change)]),
    news,
    started() {
      for (const { started } of starts) started.started();
    },
  };
}

/** Enabled playbooks that a standing finding asks for and that this incident has not run yet. */
function playbooksFor({ journal, rules }: RespondPorts, incident: Incident): readonly ActivePlaybook[] {
  const known = new Set(incident.executions.map(({ id }) => id));
  const standing = new Set(incident.findings.filter(({ superseded }) => !superseded).map(({ ruleId }) => ruleId));
  const answering = [...standing].flatMap((ruleId) => rules.playbooksFor(ruleId));
  const asked = new Map(
    [...answering, ...(runbooksFor(rules, incident) ?? [])].map((playbook) => [playbook.playbookId, playbook]),
  );
  return [...asked.values()].filter(({ playbookId }) => !known.has(executionId(journal.id, incident.id, playbookId)));
}

/** What runbooks map the gravest alert of the incident to; null: it has none, or there are no runbooks. */
function runbooksFor(rules: RulesInForce, { findings }: Incident): readonly ActivePlaybook[] | null {
  const alerts = findings.filter(({ ruleId, superseded }) => ruleId === ALERT_RULE && !superseded);
  const [gravest] = alerts
    .map(({ severity }) => severity)
    .sort((left, right) => severityRank(right) - severityRank(left));
  return gravest === undefined ? null : rules.runbooksFor(gravest);
}

/** Runbooks are there, none of them knows what to do about this alert, and that was not said yet. */
function isUnmapped({ rules }: RespondPorts, incident: Incident): boolean {
  const mapped = runbooksFor(rules, incident);
  return mapped?.length === 0 && incident.executions.every(({ playbookId }) => playbookId !== UNMAPPED);
}

async function newestEvidence(
  { journal }: RespondPorts,
  findings: IncidentStep['findings'],
  fresh: readonly AcceptedEvent[],
): Promise<Event | null> {
  const newest = findings.reduce<IncidentStep['findings'][number] | null>(
    (best, next) => (best === null || next.lastTime > best.lastTime ? next : best),
    null,
  );
  const evidence = newest?.evidence.at(-1);
  if (evidence === undefined) return null;
  const inBatch = fresh.find(({ event }) => event.id === evidence.eventId && event.source === evidence.source);
  return inBatch?.event ?? (await journal.event(evidence.source, evidence.eventId))?.event ?? null;
}

function findingView(finding: Finding, incidentId: string): View {
  return {
    kind: 'finding',
    id: finding.id,
    expectedVersion: null,
    status: finding.superseded ? 'SUPERSEDED' : 'STANDING',
    type: finding.type,
    severity: finding.severity,
    subject: finding.subject.id,
    parent: incidentId,
    at: finding.firstTime,
    body: { ...(finding as unknown as JsonObject), incidentId }, // plain data by its type
  };
}

/** The incident stays open for people; only the place for its subject is given up, for good. */
export function freePlace(before: StoredIncident, trace: RecordDraft['trace'], at: number): Change {
  const incident = { ...before.incident, correlates: false };
  const record = { type: 'incident.updated', at, trace, cause: { outdated: true } };
  const { append, view } = incidentWrite(before, incident, record);
  return { appends: [append], views: [view] };
}
