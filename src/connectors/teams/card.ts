import type { OutgoingMessage } from '../../pipeline/notifications/contract.ts';
import {
  andMore,
  MAX_LISTED,
  shownMessage,
  type Room,
  type ShownMessage,
  type ShownNotice,
} from '../../pipeline/notifications/shown-message.ts';
import { fitBytes } from '../fit-bytes.ts';

/** Biggest post, in bytes: a workflow takes 28 KB, and what wraps the card needs some of it. */
const MAX_POST_BYTES = 26_000;

/** Roomiest first: the one that fits is sent. The last fits whatever its characters are. */
const ROOMS: readonly Room[] = [
  { notices: MAX_LISTED, titleLength: 250, lines: 10, lineLength: 1_000, facts: 20, labelLength: 60, valueLength: 300 },
  { notices: MAX_LISTED, titleLength: 150, lines: 3, lineLength: 250, facts: 10, labelLength: 40, valueLength: 80 },
  { notices: 10, titleLength: 80, lines: 1, lineLength: 100, facts: 3, labelLength: 20, valueLength: 40 },
  { notices: 3, titleLength: 60, lines: 0, lineLength: 1, facts: 0, labelLength: 1, valueLength: 1 },
];

type Json = { readonly [member: string]: unknown };

/**
 * What a Teams workflow posts: an Adaptive Card 1.4, as text. All news stand in `RichTextBlock`s, which know no markdown
 * (`TextBlock` and `FactSet` do), so that hostile text shows as it is.
 */
export function teamsPost(message: OutgoingMessage): string {
  return fitBytes(ROOMS, (room) => JSON.stringify(post(shownMessage(message, room))), MAX_POST_BYTES);
}

function post(shown: ShownMessage): Json {
  const several = shown.notices.length + shown.more > 1;
  const more = andMore(shown);
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    // Teams shows a card small unless told otherwise.
    msteams: { width: 'Full' },
    body: [
      richText([run(`${shown.severity}: ${shown.title}`, { weight: 'bolder', size: 'large' })]),
      ...shown.notices.map((notice) => container(notice, several)),
      ...(more === null ? [] : [richText([run(more)])]),
    ],
  };
  return {
    type: 'message',
    attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content }],
  };
}

function container(notice: ShownNotice, several: boolean): Json {
  const { severity, title, lines, facts, viewUrl } = notice;
  const head = several ? [richText([run(`${severity}: ${title}`, { weight: 'bolder' })])] : [];
  const items = [
    ...head,
    ...lines.map((line) => richText([run(line)])),
    ...facts.map(({ label, value }) => richText([run(`${label}: `, { weight: 'bolder' }), run(value)])),
    // Never the reader's own link: a channel has many readers.
    ...(viewUrl === null ? [] : [{ type: 'ActionSet', actions: [openUrl(viewUrl)] }]),
  ];
  return { type: 'Container', separator: true, items };
}

function openUrl(url: string): Json {
  return { type: 'Action.OpenUrl', title: 'Look at it', url };
}

function richText(inlines: readonly Json[]): Json {
  return { type: 'RichTextBlock', inlines };
}

function run(text: string, style: Json = {}): Json {
  return { type: 'TextRun', text: withoutFunctions(text), ...style };
}

/** `{{DATE(...)}}` and `{{TIME(...)}}` are worked out in every text: a space of no width keeps them what they are. */
function withoutFunctions(text: string): string {
  return text.replaceAll('{{', '{\u200b{');
}
