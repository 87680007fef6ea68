import type { HealthService } from './api/services.ts';
import type { Journal } from './journal/journal.ts';
import type { LogKeeper } from './journal/log-keeper.ts';

/** Leaves that may lie unsigned before the server calls itself unwell: a hundred checkpoints late. */
const MAX_UNSIGNED_LEAVES = 10_000;

export interface HealthPorts {
  readonly journal: Pick<Journal, 'listViews' | 'eventCount'>;
  readonly keeper: LogKeeper;
}

/** Whether the parts that requests need can do their work, told in the seeds' shape too. */
export function createHealthService({ journal, keeper }: HealthPorts): HealthService {
  async function failing(): Promise<readonly string[]> {
    const { size, signedSize } = keeper.state();
    const log = size - signedSize > MAX_UNSIGNED_LEAVES ? ['log'] : [];
    try {
      await journal.eventCount();
      return log;
    } catch {
      return ['journal', ...log];
    }
  }

  async function count(kind: 'execution' | 'approval', status: string): Promise<number> {
    return (await journal.listViews({ kind, status, limit: 1, skip: 0 })).total;
  }

  return {
    async ready() {
      const parts = await failing();
      return { ready: parts.length === 0, failing: parts };
    },
    async playbooks() {
      const parts = await failing();
      const stored = !parts.includes('journal');
      return {
        healthy: parts.length === 0,
        models: {
          incidentPlaybook: stored,
          playbookExecution: stored,
          playbookApprovalsPolicy: stored,
          playbookActionAudit: stored && !parts.includes('log'),
        },
        active: stored ? (await count('execution', 'RUNNING')) + (await count('execution', 'COMPENSATING')) : 0,
        pendingApprovals: stored ? await count('approval', 'PENDING') : 0,
      };
    },
  };
}
