import { ALARMS, isContactChannel, type NoticeChannel, type NoticeKind } from './contract.ts';
import { CHANNELS } from '../vocabulary.ts';

/** Which ways a notice takes. */

/** One way of one notice to one reader. Shared channels have no reader of their own. */
export interface Way {
  readonly channel: NoticeChannel;
  readonly userId: string | null;
  /** The regulatory contact that it goes to, the hash of the draft's text, and the message that waits for it on a page. */
  readonly contact?: { readonly id: string; readonly draftHash: string; readonly portalId?: string };
}

/** Beside in-app, which everybody gets who is told: the channels of a notice whose gate names none. */
const USUAL: Readonly<Record<NoticeKind, readonly NoticeChannel[]>> = {
  'approval.requested': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'approval.reminder': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  // From here on somebody is woken.
  'approval.escalated': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'approval.unanswerable': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'approval.decided': ['SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'approval.broken_glass': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'containment.provisional': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'execution.failed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'execution.told': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'guard.paused': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'guard.resume_proposed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'guard.resumed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'guard.changed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'guard.limit_reached': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'exemption.proposed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'exemption.confirmed': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'exemption.revoked': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'contact.told': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'deadline.started': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'deadline.reminded': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  'deadline.overrun': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'evidence.alarm': ['EMAIL', 'SLACK', 'TEAMS', 'PAGERDUTY', 'WEBHOOK'],
  // Whoever is on the path is woken: a level is only told when the one before did not answer.
  'vendor.escalated': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK', 'PAGERDUTY'],
  'vendor.acknowledged': ['EMAIL', 'SLACK', 'TEAMS', 'WEBHOOK'],
  // Never into a channel that all read: a task is for the roles that it names.
  'task.opened': ['EMAIL'],
  'task.assigned': ['EMAIL'],
  'task.reminded': ['EMAIL'],
  'delivery.dead': [],
  test: [],
};

/** Readers of one notice; who else might be told is named in the record as left out. A list of people who all act is no list. */
export const MAX_READERS = 200;

/** Regulatory contacts that one notice goes to; who would have been the next is named in the record. */
export const MAX_TOLD_CONTACTS = 50;

/** Most ways of one notice: in-app and mail to each reader, both ways to each contact, and the shared channels. */
export const MAX_WAYS = 2 * MAX_READERS + 2 * MAX_TOLD_CONTACTS + CHANNELS.length;

export interface RouteQuery {
  readonly kind: NoticeKind;
  /** Channels that were asked for; null: the usual ones. */
  readonly channels: readonly string[] | null;
  /** Channels that this installation has a way out for. */
  readonly configured: ReadonlySet<NoticeChannel>;
  /** Ids of the people who are told, at most `MAX_READERS`, and whether each wants mail of this kind. */
  readonly readers: readonly { readonly userId: string; readonly hasEmail: boolean; readonly wantsEmail: boolean }[];
}

/**
 * Every way a notice takes. Where no channel that was asked for has a way out, the usual ones are taken: a request that
 * nobody hears of is a silent wait.
 */
export function waysOf({ kind, channels, configured, readers }: RouteQuery): readonly Way[] {
  const open = (wanted: readonly string[]): readonly NoticeChannel[] =>
    [...configured].filter((channel) => wanted.includes(channel) && !isContactChannel(channel)).sort();
  const asked = channels === null ? [] : open(channels);
  const isOnlyInApp = channels !== null && channels.every((channel) => channel === 'IN_APP');
  const taken = asked.length > 0 || isOnlyInApp ? asked : open(USUAL[kind]);
  const personal = readers.flatMap(({ userId, hasEmail, wantsEmail }): readonly Way[] => [
    { channel: 'IN_APP', userId },
    ...(hasEmail && (wantsEmail || ALARMS.includes(kind)) && taken.includes('EMAIL')
      ? [{ channel: 'EMAIL', userId } as const]
      : []),
  ]);
  const shared = taken.filter((channel) => channel !== 'EMAIL' && channel !== 'IN_APP');
  return [...personal, ...shared.map((channel): Way => ({ channel, userId: null }))];
}
