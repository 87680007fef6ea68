import { sha256Base64Url } from '../../platform/hash.ts';
import type { OutgoingMessage, OutgoingNotice } from '../../pipeline/notifications/contract.ts';
import { topicOf } from '../../pipeline/notifications/digest-title.ts';
import {
  andMore,
  MAX_LISTED,
  shownMessage,
  type Room,
  type ShownMessage,
  type ShownNotice,
} from '../../pipeline/notifications/shown-message.ts';
import type { Severity } from '../../pipeline/vocabulary.ts';

/** An event of the Events API v2, without the routing key: that is a secret and joins it on the wire. */
export interface PagerDutyEvent {
  readonly event_action: 'trigger' | 'resolve';
  readonly dedup_key: string;
  readonly client?: string;
  readonly client_url?: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly payload?: {
    readonly summary: string;
    readonly severity: 'critical' | 'error' | 'warning' | 'info';
    readonly source: string;
    readonly class: string;
    readonly custom_details: { readonly text: readonly string[]; readonly facts: readonly string[] };
  };
}

/** Longest summary, in characters: the API cuts what is longer. */
const MAX_SUMMARY = 1_024;
/** Longest key of an alert, in characters. */
const MAX_DEDUP_KEY = 255;
/** Alerts that one message opens: beyond it a person is called once, not for each. */
const MAX_ALERTS = 5;
/** Alerts that one message closes: an integration takes 120 events a minute. */
const MAX_RESOLVED = 100;

const ROOM: Room = {
  notices: MAX_LISTED,
  titleLength: MAX_SUMMARY,
  lines: 20,
  lineLength: 1_000,
  facts: 40,
  labelLength: 80,
  valueLength: 1_000,
};

const SEVERITY: Readonly<Record<Severity, 'critical' | 'error' | 'warning' | 'info'>> = {
  CRITICAL: 'critical',
  HIGH: 'error',
  MEDIUM: 'warning',
  LOW: 'info',
};

/**
 * One event for each thing that a message has news of: the newest counts. All news of one thing are one alert; its decision closes
 * the alert. More than `MAX_ALERTS` new ones become one alert under the message's own key, which a person closes.
 */
export function pagerDutyEvents(message: OutgoingMessage): readonly PagerDutyEvent[] {
  const newest = new Map(message.notices.map((notice) => [topicOf(notice), notice]));
  const [closed, open] = [
    [...newest.values()].filter(closes),
    [...newest.values()].filter((notice) => !closes(notice)),
  ];
  const resolves = closed
    .slice(0, MAX_RESOLVED)
    .map((notice): PagerDutyEvent => ({ event_action: 'resolve', dedup_key: keyOf(topicOf(notice)) }));
  if (open.length === 0) return resolves;
  if (open.length > MAX_ALERTS) return [...resolves, digestAlert(shownMessage({ ...message, notices: open }, ROOM))];
  return [
    ...resolves,
    ...open.flatMap((notice) => shownMessage({ ...message, notices: [notice] }, ROOM).notices.map(alert)),
  ];
}

function closes({ kind }: OutgoingNotice): boolean {
  return kind === 'approval.decided' || kind === 'guard.resumed';
}

function alert(notice: ShownNotice): PagerDutyEvent {
  // Never the reader's own link: whoever is on call reads this.
  const { viewUrl: href, kind, severity, title, lines, facts } = notice;
  return {
    event_action: 'trigger',
    dedup_key: keyOf(topicOf(notice)),
    client: 'Firebreak',
    ...(href === null ? {} : { client_url: href, links: [{ href, text: 'Look at it' }] }),
    payload: {
      summary: title,
      severity: SEVERITY[severity],
      source: 'firebreak',
      class: kind,
      custom_details: { text: lines, facts: facts.map(({ label, value }) => `${label}: ${value}`) },
    },
  };
}

function digestAlert(shown: ShownMessage): PagerDutyEvent {
  const more = andMore(shown);
  const listed = shown.notices.map((notice) => `${notice.severity}: ${notice.title}`);
  return {
    event_action: 'trigger',
    dedup_key: keyOf(`message/${shown.id}`),
    client: 'Firebreak',
    payload: {
      summary: shown.title,
      severity: SEVERITY[shown.severity],
      source: 'firebreak',
      class: 'digest',
      custom_details: { text: [...listed, ...(more === null ? [] : [more])], facts: [] },
    },
  };
}

function keyOf(topic: string): string {
  const key = `firebreak/${topic}`;
  return key.length <= MAX_DEDUP_KEY ? key : `firebreak/${sha256Base64Url(topic)}`;
}
