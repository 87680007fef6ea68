import type { JsonObject } from '../../../platform/canonical-json.ts';
import type { Clock } from '../../../platform/clock.ts';
import { FirebreakError } from '../../../platform/errors.ts';
import { contentHash } from '../../../platform/hash.ts';
import type { GroupCommitter } from '../../../journal/group-commit.ts';
import { mergeChanges } from '../../../journal/merge-changes.ts';
import { recordedTrace, type CallContext } from '../../access/principal.ts';
import type { Governance } from '../../approvals/governance.ts';
import type { RulesInForce as ClockRules } from '../../deadlines/deadline-rules.service.ts';
import { EVENT_FORMATS, type Event } from '../../events/event.ts';
import { normaliseEvent } from '../../events/normalise-event.ts';
import {
  executedBefore,
  incidentIdFor,
  outOfDate,
  previewedRun,
  requesterOf,
  type ByHandPorts,
} from '../../executions/by-hand.ts';
import { PLANNED_INCIDENT, withPlan } from '../../executions/plan-document.ts';
import { previewOf } from '../../executions/preview.ts';
import type { NewExecution, Runner } from '../../executions/runner.ts';
import { newExecution, snapshotOf } from '../../executions/start.ts';
import { incidentWrite } from '../../incidents/incident-change.ts';
import { DECIDE_BY_DEFAULT } from '../../incidents/decide.ts';
import { openIncident, type Incident } from '../../incidents/incident.ts';
import type { ActivePlaybook, PlaybookService } from '../../playbooks/playbooks.service.ts';
import { eventValues } from '../../playbooks/scope.ts';
import type { Answer, Definition, Resource } from '../../service.ts';
import { alertFinding } from '../own-findings.ts';
import { rulesInForce } from '../rules-in-force.ts';
import { missingOf, type Present } from './missing.ts';
import { severalPlanned } from './planned-actions.ts';
import { plannedClocks } from './planned-clocks.ts';

export interface EventPlanPorts extends Omit<ByHandPorts, 'playbooks'> {
  readonly committer: GroupCommitter;
  readonly runner: Pick<Runner, 'startChange'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly playbooks: Pick<PlaybookService, 'active'>;
  clockRules(): Promise<ClockRules>;
  withPlace(event: Event): Event;
  /** Who and what there is at this moment. @param severity the one that runbooks are asked for */
  present(severity: string, active: readonly ActivePlaybook[], ctx: CallContext): Promise<Present>;
}

export interface EventPlanInput {
  /** An event as it would be posted. */
  readonly event: Definition;
  /** Null: told by its shape. */
  readonly format: string | null;
  /** Tells two plans of the same apart; null: nothing does. */
  readonly reference: string | null;
  /** The plan that was looked at, to be executed; null: plan only. */
  readonly planSha256: string | null;
}

export interface EventPlanService {
  /**
   * What would be done about an alert if it came now: which runbooks by its severity, what each would do to whom, who is asked, what
   * can be undone, which clocks would start, and what is missing. Only reads. With `planSha256` exactly that is executed, once.
   * @throws FirebreakError `invalid_request` for what is no alert; `stale_version` when something else would be done now; `conflict`
   *   when the plan was executed before, or has nothing to execute
   */
  plan(ctx: CallContext, input: EventPlanInput): Promise<Answer>;
}

interface Read {
  readonly event: Event;
  readonly governance: Governance;
  readonly runbooks: readonly ActivePlaybook[] | null;
  readonly active: readonly ActivePlaybook[];
}

/** Builds the service. A plan stores nothing. */
export function createEventPlanService(ports: EventPlanPorts): EventPlanService {
  const { journal, committer, runner } = ports;

  function executionsOf(
    ctx: CallContext,
    { event, governance, runbooks }: Read,
    incident: Incident,
    sha: string | null,
  ) {
    const read = { ...snapshotOf(incident, event, {}), event: lastingValues(event) };
    const snapshot = sha === null ? read : withPlan(read, sha);
    const trace = recordedTrace(ctx);
    const cause = { journalId: journal.id, incident, snapshot, requester: requesterOf(ctx), trace };
    return (runbooks ?? []).map((playbook) => newExecution(playbook, governance, cause));
  }

  async function documentOf(ctx: CallContext, input: EventPlanInput, read: Read): Promise<JsonObject> {
    const incident = incidentOf(ctx, read, PLANNED_INCIDENT);
    const executions = executionsOf(ctx, read, incident, null);
    const run = previewedRun(ctx);
    const runs = executions.map(({ plan, start }): Resource => ({
      name: plan.name,
      riskLevel: start.riskLevel,
      ...previewOf(plan, contentHash(plan), start.snapshot, run),
    }));
    const { subject, severity, confidence, impact, decision } = incident;
    return {
      planFormat: 2,
      journalId: journal.id,
      input: { event: JSON.stringify(input.event), format: input.format, reference: input.reference },
      outcome: read.runbooks === null ? 'no_runbooks' : runs.length === 0 ? 'no_mapping' : 'runbooks',
      alertSeverity: read.event.severity ?? 'LOW',
      incident: {
        subject: { ...subject },
        severity,
        confidence,
        impact,
        ...(decision === undefined
          ? {}
          : {
              decision: {
                cell: decision.cell,
                requiredAction: decision.requiredAction,
                approvers: [...decision.approvers],
                regulatoryTrigger: decision.regulatoryTrigger,
              },
            }),
      },
      runs,
      deadlines: plannedClocks(runs, await ports.clockRules()),
    };
  }

  /** The incident and all its executions begin together or not at all. */
  async function execute(ctx: CallContext, read: Read, sha: string): Promise<Answer> {
    const incident = incidentOf(ctx, read, incidentIdFor(ports, ctx, sha));
    const executions = executionsOf(ctx, read, incident, sha);
    const begun = executions.map(({ plan: { playbookId }, start: { executionId: id } }) => ({
      id,
      playbookId,
      status: 'INITIATED',
    }));
    const opened = incidentWrite(
      null,
      { ...incident, executions: begun },
      {
        type: 'incident.opened',
        at: ctx.now,
        trace: recordedTrace(ctx),
        cause: { by: ctx.principal.userId },
      },
    );
    const starts = executions.map((execution: NewExecution) => runner.startChange(execution));
    const result = await committer.submit(
      mergeChanges([{ appends: [opened.append], views: [opened.view] }, ...starts.map(({ change }) => change)]),
    );
    if (result.status === 'stale') throw executedBefore(begun[0]?.id ?? '');
    for (const { started } of starts) started();
    return { data: { id: incident.id, incidentId: incident.id, planSha256: sha, executions: begun } };
  }

  return {
    async plan(ctx, input) {
      const event = ports.withPlace(alertOf(input, ctx.now));
      const [active, governance] = await Promise.all([ports.playbooks.active(), ports.governance.inForce()]);
      const severity = event.severity ?? 'LOW';
      const read: Read = { event, governance, active, runbooks: rulesInForce(active).runbooksFor(severity) };
      const document = await documentOf(ctx, input, read);
      const sha256 = contentHash(document);
      if (input.planSha256 !== null) {
        if (sha256 !== input.planSha256) throw outOfDate(sha256);
        if ((read.runbooks ?? []).length === 0) throw nothingToExecute(read.runbooks);
        return execute(ctx, read, sha256);
      }
      const present = await ports.present(severity, active, ctx);
      const missing = missingOf(severalPlanned(asRuns(document)), present);
      return { data: { ...document, planSha256: sha256, missing: [...missing] } };
    },
  };
}

/** @throws FirebreakError `invalid_request`, `unknown_format` for what cannot be read, and what is no alert */
function alertOf({ event: json, format: named }: EventPlanInput, now: number): Event {
  const format = named === null ? null : EVENT_FORMATS.find((known) => known === named);
  if (format === undefined) {
    const detail = `There is no event format ${named ?? ''}; use one of ${EVENT_FORMATS.join(', ')}`;
    throw new FirebreakError('unknown_format', detail, [{ pointer: '/format', detail }]);
  }
  const bytes = Buffer.from(JSON.stringify(json), 'utf8');
  const options = { format, source: `${format ?? 'events'}:default`, receivedAt: now, deliveryId: 'plan' };
  const read = normaliseEvent({ bytes, json }, options);
  if (!read.ok) {
    const fault = { pointer: `/event${read.pointer}`, detail: read.reason };
    throw new FirebreakError('invalid_request', 'The event cannot be read', [fault]);
  }
  if (read.event.kind === 'alert') return read.event;
  const detail = `Its kind is ${read.event.kind}; by its severity only an alert chooses runbooks. What detection would find in others says \`firebreak detect\`.`;
  throw new FirebreakError('invalid_request', 'The event is no alert', [{ pointer: '/event/kind', detail }]);
}

/** Without when it arrived, and without a time that is only that: a plan of the same event is the same at every moment. */
function lastingValues(event: Event): JsonObject {
  const { receivedAt: _received, ...values } = eventValues(event);
  if (event.timeQuality === 'event') return values;
  const { time: _time, ...rest } = values;
  return rest;
}

/** The incident that the alert would open, if nothing were open about its subject; new findings never join it. */
function incidentOf(ctx: CallContext, { event, governance }: Read, id: string): Incident {
  const { finding } = alertFinding(event);
  const { decide = DECIDE_BY_DEFAULT } = governance;
  const opened = openIncident(id, finding.subject, 'MANUAL', [finding], ctx.now, ctx.now, decide);
  const timeline = [{ at: ctx.now, what: `started by a plan by ${ctx.principal.name}` }];
  // Nothing was found here: the alert itself was not taken in.
  return { ...opened, findings: [], correlates: false, timeline };
}

function nothingToExecute(runbooks: Read['runbooks']): FirebreakError {
  const detail = runbooks !== null ? 'No runbook maps the severity of the alert.' : 'There are no runbooks.';
  return new FirebreakError('conflict', 'The plan has nothing to execute', [{ pointer: '/event/severity', detail }]);
}

function asRuns(document: JsonObject): readonly Resource[] {
  return document['runs'] as unknown as readonly Resource[]; // made by `documentOf`
}
