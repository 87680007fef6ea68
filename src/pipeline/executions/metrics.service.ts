import type { JournalReader, StoredView } from '../../journal/journal.ts';
import type { CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import type { Answer, Resource } from '../service.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';

/** Executions that the figures cover, newest first. */
const MAX_EXECUTIONS = 10_000;
/** Executions whose records are folded for the completeness of the audit, newest first. */
const MAX_FOLDED = 500;

export interface MetricsPorts {
  readonly journal: Pick<JournalReader, 'listViews'>;
  readonly store: ExecutionStore;
}

export interface MetricsService {
  /** Figures for each playbook and in total, each with its denominator; what has no data is null, never 0 or 100. */
  read(ctx: CallContext, query: { readonly playbookId?: string | undefined }): Promise<Answer>;
}

export function createMetricsService({ journal, store }: MetricsPorts): MetricsService {
  return {
    async read(_ctx, { playbookId }) {
      const filter = playbookId === undefined ? {} : { ref: playbookId };
      const { items } = await journal.listViews({ kind: 'execution', ...filter, limit: MAX_EXECUTIONS, skip: 0 });
      // The children of a fan-out are part of their parent's run, but their actions are actions like any other.
      const all = items.map(bodyOf);
      const executions = all.filter((body) => body['parentExecutionId'] === null);
      const approvals = (
        await journal.listViews({ kind: 'approval', ...filter, limit: MAX_EXECUTIONS, skip: 0 })
      ).items.map(bodyOf);
      const incidents = (await journal.listViews({ kind: 'incident', limit: MAX_EXECUTIONS, skip: 0 })).items.map(
        (view) => incidentOf(view).incident,
      );
      const folded = await Promise.all(all.slice(0, MAX_FOLDED).map((body) => store.load(text(body, 'executionId'))));
      const figures = (id: string | null): Resource => {
        const mine = <Item extends JsonObject>(items: readonly Item[]): Item[] =>
          items.filter((item) => id === null || item['playbookId'] === id);
        const own = mine(executions);
        const incidentIds = new Set(own.map((body) => body['incidentId']));
        const concerned = incidents.filter((incident) => incidentIds.has(incident.id));
        return {
          totalExecutions: own.length,
          successRate: share(own.filter(isOver), (body) => body['status'] === 'COMPLETED'),
          mttcMs: mean(
            concerned.flatMap(({ containedAt, firstReceivedAt }) =>
              containedAt === null ? [] : [containedAt - firstReceivedAt],
            ),
          ),
          approvalMs: mean(mine(approvals).flatMap(approvalTime)),
          falsePositiveRate: share(
            concerned.filter(({ resolvedAt }) => resolvedAt !== null),
            ({ status }) => status === 'FALSE_POSITIVE',
          ),
          auditCompleteness: share(
            folded.filter(({ plan }) => id === null || plan.playbookId === id).flatMap(performedActions),
            ({ complete }) => complete,
          ),
        };
      };
      const ids = [...new Set(executions.map((body) => text(body, 'playbookId')))].sort();
      return {
        data: {
          id: 'metrics',
          total: figures(null),
          playbooks: Object.fromEntries(ids.map((id) => [id, figures(id)])),
        },
      };
    },
  };
}

function bodyOf(view: StoredView): JsonObject {
  return view.body as JsonObject; // written by the execution's change
}

/** A member that the execution's change always writes as a text. */
function text(body: JsonObject, name: 'executionId' | 'playbookId'): string {
  const value = body[name];
  invariant(typeof value === 'string', `an execution's view has ${name}`);
  return value;
}

function isOver(body: JsonObject): boolean {
  return typeof body['endedAt'] === 'number' && body['status'] !== 'SKIPPED' && body['status'] !== 'CANCELLED';
}

function approvalTime(body: JsonObject): number[] {
  const { requestedAt, decidedAt } = body;
  return typeof requestedAt === 'number' && typeof decidedAt === 'number' ? [decidedAt - requestedAt] : [];
}

/** A rate between 0 and 1 with what it is a rate of; null when there is nothing. */
function share<Item>(items: readonly Item[], holds: (item: Item) => boolean): Json {
  if (items.length === 0) return { value: null, of: 0 };
  return { value: items.filter(holds).length / items.length, of: items.length };
}

function mean(values: readonly number[]): Json {
  if (values.length === 0) return { value: null, of: 0 };
  return { value: Math.round(values.reduce((sum, value) => sum + value, 0) / values.length), of: values.length };
}

/** Actions that were really done, and whether intent, outcome and (where the target can be read) the read-back stand in the records. */
function performedActions({ plan, state }: Loaded): { readonly complete: boolean }[] {
  return plan.stages.flatMap(({ actions }) =>
    actions.flatMap(({ actionId, declaration }) => {
      const action = state.actions[actionId];
      if (action === undefined || !action.sent || action.phase !== 'settled') return [];
      // The target refused it and there was nothing to read back: it was tried, not performed.
      if (action.status === 'FAILED' && action.verification === null) return [];
      const verified = !declaration.readBack || action.verification !== null;
      return [{ complete: action.parameters !== null && action.key !== null && verified }];
    }),
  );
}
