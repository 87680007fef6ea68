import type { OutgoingMessage } from '../../pipeline/notifications/contract.ts';
import {
  andMore,
  MAX_LISTED,
  shownMessage,
  type Room,
  type ShownNotice,
} from '../../pipeline/notifications/shown-message.ts';
import { escapedForSlack } from './escape.ts';

/** What a button carries: exactly what is answered. */
export interface ButtonValue {
  readonly approvalId: string;
  readonly executionId: string;
  readonly intentHash: string;
}

export const APPROVE_ACTION = 'firebreak_approve';
export const DENY_ACTION = 'firebreak_deny';
/** A link. Slack tells of it too when it is pressed. */
export const VIEW_ACTION = 'firebreak_view';

/** Limits of Block Kit, in characters as they are sent. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
const MAX_VALUE = 2_000;
const MAX_CONFIRM = 300;

/** One section has all of a notice, so this only bounds what is looked at before `MAX_SECTION` cuts. */
const ROOM: Room = {
  notices: MAX_LISTED,
  titleLength: 250,
  lines: 10,
  lineLength: 1_000,
  facts: 20,
  labelLength: 60,
  valueLength: 500,
};

type Json = { readonly [member: string]: unknown };

/**
 * A message for an incoming webhook: Block Kit in plain text only, so that nothing in it is markup, and escaped, so that
 * no mention, channel call or link can be smuggled in.
 *
 * @param buttons whether answers come back (there is a signing secret to check them with). Who answers has to see all of
 * what is asked: a notice that had to be shortened gets a link instead.
 */
export function slackMessage(message: OutgoingMessage, buttons: boolean): Json {
  const shown = shownMessage(message, ROOM);
  const more = andMore(shown);
  const several = message.notices.length > 1;
  const title = `${shown.severity}: ${shown.title}`;
  const header = { type: 'header', text: plain(title, MAX_HEADER).element };
  return {
    // What a phone shows before the message is opened.
    text: plain(title, MAX_SECTION).element.text,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      header,
      ...shown.notices.flatMap((notice) => noticeBlocks(notice, several, buttons)),
      ...(more === null ? [] : [section(more).block]),
    ],
  };
}

/** Two blocks at most: what it is, and what can be done. */
function noticeBlocks(notice: ShownNotice, several: boolean, buttons: boolean): readonly Json[] {
  const { severity, title, lines, facts } = notice;
  const head = several ? `${severity}: ${title}` : title;
  const text = section([head, ...lines, ...facts.map(({ label, value }) => `${label}: ${value}`)].join('\n'));
  const elements = buttons && notice.whole && text.whole ? answerButtons(notice) : [];
  const link = linkButton(notice);
  const all = [...elements, ...(link === null ? [] : [link])];
  return [text.block, ...(all.length === 0 ? [] : [{ type: 'actions', elements: all }])];
}

function answerButtons({ ask, severity, title }: ShownNotice): readonly Json[] {
  if (ask === null) return [];
  const { approvalId, executionId, intentHash } = ask;
  const value = JSON.stringify({ approvalId, executionId, intentHash } satisfies ButtonValue);
  if (value.length > MAX_VALUE) return [];
  return [
    answerButton('Approve', APPROVE_ACTION, 'primary', value, `${severity}: ${title}`),
    answerButton('Deny', DENY_ACTION, 'danger', value, `${severity}: ${title}`),
  ];
}

function answerButton(label: string, actionId: string, style: string, value: string, what: string): Json {
  return {
    type: 'button',
    action_id: actionId,
    style,
    value,
    text: plain(label, MAX_CONFIRM).element,
    confirm: {
      title: plain(`${label}?`, MAX_CONFIRM).element,
      text: plain(what, MAX_CONFIRM).element,
      confirm: plain(label, MAX_CONFIRM).element,
      deny: plain('Not now', MAX_CONFIRM).element,
    },
  };
}

/** Never the reader's own link: a channel has many readers. */
function linkButton({ viewUrl }: ShownNotice): Json | null {
  return viewUrl === null
    ? null
    : { type: 'button', action_id: VIEW_ACTION, text: plain('Look at it', MAX_CONFIRM).element, url: viewUrl };
}

function section(text: string): { readonly block: Json; readonly whole: boolean } {
  const { element, whole } = plain(text, MAX_SECTION);
  return { block: { type: 'section', text: element }, whole };
}

/** Without `emoji` a text like `:skull:` stays what it is. */
function plain(text: string, max: number) {
  const { escaped, whole } = escapedWithin(text, max);
  return { element: { type: 'plain_text', text: escaped, emoji: false }, whole };
}

/** The three characters by which Slack knows its markup, escaped; never cut inside an escape or a character. */
function escapedWithin(text: string, max: number): { readonly escaped: string; readonly whole: boolean } {
  let escaped = '';
  for (const character of text) {
    const next = escapedForSlack(character);
    if (escaped.length + next.length > max - 1) return { escaped: `${escaped}…`, whole: false };
    escaped += next;
  }
  return { escaped, whole: true };
}
