import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, RecordDraft, StoredView } from '../../journal/journal.ts';
import { recordedTrace, type CallContext } from '../access/principal.ts';
import { createDueStreams } from '../due-streams.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import type { Incident } from '../incidents/incident.ts';
import { given, shownTime, untilApplied, type Answer, type Listing, type Resource } from '../service.ts';
import type { TellRecord } from '../tell-of-record.ts';
import {
  aboutOf,
  dueLevels,
  escalationId,
  escalationStream,
  levelsOf,
  statusOf,
  type Escalation,
  type EscalationRecord,
  type EscalationStatus,
} from './escalation.ts';
import { escalationChange, type EscalationStep } from './escalation-change.ts';
import { vendorsTouched, type Touched } from './vendor-book.ts';
import type { VendorService } from './vendors.service.ts';

/** How the timers of escalations are named among those of executions: what holds a slash is a stream. */
const PREFIX = escalationStream('');

export interface EscalationPorts {
  readonly journal: Pick<JournalReader, 'view' | 'listViews' | 'dueTimers'>;
  readonly committer: GroupCommitter;
  readonly clock: { now(): number };
  readonly vendors: Pick<VendorService, 'inForce' | 'versionOf'>;
  readonly tell?: TellRecord;
  /** Told of an escalation whose next level could not be told; its timer is put off, and tried again. */
  onError(thrown: unknown): void;
}

export interface EscalationQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: EscalationStatus | undefined;
  readonly incidentId?: string | undefined;
  readonly vendorId?: string | undefined;
}

export interface EscalationService {
  list(ctx: CallContext, query: EscalationQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** Starts the path of a vendor for an incident by hand. The same again is what is there. @throws FirebreakError `conflict` where there is no path. */
  start(ctx: CallContext, input: { readonly id: string; readonly incidentId: string }): Promise<Answer>;
  /** Somebody has it: no further level is told. @throws FirebreakError `conflict` when somebody has it already. */
  acknowledge(ctx: CallContext, input: { readonly id: string; readonly note: string }): Promise<Answer>;
  /** What belongs to the commit of an incident that touches vendors; nothing of it for those that have been started. */
  startsFor(incident: Incident, trace: RecordDraft['trace'], now: number): Promise<readonly EscalationStep[]>;
  /** Records and tells the levels that are due, each once. Answers how many escalations there were. */
  tick(): Promise<number>;
}

export function createEscalationService({
  journal,
  committer,
  clock,
  vendors,
  tell,
  onError,
}: EscalationPorts): EscalationService {
  async function existing(id: string): Promise<Escalation> {
    const view = await journal.view('escalation', id);
    if (view === null) throw new FirebreakError('not_found', `There is no escalation ${id}`);
    return escalationOf(view);
  }

  /** Null: there is one, or nobody to tell. */
  async function startFor(
    incident: Incident,
    { vendorId, through }: Touched,
    trace: RecordDraft['trace'],
    at: number,
  ): Promise<EscalationStep | null> {
    const vendor = (await vendors.inForce()).vendors.get(vendorId);
    if (vendor === undefined || vendor.escalation.length === 0) return null;
    if ((await journal.view('escalation', escalationId(incident.id, vendorId))) !== null) return null;
    const levels = levelsOf(vendor);
    const data = {
      incidentId: incident.id,
      vendorId,
      vendorName: vendor.name,
      vendorVersion: await vendors.versionOf(vendorId),
      severity: incident.severity,
      through,
      levels,
    };
    const started: EscalationRecord = { type: 'escalation.started', at, data };
    const told = levels.filter(({ afterMs }) => afterMs === 0).length;
    const records: EscalationRecord[] =
      told === 0 ? [started] : [started, { type: 'escalation.raised', at, data: { told, ...aboutOf(data, told) } }];
    return escalationChange(null, records, trace, tell);
  }

  /** Who comes second finds it changed, and looks again. */
  async function raise(id: string): Promise<void> {
    const step = await untilApplied(async () => {
      const view = await journal.view('escalation', id);
      if (view === null) return NOTHING;
      const before = escalationOf(view);
      const told = dueLevels(before, clock.now());
      if (before.acknowledged !== null || told === before.told) return NOTHING;
      // Business time may stand before the last record after a restart.
      const at = Math.max(clock.now(), before.startedAt);
      const data = { told, ...aboutOf(before, told) };
      const answer = escalationChange(before, [{ type: 'escalation.raised', at, data }], undefined, tell);
      return { result: await committer.submit(answer.change), answer };
    });
    step?.told();
  }

  const levels = createDueStreams({ journal, committer, clock, prefix: PREFIX, apply: raise, onError });

  return {
    async list(_ctx, { limit, skip, status, incidentId, vendorId }) {
      const wanted = given({ status, parent: incidentId, ref: vendorId });
      const { items, total } = await journal.listViews({ kind: 'escalation', limit, skip, ...wanted });
      return { items: items.map((view) => shown(view.id, escalationOf(view))), total };
    },
    get: async (_ctx, { id }) => ({ data: shown(id, await existing(id)) }),
    async start(ctx, { id: vendorId, incidentId }) {
      const view = await journal.view('incident', incidentId);
      if (view === null) throw new FirebreakError('not_found', `There is no incident ${incidentId}`);
      await vendors.versionOf(vendorId);
      const id = escalationId(incidentId, vendorId);
      const { incident } = incidentOf(view);
      const step = await startFor(incident, { vendorId, through: null }, recordedTrace(ctx), ctx.now);
      // Stale: somebody else has started it at the same moment.
      if (step !== null && (await committer.submit(step.change)).status === 'applied') step.told();
      const stored = await journal.view('escalation', id);
      if (stored === null)
        throw new FirebreakError('conflict', `${vendorId} has no escalation path: describe one first`);
      return { data: shown(id, escalationOf(stored)) };
    },
    async acknowledge(ctx, { id, note }) {
      const step = await untilApplied(async () => {
        const before = await existing(id);
        if (before.acknowledged !== null)
          throw new FirebreakError('conflict', `${before.acknowledged.by} has it already`);
        const at = Math.max(ctx.now, before.startedAt);
        const data = { by: ctx.principal.userId, note, ...aboutOf(before, before.told) };
        const answer = escalationChange(
          before,
          [{ type: 'escalation.acknowledged', at, data }],
          recordedTrace(ctx),
          tell,
        );
        return { result: await committer.submit(answer.change), answer };
      });
      step.told();
      return { data: shown(id, step.after) };
    },
    async startsFor(incident, trace, now) {
      const book = await vendors.inForce();
      if (book.vendors.size === 0) return [];
      const steps: EscalationStep[] = [];
      for (const touched of vendorsTouched(incident, book)) {
        const step = await startFor(incident, touched, trace, now);
        if (step !== null) steps.push(step);
      }
      return steps;
    },
    tick: () => levels.tick(),
  };
}

const NOTHING = { result: { status: 'applied' as const, hashes: [] }, answer: null };

function shown(id: string, escalation: Escalation): Resource {
  const { levels, told, startedAt, acknowledged, version: _records, ...rest } = escalation;
  return {
    id,
    ...rest,
    status: statusOf(escalation),
    startedAt: shownTime(startedAt),
    levels: levels.map(({ afterMs, roles, userIds }, index) => ({
      dueAt: shownTime(startedAt + afterMs),
      roles,
      userIds,
      told: index < told,
    })),
    acknowledged: acknowledged === null ? null : { ...acknowledged, at: shownTime(acknowledged.at) },
  };
}

function escalationOf(view: StoredView): Escalation {
  // Only `escalation-change.ts` writes these bodies.
  return view.body as unknown as Escalation;
}
