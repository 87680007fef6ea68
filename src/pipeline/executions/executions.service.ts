import type { Clock } from '../../platform/clock.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { GroupCommitter } from '../../journal/group-commit.ts';
import type { JournalReader, StoredView } from '../../journal/journal.ts';
import { mergeChanges } from '../../journal/merge-changes.ts';
import type { CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { ActionType } from '../vocabulary.ts';
import { canonicalIdentity } from '../events/text.ts';
import type { Incident } from '../incidents/incident.ts';
import { incidentWrite } from '../incidents/incident-change.ts';
import { given, severityOf, shownTime, type Answer, type Listing, type ListQuery, type Resource } from '../service.ts';
import {
  askedFor,
  executedBefore,
  executionOf,
  incidentIdFor,
  manualIncident,
  outOfDate,
  plannedOf,
  requesterOf,
  type ByHandPorts,
  type TriggerInput,
} from './by-hand.ts';
import { executionStream } from './change.ts';
import { undoneWithRest } from './core/extending.ts';
import { statusOf } from './core/state.ts';
import type { ExecutionStore } from './execution-store.ts';
import type { Applied } from './mailboxes.ts';
import type { NewExecution, Runner } from './runner.ts';
import { runbookView, shownExecution, type TimelineRecord } from './show.ts';

export interface ExecutionPorts extends ByHandPorts {
  readonly journal: Pick<JournalReader, 'id' | 'longReads' | 'readStream'>;
  readonly committer: GroupCommitter;
  readonly runner: Runner;
  readonly store: ExecutionStore;
  readonly clock: Clock;
  /** What has to be said about actions that touch personal data. @throws FirebreakError `lawful_basis_missing` where that is refused */
  readonly warningsFor?: (types: readonly ActionType[]) => Promise<readonly string[]>;
}

export interface ExecutionService {
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string; readonly view: 'full' | 'runbook' }): Promise<Answer>;
  /**
   * Starts a playbook, or with `dryRun` answers with the plan of it.
   * @throws FirebreakError `stale_version` when the given plan is not what would be done now, `conflict` when it was executed before
   */
  trigger(ctx: CallContext, input: TriggerInput): Promise<Answer>;
  retry(ctx: CallContext, input: { readonly id: string; readonly reason: string | null }): Promise<Answer>;
  cancel(
    ctx: CallContext,
    input: { readonly id: string; readonly compensate: boolean; readonly reason: string | null },
  ): Promise<Answer>;
  /** Begins an action that waits for the end of quiet hours. @throws FirebreakError `conflict` when none does. */
  release(ctx: CallContext, input: ReleaseOrder): Promise<Answer>;
  /**
   * Keeps a containment that would end by itself; of an action for many accounts that of each account where one is kept.
   * @throws FirebreakError `conflict` when nothing of it can be kept for longer, also because all is, or is going to be, undone.
   */
  extend(ctx: CallContext, input: ExtendOrder): Promise<Answer>;
}

export interface ReleaseOrder {
  readonly id: string;
  readonly actionId: string;
  readonly reason: string;
}

export interface ExtendOrder extends ReleaseOrder {
  /** From now on, in minutes. */
  readonly forMinutes: number;
}

export function createExecutionService(ports: ExecutionPorts): ExecutionService {
  const { journal, runner, store } = ports;

  async function shown(id: string): Promise<Answer> {
    const sealed = await journal.readStream(executionStream(id));
    return shownWith(
      id,
      sealed.map(({ record, hash }) => ({ ...record, hash })),
    );
  }

  async function shownWith(id: string, records: readonly TimelineRecord[]): Promise<Answer> {
    return { data: shownExecution(await store.load(id), records) };
  }

  return {
    async list(_ctx, query) {
      const { limit, skip, status, type, userId, incidentId, playbookId, executionId } = query;
      const filters = { status, severity: severityOf(query), type, parent: incidentId, ref: playbookId };
      const wanted = given({ ...filters, subject: subjectFilter(userId), id: executionId });
      const { items, total } = await journal.longReads.listViews({ kind: 'execution', limit, skip, ...wanted });
      return { items: items.map(shownView), total };
    },
    async get(_ctx, { id, view }) {
      return view === 'runbook' ? { data: runbookView(await store.load(id)) } : shown(id);
    },
    async trigger(ctx, input) {
      const asked = await askedFor(ports, input);
      const { playbook } = asked;
      const types = playbook.compiled.actions.map(({ action }) => action.actionType);
      const warnings = [...asked.warnings, ...((await ports.warningsFor?.(types)) ?? [])];
      const { planSha256 } = input;
      if (input.dryRun || planSha256 !== null) {
        const planned = plannedOf(ports, ctx, asked);
        if (input.dryRun) return { data: { ...planned.document, planSha256: planned.sha256 }, warnings };
        if (planned.sha256 !== planSha256) throw outOfDate(planned.sha256);
      }
      const incident = manualIncident(ctx, asked, incidentIdFor(ports, ctx, planSha256));
      const execution = executionOf(ports, ctx, asked, incident);
      const { executionId } = execution.start;
      const executions = [{ id: executionId, playbookId: playbook.playbookId, status: 'INITIATED' }];
      const first = await commitStart(ports, ctx, execution, { ...incident, executions });
      if (first === null && planSha256 !== null) throw executedBefore(executionId);
      const answer = first === null ? await shown(executionId) : await shownWith(executionId, [first]);
      return { ...answer, warnings };
    },
    async retry(ctx, { id, reason }) {
      await store.load(id);
      const input = { type: 'retry', by: requesterOf(ctx), ...(reason === null ? {} : { reason }) } as const;
      return accepted(await runner.submit(id, input), () => shown(id));
    },
    async cancel(ctx, { id, compensate, reason }) {
      const { state } = await store.load(id);
      const by = requesterOf(ctx);
      const isOver = state.ended !== null && statusOf(state) !== 'ROLLED_BACK';
      const input =
        isOver && compensate
          ? ({ type: 'compensate', by, reason: reason ?? 'rolled back by a person' } as const)
          : ({ type: 'cancel', by, compensate, reason: reason ?? 'cancelled by a person' } as const);
      return accepted(await runner.submit(id, input), () => shown(id));
    },
    async release(ctx, { id, actionId, reason }) {
      await store.load(id);
      const input = { type: 'release', actionId, by: requesterOf(ctx), reason } as const;
      return accepted(await runner.submit(id, input), () => shown(id));
    },
    async extend(ctx, { id, actionId, reason, forMinutes }) {
      const { plan, state } = await store.load(id);
      const until = ctx.now + forMinutes * MINUTE_MS;
      const input = { type: 'extend', actionId, by: requesterOf(ctx), reason, until } as const;
      const { children } = Object.hasOwn(state.actions, actionId) ? (state.actions[actionId] ?? NO_ONE) : NO_ONE;
      // Whose accounts are undone with the rest says so itself: its children may not have been told yet.
      const isUndone = undoneWithRest({ plan, state }, actionId) !== null;
      const held = isUndone || Object.keys(children).length === 0 ? [id] : Object.keys(children);
      const applied = await Promise.all(held.map((each) => runner.submit(each, input)));
      const kept = applied.find(({ facts }) => facts.some(({ type }) => type === 'containment.extended'));
      return accepted(kept ?? applied[0] ?? { facts: [], state }, () => shown(id));
    },
  };
}

const MINUTE_MS = 60_000;
const NO_ONE = { children: {} };

function shownView(view: StoredView): Resource {
  const body = view.body as JsonObject; // written by `change.ts`
  const time = (name: string): string | null => {
    const at = body[name];
    return typeof at === 'number' ? shownTime(at) : null;
  };
  return {
    ...body,
    id: view.id,
    startedAt: time('startedAt'),
    endedAt: time('endedAt'),
    containedAt: time('containedAt'),
  };
}

/**
 * The incident and its execution begin together or not at all. Answers with the execution's record, or null when it had
 * begun before.
 */
async function commitStart(
  ports: ExecutionPorts,
  ctx: CallContext,
  execution: NewExecution,
  incident: Incident,
): Promise<TimelineRecord | null> {
  const cause = { by: ctx.principal.userId };
  const opened = incidentWrite(null, incident, { type: 'incident.opened', at: ctx.now, trace: execution.trace, cause });
  const { change, started } = ports.runner.startChange(execution);
  const result = await ports.committer.submit(
    mergeChanges([{ appends: [opened.append], views: [opened.view] }, change]),
  );
  // Stale: an earlier request under the same Idempotency-Key began it and was cut off before its reply was kept.
  if (result.status === 'stale') return null;
  started();
  const hash = result.hashes.at(-1);
  const record = change.appends[0]?.records[0];
  return record === undefined || hash === undefined ? null : { ...record, seq: 1, hash };
}

/** An input that changed nothing is a conflict for the one who sent it, with the reason that was recorded. */
async function accepted({ facts }: Applied, answer: () => Promise<Answer>): Promise<Answer> {
  const ignored = facts.find((fact) => fact.type === 'input.ignored');
  if (ignored !== undefined) throw new FirebreakError('conflict', `Nothing was done: ${ignored.why}`);
  return answer();
}

/** Accounts are stored in canonical form, so they are asked for in it. */
function subjectFilter(userId: string | undefined): string | undefined {
  return userId === undefined ? undefined : (canonicalIdentity(userId) ?? userId);
}
