import { z } from 'zod';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { canonicalIdentity } from '../events/text.ts';
import {
  given,
  severityOf,
  shownTime,
  untilApplied,
  type Answer,
  type Listing,
  type ListQuery,
  type Resource,
} from '../service.ts';
import { refuseArchived } from '../archived-thing.ts';
import { incidentOf, incidentStream, incidentWrite, type StoredIncident } from './incident-change.ts';
import { withTimeline, type Incident } from './incident.ts';

export interface IncidentPorts {
  readonly journal: Pick<JournalReader, 'view' | 'longReads'>;
  readonly committer: GroupCommitter;
  readonly now: () => number;
}

/** What a person may set an incident to. FALSE_POSITIVE and RESOLVED need a reason. */
export const SETTABLE_STATUSES = ['ACKNOWLEDGED', 'TRIAGED', 'CONTAINED', 'RESOLVED', 'FALSE_POSITIVE'] as const;
type SettableStatus = (typeof SETTABLE_STATUSES)[number];

export interface IncidentService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  setStatus(
    ctx: CallContext,
    input: { readonly id: string; readonly status: SettableStatus; readonly reason: string | null },
  ): Promise<Answer>;
  /** Notes the end of an execution; an end that verified a containment makes an open incident CONTAINED. Repeatable. */
  noteExecution(incidentId: string, executionId: string, status: string, containedAt: number | null): Promise<void>;
}

/** What is read of an execution's row. */
const EXECUTION_ROW = z.looseObject({ status: z.string() });

export function createIncidentService({ journal, committer, now }: IncidentPorts): IncidentService {
  async function stored(id: string): Promise<StoredIncident> {
    const view = await journal.view('incident', id);
    if (view === null) {
      await refuseArchived(journal, incidentStream(id));
      throw new FirebreakError('not_found', `There is no incident ${id}`);
    }
    return storedFrom(view);
  }

  /** With what its executions are doing now: an incident is told of their ends only where one contained something. */
  async function present(incident: Incident): Promise<Resource> {
    const executions = await Promise.all(
      incident.executions.map(async (each) => {
        const view = await journal.view('execution', each.id);
        const status = view === null ? each.status : EXECUTION_ROW.parse(view.body).status;
        return { ...each, status };
      }),
    );
    return shownIncident({ ...incident, executions });
  }

  return {
    async list(_ctx, query) {
      const { limit, skip, status, type, userId } = query;
      const subject = userId === undefined ? undefined : (canonicalIdentity(userId) ?? userId);
      const wanted = given({ status, severity: severityOf(query), type, subject });
      const { items, total } = await journal.longReads.listViews({ kind: 'incident', limit, skip, ...wanted });
      return { items: await Promise.all(items.map((view) => present(incidentOf(view).incident))), total };
    },
    async get(_ctx, { id }) {
      const { incident, version } = await stored(id);
      return { data: await present(incident), version };
    },
    setStatus: (ctx, { id, status, reason }) =>
      untilApplied(async () => {
        const before = await stored(id);
        const incident = afterPerson(before.incident, status, reason, ctx);
        const trace = recordedTrace(ctx);
        const cause = { by: ctx.principal.userId, status, reason };
        const { append, view } = incidentWrite(before, incident, {
          type: recordType(incident),
          at: ctx.now,
          trace,
          cause,
        });
        const result = await committer.submit({ appends: [append], views: [view] });
        return { result, answer: { data: shownIncident(incident), version: before.version + 1 } };
      }),
    async noteExecution(incidentId, executionId, status, containedAt) {
      const view = await journal.view('incident', incidentId);
      if (view === null) return; // An execution of a test or a benchmark has no incident to tell.
      await untilApplied(async () => {
        const before = await stored(incidentId);
        const at = now();
        const incident = afterExecution(before.incident, executionId, status, containedAt, at);
        if (incident === before.incident)
          return { result: { status: 'applied' as const, hashes: [] }, answer: undefined };
        const cause = { executionId, status, containedAt };
        const { append, view: next } = incidentWrite(before, incident, {
          type: 'incident.updated',
          at,
          trace: undefined,
          cause,
        });
        return { result: await committer.submit({ appends: [append], views: [next] }), answer: undefined };
      });
    },
  };
}

export function storedFrom(view: StoredView): StoredIncident {
  return { ...incidentOf(view), version: view.version };
}

function afterPerson(incident: Incident, status: SettableStatus, reason: string | null, ctx: CallContext): Incident {
  const closing = status === 'RESOLVED' || status === 'FALSE_POSITIVE';
  if (closing && reason === null) {
    throw new FirebreakError('invalid_request', `${status} needs a reason`, [
      { pointer: '/reason', detail: 'say why, in a sentence' },
    ]);
  }
  if (incident.status === 'RESOLVED' || incident.status === 'FALSE_POSITIVE') {
    throw new FirebreakError('conflict', `The incident is ${incident.status} already`);
  }
  const what = `${status} by ${ctx.principal.name}${reason === null ? '' : `: ${reason}`}`;
  const timeline = withTimeline(incident.timeline, ctx.now, [what]);
  switch (status) {
    case 'ACKNOWLEDGED':
      return { ...incident, timeline, acknowledgedAt: incident.acknowledgedAt ?? ctx.now };
    case 'TRIAGED':
      return { ...incident, timeline, triagedAt: incident.triagedAt ?? ctx.now };
    case 'CONTAINED':
      return { ...incident, timeline, status, containedAt: incident.containedAt ?? ctx.now };
    case 'RESOLVED':
    case 'FALSE_POSITIVE':
      return { ...incident, timeline, status, reason, resolvedAt: ctx.now };
    default:
      return status;
  }
}

function afterExecution(
  incident: Incident,
  executionId: string,
  status: string,
  containedAt: number | null,
  at: number,
): Incident {
  const known = incident.executions.find(({ id }) => id === executionId);
  if (known?.status === status) return incident;
  const executions = incident.executions.map((each) => (each.id === executionId ? { ...each, status } : each));
  const timeline = withTimeline(incident.timeline, at, [`execution ${executionId} ended: ${status}`]);
  if (containedAt === null) return { ...incident, executions, timeline };
  const contained = Math.max(incident.containedAt ?? 0, containedAt);
  return {
    ...incident,
    executions,
    timeline,
    containedAt: contained,
    status: incident.status === 'OPEN' ? 'CONTAINED' : incident.status,
  };
}

function recordType({ status }: Incident): string {
  return status === 'RESOLVED' || status === 'FALSE_POSITIVE' ? 'incident.closed' : 'incident.updated';
}

/** An incident as the API shows it: times in RFC 3339. */
export function shownIncident(incident: Incident): Resource {
  const {
    firstTime,
    lastTime,
    firstReceivedAt,
    openedAt,
    acknowledgedAt,
    triagedAt,
    containedAt,
    resolvedAt,
    timeline,
    ...rest
  } = incident;
  const times = { firstTime, lastTime, firstReceivedAt, openedAt, acknowledgedAt, triagedAt, containedAt, resolvedAt };
  return {
    ...(rest as unknown as Resource), // plain JSON by its type
    ...Object.fromEntries(Object.entries(times).map(([name, at]) => [name, shownTime(at)])),
    userId: incident.subject.id,
    timeline: timeline.map(({ at, what }) => ({ at: shownTime(at), what })),
  };
}
