import type { HealthService } from './api/services.ts';
import type { GroupCommitter } from './journal/group-commit.ts';
import type { Journal } from './journal/journal.ts';
import type { LogKeeper } from './journal/log-keeper.ts';
import { UNREVIEWED } from './pipeline/executions/glass-entry.ts';
import { readPause } from './pipeline/guards/pause-row.ts';
import type { SetBack } from './pipeline/recovery/recovery.service.ts';
import type { WallClock } from './platform/clock.ts';
import { MAX_UNSTAMPED_MS } from './timestamps/stamping.ts';
import { MAX_UNWITNESSED_MS, type Witnessing } from './witness/witnessing.ts';

/** Leaves that may lie unsigned before the server calls itself unwell: a hundred checkpoints late. */
const MAX_UNSIGNED_LEAVES = 10_000;

export interface HealthPorts {
  readonly journal: Pick<Journal, 'listViews' | 'view'>;
  /** Whether the last commit succeeded: a store that can only be read serves nobody. */
  readonly committer: Pick<GroupCommitter, 'ailing'>;
  readonly keeper: Pick<LogKeeper, 'state'>;
  readonly witness: Pick<Witnessing, 'unwitnessedMs'>;
  readonly timeStamps: { unstampedMs(): number | null };
  readonly evidenceStore: { readonly ailing: boolean };
  readonly wall: Pick<WallClock, 'jumpMs'>;
  /** Null: the journal is in use. */
  readonly setBack: SetBack | null;
  /** Executions that this process cannot go on with. */
  readonly runner: { readonly stuck: number };
  /** How taking runbooks from Git at the start went. */
  readonly fromGit: { failure(): string | null };
}

/** Whether the parts that requests need can do their work, told in the seeds' shape too. */
export function createHealthService({
  journal,
  committer,
  keeper,
  witness,
  timeStamps,
  evidenceStore,
  wall,
  setBack,
  runner,
  fromGit,
}: HealthPorts): HealthService {
  async function failing(): Promise<readonly string[]> {
    const { size, signedSize } = keeper.state();
    const log = size - signedSize > MAX_UNSIGNED_LEAVES ? ['log'] : [];
    try {
      await journal.view('setup', 'setup');
    } catch {
      return ['journal', ...log];
    }
    return committer.ailing ? ['journal', ...log] : log;
  }

  async function count(kind: 'execution' | 'approval' | 'break-glass', status: string): Promise<number> {
    try {
      return (await journal.listViews({ kind, status, limit: 1, skip: 0 })).total;
    } catch {
      return 0; // The parts that fail are named beside it.
    }
  }

  async function alarmed(): Promise<number> {
    try {
      return (await journal.listViews({ kind: 'evidence', severity: 'HIGH', limit: 1, skip: 0 })).total;
    } catch {
      return 0; // The parts that fail are named beside it.
    }
  }

  async function pausedSince(): Promise<number | null> {
    try {
      return (await readPause(journal)).document.paused?.since ?? null;
    } catch {
      return null; // The journal is named beside it.
    }
  }

  return {
    async ready() {
      const parts = await failing();
      return { ready: parts.length === 0, failing: parts };
    },
    async playbooks() {
      const parts = await failing();
      const stored = !parts.includes('journal');
      const unwitnessedMs = witness.unwitnessedMs();
      // Shown as unwell, but requests go on: containment must not wait for somebody else's machine.
      const witnessed = (unwitnessedMs ?? 0) <= MAX_UNWITNESSED_MS;
      const unstampedMs = timeStamps.unstampedMs();
      const stamped = (unstampedMs ?? 0) <= MAX_UNSTAMPED_MS;
      // Containment goes on without it: what cannot be preserved says so where it happens.
      const stores = !evidenceStore.ailing;
      const clockJumpMs = wall.jumpMs();
      const goesOn = runner.stuck === 0;
      return {
        healthy:
          parts.length === 0 && witnessed && stamped && stores && goesOn && clockJumpMs === 0 && setBack === null,
        models: {
          incidentPlaybook: stored,
          playbookExecution: stored,
          playbookApprovalsPolicy: stored,
          playbookActionAudit: stored && !parts.includes('log') && witnessed,
        },
        active: (await count('execution', 'RUNNING')) + (await count('execution', 'COMPENSATING')),
        pendingApprovals: await count('approval', 'PENDING'),
        stuck: runner.stuck,
        pausedSince: await pausedSince(),
        unreviewedBreakGlass: await count('break-glass', UNREVIEWED),
        alarmedEvidence: await alarmed(),
        evidenceStoreAiling: evidenceStore.ailing,
        runbooksOutOfDate: fromGit.failure() !== null,
        unwitnessedMs,
        unstampedMs,
        clockJumpMs,
        setBack:
          setBack === null
            ? null
            : { size: setBack.size, publishedSize: Math.max(...setBack.lost.map(({ size }) => size)) },
      };
    },
  };
}
