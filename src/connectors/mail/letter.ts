import { sha256Base64Url } from '../../platform/hash.ts';
import type { OutgoingMessage } from '../../pipeline/notifications/contract.ts';
import { topicOf } from '../../pipeline/notifications/digest-title.ts';
import {
  andMore,
  MAX_LISTED,
  shownMessage,
  type Room,
  type ShownMessage,
  type ShownNotice,
} from '../../pipeline/notifications/shown-message.ts';

/** A mail, with nothing in it that a header or a mark-up could be made of. */
export interface Letter {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Of the message, so that every try of it has the same: receivers recognise a repetition by it. */
  readonly messageId: string;
  /** What all news of one thing answer to, so that readers see them as one conversation; null for a digest of several. */
  readonly threadId: string | null;
}

/** A mail may be long; a subject line is cut by readers at about 70 characters, and RFC 5322 allows 998. */
const ROOM: Room = {
  notices: MAX_LISTED,
  titleLength: 200,
  lines: 40,
  lineLength: 2_000,
  facts: 40,
  labelLength: 80,
  valueLength: 1_000,
};

/** @param domain of the sender, where the ids of its mails are unique. */
export function letterOf(message: OutgoingMessage, domain: string): Letter {
  const shown = shownMessage(message, ROOM);
  const topics = new Set(message.notices.map(topicOf));
  const [topic = ''] = topics;
  return {
    subject: `[Firebreak] ${shown.severity}: ${shown.title}`,
    text: textOf(shown),
    html: htmlOf(shown),
    messageId: mailId(`message/${message.id}`, domain),
    threadId: topics.size === 1 ? mailId(`topic/${topic}`, domain) : null,
  };
}

/** Hashed: an id is text too, and here it becomes a header. */
function mailId(name: string, domain: string): string {
  return `<firebreak.${sha256Base64Url(name)}@${domain}>`;
}

const ANSWER_HINT = 'The link is for you alone and works once: please do not forward this mail.';
const FOOTER = 'Sent by Firebreak. A reply to this mail is not read.';

function textOf(shown: ShownMessage): string {
  const parts = shown.notices.map((notice) => noticeText(notice));
  const more = andMore(shown);
  const head = shown.notices.length > 1 || more !== null ? [shown.title] : [];
  return [...head, ...parts, ...(more === null ? [] : [more]), `-- \n${FOOTER}`, ''].join('\n\n');
}

function noticeText(notice: ShownNotice): string {
  const facts = notice.facts.map(({ label, value }) => `${label}: ${value}`);
  const links = [
    ...(notice.viewUrl === null ? [] : [`Look at it: ${notice.viewUrl}`]),
    ...(notice.answerUrl === null ? [] : [`Answer: ${notice.answerUrl}`, ANSWER_HINT]),
  ];
  return [`${notice.severity}: ${notice.title}`, ...notice.lines, facts.join('\n'), links.join('\n')]
    .filter((part) => part !== '')
    .join('\n\n');
}

function htmlOf(shown: ShownMessage): string {
  const more = andMore(shown);
  const several = shown.notices.length > 1 || more !== null;
  return [
    '<!doctype html><html><body style="font-family:sans-serif;max-width:40em">',
    several ? `<h1 style="font-size:1.2em">${escaped(shown.title)}</h1>` : '',
    ...shown.notices.map(noticeHtml),
    more === null ? '' : `<p>${escaped(more)}</p>`,
    `<hr><p style="color:#666">${FOOTER}</p></body></html>`,
  ].join('\n');
}

function noticeHtml(notice: ShownNotice): string {
  const facts = notice.facts.map(
    ({ label, value }) => `<tr><th align="left" valign="top">${escaped(label)}</th><td>${escaped(value)}</td></tr>`,
  );
  return [
    `<h2 style="font-size:1.1em">${notice.severity}: ${escaped(notice.title)}</h2>`,
    ...notice.lines.map((line) => `<p>${escaped(line)}</p>`),
    facts.length === 0 ? '' : `<table cellpadding="4">${facts.join('')}</table>`,
    notice.viewUrl === null ? '' : `<p><a href="${escaped(notice.viewUrl)}">Look at it</a></p>`,
    notice.answerUrl === null
      ? ''
      : `<p><a href="${escaped(notice.answerUrl)}"><b>Answer</b></a> ${escaped(ANSWER_HINT)}</p>`,
  ].join('\n');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
