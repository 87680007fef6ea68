import { sha256Hex } from '../../../platform/hash.ts';
import type { DraftDocument } from './fill.ts';

/** A draft for each sink. The plain text is what is approved and handed in: its bytes are what is hashed. */

/** The text of a draft, with LF and one at its end. */
export function textOf({ title, sections }: DraftDocument): string {
  const parts = sections.map(({ heading, text }) => `${heading}\n${'-'.repeat(heading.length)}\n${text}`);
  return `${title}\n${'='.repeat(title.length)}\n\n${parts.join('\n\n')}\n`;
}

/** SHA-256 of the text, lower-case hexadecimal: what somebody approves. */
export function hashOf(document: DraftDocument): string {
  return sha256Hex(textOf(document));
}

/** As CommonMark in which nothing of the text is markup: no link, image, heading or HTML of an event comes alive. */
export function markdownOf({ title, sections }: DraftDocument): string {
  const parts = sections.map(({ heading, text }) => `## ${escaped(heading)}\n\n${linesOf(text)}`);
  return `# ${escaped(title)}\n\n${parts.join('\n\n')}\n`;
}

/** Each line stays one: a backslash at its end is a hard break. */
function linesOf(text: string): string {
  return text
    .split('\n')
    .map((line) => escaped(line.trim()))
    .join('\\\n')
    .replaceAll(/(?:\\\n){2,}/g, '\n\n');
}

/** Every ASCII punctuation mark may be escaped by a backslash (CommonMark 2.4); `&` and `<` would begin entities and HTML. */
function escaped(text: string): string {
  return text
    .replace(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g, (mark) => `\\${mark}`)
    .replace(/^(\d+)(?=\\[.)])/, '$1');
}
