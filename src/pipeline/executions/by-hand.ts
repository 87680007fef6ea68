import { FirebreakError } from '../../platform/errors.ts';
import { derivedId } from '../../platform/hash.ts';
import type { Ids } from '../../platform/ids.ts';
import type { JournalReader } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Governance, GovernanceReader } from '../approvals/governance.ts';
import { canonicalIdentity } from '../events/text.ts';
import { DECIDE_BY_DEFAULT } from '../incidents/decide.ts';
import type { Incident } from '../incidents/incident.ts';
import { higherSeverity } from '../incidents/severity.ts';
import { checkJson } from '../playbooks/plain-json.ts';
import type { ActivePlaybook } from '../playbooks/playbooks.service.ts';
import { given, type Definition } from '../service.ts';
import type { Requester } from './core/inputs.ts';
import { PLANNED_INCIDENT, planDocument, withPlan, type PlanDocument } from './plan-document.ts';
import type { PreviewedRun } from './preview.ts';
import type { NewExecution } from './runner.ts';
import { newExecution, snapshotOf } from './start.ts';

/** What people start by hand: the request looked up and judged, the plan of it, its incident and its execution. */

export interface TriggerInput {
  readonly playbookId: string;
  readonly userId: string;
  readonly triggerEvent: Definition;
  readonly context: Definition;
  readonly dryRun: boolean;
  /** Tells two plans of the same apart; null: nothing does. */
  readonly reference: string | null;
  /** The plan that was looked at: anything else is refused, and it is executed once. Null: without a plan. */
  readonly planSha256: string | null;
}

export interface ByHandPorts {
  readonly journal: Pick<JournalReader, 'id'>;
  readonly ids: Ids;
  readonly playbooks: { load(id: string): Promise<ActivePlaybook> };
  readonly governance: GovernanceReader;
}

/** A person says so: confidence in points of 100. */
const SURE = 100;

/** What a person asks to be started, looked up and judged. */
export interface Asked {
  readonly playbook: ActivePlaybook;
  readonly governance: Governance;
  /** As it was given, before it was made canonical. */
  readonly userId: string;
  readonly subjectId: string;
  readonly triggerEvent: JsonObject;
  readonly context: JsonObject;
  readonly reference: string | null;
  readonly planSha256: string | null;
  readonly warnings: readonly string[];
}

/** @throws FirebreakError `not_found` for an unknown playbook, `invalid_request` naming what cannot be recorded */
export async function askedFor(ports: ByHandPorts, input: TriggerInput): Promise<Asked> {
  const playbook = await ports.playbooks.load(input.playbookId);
  const { context, warnings } = declaredContext(playbook, input.context);
  const { userId, reference, planSha256 } = input;
  const subjectId = canonicalIdentity(userId);
  if (subjectId === null) {
    const fault = { pointer: '/userId', detail: 'names nobody: nothing is left without the white space' };
    throw new FirebreakError('invalid_request', 'The request does not name a user', [fault]);
  }
  const triggerEvent = givenJson(input.triggerEvent, '/triggerEvent');
  const governance = await ports.governance.inForce();
  return { playbook, governance, userId, subjectId, triggerEvent, context, reference, planSha256, warnings };
}

/** The execution as it would start, of an incident that stands for the one that there is only when it does. */
export function plannedOf(ports: ByHandPorts, ctx: CallContext, asked: Asked): PlanDocument {
  const execution = executionOf(
    ports,
    ctx,
    { ...asked, planSha256: null },
    manualIncident(ctx, asked, PLANNED_INCIDENT),
  );
  const { playbook, subjectId, triggerEvent, context, reference } = asked;
  const input = { playbookId: playbook.playbookId, userId: subjectId, triggerEvent, context, reference };
  return planDocument(ports.journal.id, input, execution, previewedRun(ctx));
}

/** The execution of what was asked, for its incident, bound to what is in force. */
export function executionOf(ports: ByHandPorts, ctx: CallContext, asked: Asked, incident: Incident): NewExecution {
  const { playbook, governance, triggerEvent, context, planSha256 } = asked;
  const read = { ...snapshotOf(incident, null, context), event: eventOf(triggerEvent, incident.subject.id) };
  return newExecution(playbook, governance, {
    journalId: ports.journal.id,
    incident,
    snapshot: planSha256 === null ? read : withPlan(read, planSha256),
    requester: requesterOf(ctx),
    trace: recordedTrace(ctx),
  });
}

/**
 * A repeat under the same key must not start a second one, even when the reply of the first was lost in a crash; and a plan
 * is executed once, whoever asks.
 */
export function incidentIdFor(
  ports: Pick<ByHandPorts, 'journal' | 'ids'>,
  ctx: CallContext,
  planSha256: string | null,
): string {
  const cause = planSha256 === null ? ctx.idempotencyKey : `plan ${planSha256}`;
  return cause === null ? ports.ids.next('inc') : derivedId('inc', ports.journal.id, cause);
}

export function outOfDate(now: string): FirebreakError {
  const detail = `What would be done now is another plan (${now}); look at it with dryRun, and give its hash.`;
  return new FirebreakError('stale_version', 'The plan is out of date', [{ pointer: '/planSha256', detail }]);
}

export function executedBefore(executionId: string): FirebreakError {
  const detail = 'A plan is executed once; to do the same again make a plan with another reference.';
  return new FirebreakError('conflict', `The plan was executed before, as ${executionId}`, [
    { pointer: '/planSha256', detail },
  ]);
}

/** The incident that stands for what somebody asks for by hand; new findings never join it. */
export function manualIncident(ctx: CallContext, asked: Asked, id: string): Incident {
  const { userId, subjectId, reference } = asked;
  const { name, playbookType, severity } = asked.playbook.compiled.playbook;
  const subject = { type: 'user', id: subjectId } as const;
  const { decide = DECIDE_BY_DEFAULT } = asked.governance;
  const facts = { subject, accounts: [subjectId], systems: [], confidence: SURE };
  const decision = decide(facts, { decision: null, floor: null });
  return {
    id,
    source: 'MANUAL',
    type: playbookType,
    subject,
    accounts: [subject.id],
    sourceIps: [],
    // Whoever started it chose the playbook, and with it the severity; what is known of the subject may raise it.
    severity: decision.binding ? higherSeverity(severity, decision.severity) : severity,
    confidence: SURE,
    impact: decision.impact,
    decision,
    status: 'OPEN',
    summary: `${name} was started by hand for ${userId}.`,
    findings: [],
    details: reference === null ? {} : { reference },
    firstTime: ctx.now,
    lastTime: ctx.now,
    firstReceivedAt: ctx.now,
    openedAt: ctx.now,
    acknowledgedAt: null,
    triagedAt: null,
    containedAt: null,
    resolvedAt: null,
    reason: null,
    executions: [],
    correlates: false,
    timeline: [{ at: ctx.now, what: `started by hand by ${ctx.principal.name}` }],
  };
}

/** The trigger event of a person: whatever they gave, with the names that templates know for the subject. */
function eventOf(triggerEvent: JsonObject, subject: string): JsonObject {
  return { ...triggerEvent, user_account: subject, user_id: subject };
}

/** Only what the playbook declares as its inputs can be read, so anything else is named instead of kept. */
function declaredContext({ compiled }: ActivePlaybook, given: Definition): { context: JsonObject; warnings: string[] } {
  const { inputs } = compiled.playbook;
  const undeclared = Object.keys(given).filter((name) => !inputs.includes(name));
  const context = Object.fromEntries(Object.entries(given).filter(([name]) => inputs.includes(name)));
  return {
    context: givenJson(context, '/context'),
    warnings: undeclared.map(
      (name) => `/context/${name}: the playbook does not declare this input, so nothing reads it`,
    ),
  };
}

/** Who asks, as records name them: with whoever else has seen the key, and could be asking. */
export function requesterOf({ principal: { userId: id, kind: type, keyIssuedBy: issuedBy } }: CallContext): Requester {
  return issuedBy === id ? { id, type } : { id, issuedBy, type };
}

/** The same for a look at what would be done. */
export function previewedRun(ctx: CallContext): PreviewedRun {
  const { id: requester, issuedBy: keyMaker } = requesterOf(ctx);
  return { requester, ...given({ keyMaker }), at: ctx.now };
}

/** What a person gave, as a record can hold it. @throws FirebreakError `invalid_request` naming each member it cannot. */
function givenJson(value: Definition, pointer: string): JsonObject {
  const read = checkJson(value);
  if ('value' in read) return read.value as JsonObject; // an object went in
  const faults = read.faults.map((fault) => ({ ...fault, pointer: `${pointer}${fault.pointer}` }));
  throw new FirebreakError('invalid_request', `${pointer} holds what cannot be recorded`, faults);
}
