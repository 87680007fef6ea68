import type { JournalReader, StoredView } from '../../journal/journal.ts';
import type { CallContext } from '../access/principal.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';
import type { Machine } from '../../platform/machine.ts';
import { incidentOf } from '../incidents/incident-change.ts';
import type { Answer, Resource } from '../service.ts';
import { UNREVIEWED } from './glass-entry.ts';
import type { ExecutionStore, Loaded } from './execution-store.ts';

/** Executions that the figures cover, newest first. */
const MAX_EXECUTIONS = 10_000;
/** Executions whose records are folded for the completeness of the audit, newest first. */
const MAX_FOLDED = 500;
/** Rows that are read at once, and executions folded at once: everything else waits meanwhile, some 10 ms. */
const ROWS_AT_ONCE = 1_000;
const FOLDED_AT_ONCE = 25;

export interface MetricsPorts {
  readonly journal: Pick<JournalReader, 'longReads'>;
  readonly store: ExecutionStore;
  readonly machine: Pick<Machine, 'turn'>;
}

export interface MetricsService {
  /** Figures for each playbook and in total, each with its denominator; what has no data is null, never 0 or 100. */
  read(ctx: CallContext, query: { readonly playbookId?: string | undefined }): Promise<Answer>;
}

export function createMetricsService({ journal, store, machine }: MetricsPorts): MetricsService {
  /** In pieces, so that a look at the figures holds nobody up. By id: what comes meanwhile moves others to the next piece. */
  async function newest(kind: 'execution' | 'approval' | 'incident', filter: { ref?: string }): Promise<StoredView[]> {
    const found = new Map<string, StoredView>();
    for (let skip = 0; skip < MAX_EXECUTIONS; skip += ROWS_AT_ONCE) {
      const { items } = await journal.longReads.listViews({ kind, ...filter, limit: ROWS_AT_ONCE, skip });
      for (const item of items) found.set(item.id, item);
      if (items.length < ROWS_AT_ONCE) break;
      await machine.turn();
    }
    return [...found.values()];
  }

  async function countGlass(filter: { status?: string }): Promise<number> {
    return (await journal.longReads.listViews({ kind: 'break-glass', ...filter, limit: 1, skip: 0 })).total;
  }

  async function folded(bodies: readonly JsonObject[]): Promise<Loaded[]> {
    const loaded: Loaded[] = [];
    for (let from = 0; from < bodies.length; from += FOLDED_AT_ONCE) {
      const some = bodies.slice(from, from + FOLDED_AT_ONCE).map((body) => store.load(text(body, 'executionId')));
      loaded.push(...(await Promise.all(some)));
      await machine.turn();
    }
    return loaded;
  }

  return {
    async read(_ctx, { playbookId }) {
      const filter = playbookId === undefined ? {} : { ref: playbookId };
      // The children of a fan-out are part of their parent's run, but their actions are actions like any other.
      const all = (await newest('execution', filter)).map(bodyOf);
      const executions = all.filter((body) => body['parentExecutionId'] === null);
      const approvals = (await newest('approval', filter)).map(bodyOf);
      const incidents = (await newest('incident', {})).map((view) => incidentOf(view).incident);
      const recent = await folded(all.slice(0, MAX_FOLDED));
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
            recent.filter(({ plan }) => id === null || plan.playbookId === id).flatMap(performedActions),
            ({ complete }) => complete,
          ),
        };
      };
      const ids = [...new Set(executions.map((body) => text(body, 'playbookId')))].sort();
      return {
        data: {
          id: 'metrics',
          total: figures(null),
          breakGlass: { uses: await countGlass({}), unreviewed: await countGlass({ status: UNREVIEWED }) },
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
