import { describe, expect, it } from 'vitest';
import type { CallContext } from '../access/principal.ts';
import { createAuditService } from './audits.service.ts';
import type { Loaded } from './execution-store.ts';

const EXECUTIONS = 120;
/** What everything else may have to wait for. */
const MOST_AT_ONCE = 25;

/** A list looks into none of these here. */
const NOTHING = {} as unknown as CallContext & Loaded['state'] & Loaded['plan'];

describe('the list of audited actions', () => {
  it('lets others have their turn after every few executions that it reads', async () => {
    const inTurns = [0];
    const loaded: Loaded = { plan: { ...NOTHING, stages: [] }, state: NOTHING, seq: 1, trace: undefined };
    const unused = (): never => {
      throw new Error('is not asked here');
    };
    const items = Array.from({ length: EXECUTIONS }, (_, id) => ({ id: String(id), version: 1, at: 1, body: null }));
    const audits = createAuditService({
      journal: {
        longReads: { listViews: async () => ({ items, total: EXECUTIONS }), leafHashes: unused },
        readStream: async () => [],
        view: unused,
      },
      store: {
        load: async () => {
          inTurns.push((inTurns.pop() ?? 0) + 1);
          return loaded;
        },
        recall: unused,
        isStopped: unused,
        plan: unused,
        remember: unused,
        rememberPlan: unused,
        forget: unused,
      },
      machine: { turn: async () => void inTurns.push(0) },
    });
    await audits.list(NOTHING, { limit: 10, skip: 0 });
    expect(inTurns.reduce((sum, count) => sum + count, 0)).toBe(EXECUTIONS);
    expect(Math.max(...inTurns)).toBeLessThanOrEqual(MOST_AT_ONCE);
  });
});
