import type { Services } from '../api/services.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { TaskDesk } from '../pipeline/actions/desks.ts';
import type { ExecutionStore } from '../pipeline/executions/execution-store.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import { createTaskDesk } from '../pipeline/tasks/desk.ts';
import { createTaskReminders } from '../pipeline/tasks/reminding.ts';
import { createTaskService } from '../pipeline/tasks/tasks.service.ts';
import { createUnsettled } from '../pipeline/tasks/unsettled.ts';
import type { TellRecord } from '../pipeline/tell-of-record.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { tickAll } from './tick-all.ts';

export interface TaskRoomPorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly tell: TellRecord;
  onError(thrown: unknown): void;
}

/** Work that people finish: the API's verbs, what actions ask, what executions leave for people, and reminders. */
export interface TaskRoom {
  readonly services: Pick<Services, 'tasks'>;
  readonly desk: TaskDesk;
  /** Looks at what an execution leaves for people. */
  readonly look: (executionId: string) => Promise<void>;
  /** The runner as a timekeeper sees it: timers of tasks fall due with those of executions. */
  beside(runner: Pick<Runner, 'idle' | 'tick'>): Pick<Runner, 'idle' | 'tick'>;
}

export function openTasks(ports: TaskRoomPorts): TaskRoom {
  const reminders = createTaskReminders(ports);
  return {
    services: { tasks: createTaskService(ports) },
    desk: createTaskDesk(ports),
    look: createUnsettled(ports),
    beside: (runner) => ({
      get idle() {
        return runner.idle;
      },
      tick: () =>
        tickAll(
          () => runner.tick(),
          () => reminders.tick(),
        ),
    }),
  };
}
