import type { Severity } from '../vocabulary.ts';
import type { Notice, NoticeKind, OutgoingMessage, OutgoingNotice } from './contract.ts';
import { digestTitle, severest } from './digest-title.ts';
import { oneLine } from './one-line.ts';

/** How much of a message a channel has room for: counts, and lengths in UTF-16 units. */
export interface Room {
  readonly notices: number;
  readonly titleLength: number;
  readonly lines: number;
  readonly lineLength: number;
  readonly facts: number;
  readonly labelLength: number;
  readonly valueLength: number;
}

/** A message as its readers see it: every text is one line, and nothing is longer than there is room for. */
export interface ShownMessage {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** The first ones, in the order in which they came. */
  readonly notices: readonly ShownNotice[];
  /** How many more there are. */
  readonly more: number;
}

export interface ShownNotice {
  readonly kind: NoticeKind;
  readonly severity: Severity;
  readonly title: string;
  readonly lines: readonly string[];
  readonly facts: readonly { readonly label: string; readonly value: string }[];
  readonly about: Notice['about'];
  readonly ask: Notice['ask'];
  /** http or https; null where there is none. */
  readonly viewUrl: string | null;
  readonly answerUrl: string | null;
  /** Nothing was left out: who answers has seen all of what is asked. */
  readonly whole: boolean;
}

/** Longest link, in characters: a signed link has below 500, and buttons of Slack take 3,000. */
const MAX_LINK_LENGTH = 1_000;

/** Notices that a message for people lists; how many more there are is said. Slack takes 50 blocks, two for each. */
export const MAX_LISTED = 20;

/** Some receivers refuse a message without a title. */
const UNTITLED = '(untitled)';

/** A digest is a list: each of its notices gets this much room at most. */
const IN_A_DIGEST = { lines: 2, lineLength: 300, facts: 8, valueLength: 200 } as const;

/** Makes a message fit, and takes the teeth out of its texts. Markup is the channel's to escape. */
export function shownMessage(message: OutgoingMessage, room: Room): ShownMessage {
  const listed = message.notices.slice(0, room.notices);
  const each = message.notices.length > 1 ? roomInDigest(room) : room;
  return {
    id: message.id,
    title: oneLine(digestTitle(message.notices), room.titleLength).text || UNTITLED,
    severity: severest(message.notices).severity,
    notices: listed.map((notice) => shownNotice(notice, each)),
    more: message.notices.length - listed.length,
  };
}

/** The last line of a list that is not all, or null. */
export function andMore({ more }: ShownMessage): string | null {
  return more === 0 ? null : `… and ${more} more.`;
}

function roomInDigest(room: Room): Room {
  return {
    ...room,
    lines: Math.min(room.lines, IN_A_DIGEST.lines),
    lineLength: Math.min(room.lineLength, IN_A_DIGEST.lineLength),
    facts: Math.min(room.facts, IN_A_DIGEST.facts),
    valueLength: Math.min(room.valueLength, IN_A_DIGEST.valueLength),
  };
}

function shownNotice(notice: OutgoingNotice, room: Room): ShownNotice {
  let whole = notice.lines.length <= room.lines && notice.facts.length <= room.facts;
  const fitted = (text: string, max: number): string => {
    const line = oneLine(text, max);
    whole &&= line.whole;
    return line.text;
  };
  const title = fitted(notice.title, room.titleLength) || UNTITLED;
  const lines = notice.lines.slice(0, room.lines).map((line) => fitted(line, room.lineLength));
  const facts = notice.facts.slice(0, room.facts).map(({ label, value }) => ({
    label: fitted(label, room.labelLength),
    value: fitted(value, room.valueLength),
  }));
  const { kind, severity, about, ask } = notice;
  const [viewUrl, answerUrl] = [link(notice.viewUrl), link(notice.answerUrl)];
  return { kind, severity, title, lines, facts, about, ask, viewUrl, answerUrl, whole };
}

/** Only what a browser opens as a page: another scheme in a link is a way to run something. */
function link(url: string | null): string | null {
  if (url === null || url.length > MAX_LINK_LENGTH || !URL.canParse(url)) return null;
  const { protocol, href } = new URL(url);
  return protocol === 'https:' || protocol === 'http:' ? href : null;
}
