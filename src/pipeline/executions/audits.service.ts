import { FirebreakError } from '../../platform/errors.ts';
import type { JournalReader } from '../../journal/journal.ts';
import type { Machine } from '../../platform/machine.ts';
import type { CallContext } from '../access/principal.ts';
import type { Json } from '../../platform/canonical-json.ts';
import { given, severityOf, shownTime, type Answer, type Listing, type ListQuery, type Resource } from '../service.ts';
import { canonicalIdentity } from '../events/text.ts';
import { refuseArchived } from '../archived-thing.ts';
import { executionStream } from './change.ts';
import type { ExecutionStore } from './execution-store.ts';
import { auditItem } from './show.ts';

/** Executions that one list looks through, newest first; older ones are found by naming the execution. */
const MAX_EXECUTIONS_SCANNED = 1_000;
/** Executions that are read and folded at once: everything else waits meanwhile, some ms. */
const FOLDED_AT_ONCE = 25;

export interface AuditPorts {
  readonly journal: Pick<JournalReader, 'longReads' | 'readStream' | 'view'>;
  readonly store: ExecutionStore;
  readonly machine: Pick<Machine, 'turn'>;
}

export interface AuditService {
  /** One item for each action instance, of the newest 1,000 executions that match. */
  list(ctx: CallContext, query: ListQuery): Promise<Listing>;
  get(ctx: CallContext, input: { readonly id: string }): Promise<Answer>;
  /** The journal's own records behind it, oldest first. */
  records(
    ctx: CallContext,
    input: { readonly id: string; readonly limit: number; readonly skip: number },
  ): Promise<Listing>;
}

export function createAuditService({ journal, store, machine }: AuditPorts): AuditService {
  async function itemsOf(executionId: string): Promise<Resource[]> {
    const loaded = await store.load(executionId);
    const records = await journal.readStream(executionStream(executionId));
    return loaded.plan.stages.flatMap(({ actions }) => actions.map((action) => auditItem(loaded, action, records)));
  }

  async function executionIds(query: ListQuery): Promise<readonly string[]> {
    const { executionId, userId, playbookId, type } = query;
    const subject = userId === undefined ? undefined : (canonicalIdentity(userId) ?? userId);
    const wanted = given({ id: executionId, subject, ref: playbookId, severity: severityOf(query), type });
    const { items } = await journal.longReads.listViews({
      kind: 'execution',
      ...wanted,
      limit: MAX_EXECUTIONS_SCANNED,
      skip: 0,
    });
    return items.map(({ id }) => id);
  }

  return {
    async list(_ctx, query) {
      const found: Resource[] = [];
      for (const [index, id] of (await executionIds(query)).entries()) {
        const items = await itemsOf(id);
        found.push(...items.filter((item) => matches(item, query)));
        if (index % FOLDED_AT_ONCE === FOLDED_AT_ONCE - 1) await machine.turn();
      }
      return { items: found.slice(query.skip, query.skip + query.limit), total: found.length };
    },
    async get(_ctx, { id }) {
      const item = (await itemsOf(executionOf(id))).find((each) => each['id'] === id);
      if (item === undefined) throw new FirebreakError('not_found', `There is no audited action ${id}`);
      return { data: item };
    },
    async records(_ctx, { id, limit, skip }) {
      const stream = executionStream(executionOf(id));
      const records = await journal.readStream(stream);
      if (records.length === 0) await refuseArchived(journal, stream);
      if (records.length === 0) throw new FirebreakError('not_found', `There is no execution ${executionOf(id)}`);
      const page = records.slice(skip, skip + limit);
      return {
        items: page.map(({ record, hash }) => ({
          id: `${record.stream}#${record.seq}`,
          hash,
          at: shownTime(record.at),
          record: record as unknown as Json, // read from JSON
        })),
        total: records.length,
      };
    },
  };
}

/** An audit id is `<execution>:<action>`; an execution's id alone means its whole stream. */
function executionOf(id: string): string {
  return id.split(':', 1)[0] ?? id;
}

function matches(item: Resource, { status, actionType }: ListQuery): boolean {
  if (status !== undefined && item['status'] !== status) return false;
  return actionType === undefined || item['actionType'] === actionType;
}
