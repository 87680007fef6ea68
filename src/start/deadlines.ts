import type { Services } from '../api/services.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { RegulatoryDesk } from '../pipeline/actions/desks.ts';
import { createBreachRegister } from '../pipeline/deadlines/breach-register.service.ts';
import { createDeadlineRuleService } from '../pipeline/deadlines/deadline-rules.service.ts';
import { createDeadlineService, type OnStarted } from '../pipeline/deadlines/deadlines.service.ts';
import { createRegulatoryDesk } from '../pipeline/deadlines/desk.ts';
import { createReminding, type Reminding } from '../pipeline/deadlines/reminding.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import type { TellRecord } from '../pipeline/tell-of-record.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { tickAll } from './tick-all.ts';

export interface DeadlineRoomPorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly tell: TellRecord;
  readonly hasEvidence?: (evidenceId: string) => Promise<boolean>;
  readonly onStarted?: OnStarted;
  onError(thrown: unknown): void;
}

/** Regulatory clocks: the API's verbs, the desk that runbooks ask, and what reminds of them. */
export interface DeadlineRoom {
  readonly services: Pick<Services, 'deadlines' | 'deadlineRules' | 'breachRegister'>;
  readonly desk: RegulatoryDesk;
  readonly reminding: Reminding;
  /** The runner as a timekeeper sees it: timers of clocks fall due with those of executions. */
  beside(runner: Runner): Pick<Runner, 'idle' | 'tick'>;
}

export function openDeadlines(ports: DeadlineRoomPorts): DeadlineRoom {
  const deadlineRules = createDeadlineRuleService(ports);
  const shared = { ...ports, rules: deadlineRules };
  const reminding = createReminding(shared);
  return {
    services: { deadlines: createDeadlineService(shared), deadlineRules, breachRegister: createBreachRegister(ports) },
    desk: createRegulatoryDesk(shared),
    reminding,
    beside: (runner) => ({
      get idle() {
        return runner.idle;
      },
      tick: () =>
        tickAll(
          () => runner.tick(),
          () => reminding.tick(),
        ),
    }),
  };
}
