import type { GroupCommitter } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { enabledPeople } from '../pipeline/access/access-in-force.ts';
import type { GovernanceReader } from '../pipeline/approvals/governance.ts';
import { mailRefusalOf, portalRefusalOf } from '../pipeline/deadlines/contacts/contact.ts';
import { createContactService } from '../pipeline/deadlines/contacts/contacts.service.ts';
import { createDeadlineRuleService } from '../pipeline/deadlines/deadline-rules.service.ts';
import type { Event } from '../pipeline/events/event.ts';
import type { Runner } from '../pipeline/executions/runner.ts';
import { createEventPlanService, type EventPlanService } from '../pipeline/intake/event-plan/event-plan.service.ts';
import { isContactChannel, type Sender } from '../pipeline/notifications/contract.ts';
import { whoIsOnCall, type OnCallBook } from '../pipeline/oncall/book.ts';
import type { PlaybookService } from '../pipeline/playbooks/playbooks.service.ts';
import type { Clock } from '../platform/clock.ts';
import type { Ids } from '../platform/ids.ts';
import { peopleChannels } from './senders.ts';

/** Playbooks that are looked through for those that cannot be run: as many as there may be of runbooks. */
const MAX_LOOKED_AT = 800;

export interface EventPlanRoom {
  readonly journal: Journal;
  readonly committer: GroupCommitter;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly runner: Pick<Runner, 'startChange'>;
  readonly playbooks: PlaybookService;
  readonly governance: GovernanceReader;
  /** The ways out of here. */
  readonly senders: readonly Pick<Sender, 'channel'>[];
  readonly onCall: { book(): Promise<OnCallBook> };
  withPlace(event: Event): Event;
}

/** Plans for alerts, with the clocks, the people and the contacts that there are. */
export function openEventPlans(ports: EventPlanRoom): EventPlanService {
  const { journal, senders, onCall } = ports;
  const rules = createDeadlineRuleService(ports);
  const contacts = createContactService(ports);

  async function unusable(severity: string, usable: ReadonlySet<string>): Promise<readonly string[]> {
    const query = {
      kind: 'playbook',
      status: 'ENABLED',
      type: 'RUNBOOK',
      severity,
      limit: MAX_LOOKED_AT,
      skip: 0,
    } as const;
    const { items } = await journal.listViews(query);
    return items.map(({ id }) => id).filter((id) => !usable.has(id));
  }

  return createEventPlanService({
    ...ports,
    clockRules: () => rules.inForce(),
    async present(severity, active, ctx) {
      const known = new Set(active.map(({ playbookId }) => playbookId));
      const [people, book, named] = await Promise.all([enabledPeople(journal), onCall.book(), contacts.all()]);
      const able = {
        ENCRYPTED_EMAIL: named.some(({ contact }) => mailRefusalOf(contact, ctx.now) === null),
        SECURE_PORTAL: named.some(({ contact }) => portalRefusalOf(contact, ctx.now) === null),
      };
      const ways = senders.map(({ channel }) => channel).filter(isContactChannel);
      // A way out and somebody at its end: both are needed.
      const reach = new Set([...peopleChannels(senders), ...ways.filter((channel) => able[channel])]);
      return {
        people,
        onCall: (schedule) => whoIsOnCall(book, [schedule], ctx.now)[schedule] ?? [],
        canReach: (channel) => reach.has(channel),
        unusable: await unusable(severity, known),
        requesterId: ctx.principal.userId,
      };
    },
  });
}
