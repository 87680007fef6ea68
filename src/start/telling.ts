import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import type { Machine } from '../platform/machine.ts';
import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import type { QueuedEffect } from '../journal/membership.ts';
import { enabledPeople } from '../pipeline/access/access-in-force.ts';
import { unendedDelegations } from '../pipeline/access/delegation.store.ts';
import type { PeopleDesk } from '../pipeline/actions/desks.ts';
import type { ExecutionStore } from '../pipeline/executions/execution-store.ts';
import type { NewInput } from '../pipeline/executions/core/inputs.ts';
import type { Teller } from '../pipeline/executions/runner.ts';
import type { OutgoingNotice, Notice, Sender } from '../pipeline/notifications/contract.ts';
import { createCourier, type Courier, type CourierPorts } from '../pipeline/notifications/courier.ts';
import { createLiveNotices } from '../pipeline/notifications/live.ts';
import { createNotices } from '../pipeline/notifications/notices.ts';
import {
  createNotificationService,
  type NotificationService,
} from '../pipeline/notifications/notifications.service.ts';
import { wantsByMail } from '../pipeline/notifications/preferences.ts';
import { createPeopleDesk } from '../pipeline/notifications/people-desk.ts';
import { createTeller, type PeopleTeller } from '../pipeline/notifications/teller.ts';

export interface TellingPorts {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly store: Pick<ExecutionStore, 'load'>;
  readonly machine: Machine;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly closing: AbortSignal;
  readonly senders: readonly Sender[];
  readonly messagesPerMinute: number;
  /** Whether this process brings messages to their readers, or leaves that to others. */
  readonly performs: boolean;
  addressesFor(notice: Notice, userId: string | null): Pick<OutgoingNotice, 'viewUrl' | 'answerUrl'>;
  /** How a regulatory contact can be reached now. */
  readonly contactFor?: CourierPorts['contactFor'];
  /** Told of an execution that may leave something for people, before they are told of it; may be told of the same again. */
  leaves?(executionId: string): Promise<void>;
  /** Hands an execution what was found out about its request. */
  tellExecution(executionId: string, input: NewInput): Promise<unknown>;
  onError(thrown: unknown): void;
}

/** How people are told: what the runner is given, what takes over queue entries, and the API's verbs. */
export interface Telling {
  readonly teller: Teller;
  bring(owed: readonly QueuedEffect[]): Promise<void>;
  readonly service: NotificationService;
  /** People as actions reach them. */
  readonly people: PeopleDesk;
}

/** Puts the parts together. A process that does not perform queues what has to be told and leaves it to those that do. */
export function openTelling(ports: TellingPorts): Telling {
  const { journal, performs, senders } = ports;
  const notices = createNotices(ports);
  const channels = senders.map(({ channel }) => channel);
  const courier: Courier = performs
    ? createCourier({
        ...ports,
        members: journal.members,
        notices,
        onDead: (dead) => teller.tellOfDead(dead),
      })
    : { deliver: () => undefined, bring: async () => undefined };
  const teller: PeopleTeller = createTeller({
    ...ports,
    notices,
    channels,
    courier: () => courier,
    people: () => enabledPeople(journal),
    delegations: () => unendedDelegations(journal, ports.clock.now()),
    wantsEmail: async (userId, kind) => wantsByMail((await journal.view('preference', userId))?.body, kind),
  });
  return {
    teller: performs ? teller : { tell: () => undefined },
    bring: (owed) => teller.bring(owed),
    people: createPeopleDesk(teller, notices),
    service: createNotificationService({
      ...ports,
      notices,
      configured: channels,
      deliver: courier.deliver,
      live: createLiveNotices(ports),
    }),
  };
}
