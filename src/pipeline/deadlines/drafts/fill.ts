import { printable } from '../../../platform/printable.ts';
import type { FactName, Item, Template } from './templates.ts';

/** A draft as it stands: plain text in sections. What is missing stands in it as lines that begin with `MISSING:`. */
export interface DraftDocument {
  readonly title: string;
  readonly sections: readonly { readonly id: string; readonly heading: string; readonly text: string }[];
}

/** What is known, as labelled values; a fact that is not known is absent. Values are hostile: parts of them come from events. */
export type KnownFacts = Partial<Readonly<Record<FactName, readonly LabelledFact[]>>>;

export interface LabelledFact {
  readonly label: string;
  readonly value: string;
}

/** How a line begins that says what nobody has filled in yet. */
export const MISSING = 'MISSING:';
/** Longest value of one fact in a draft, in UTF-16 units; what is longer ends with an ellipsis. */
const MAX_FACT_LENGTH = 2_000;

/**
 * A draft of a template and of what is known. Nothing is invented: what no fact answers, or answers only in part, is said to be
 * missing. A value is one line of its own behind its label, so that no text of an event can look like a line of ours.
 */
export function fillTemplate({ title, sections }: Template, facts: KnownFacts): DraftDocument {
  return {
    title,
    sections: sections.map(({ id, heading, items }) => ({
      id,
      heading,
      text: items.flatMap((item) => linesOf(item, facts)).join('\n'),
    })),
  };
}

function linesOf({ asks, facts: names, partly }: Item, facts: KnownFacts): readonly string[] {
  const known = names.flatMap((name) => (Object.hasOwn(facts, name) ? (facts[name] ?? []) : []));
  const lines = known.map(({ label, value }) => `${label}: ${inOneLine(value)}`);
  return partly || lines.length === 0 ? [...lines, `${MISSING} ${asks}`] : lines;
}

/** White space becomes one space, and what moves a cursor or turns the direction of writing is shown as such. */
function inOneLine(value: string): string {
  const line = printable(value.replace(/\s+/gu, ' ').trim()).toWellFormed();
  return line.length <= MAX_FACT_LENGTH ? line : `${line.slice(0, MAX_FACT_LENGTH - 1)}…`.toWellFormed();
}

/** What is still missing in a draft, as its own lines say it, by section. */
export function missingIn({ sections }: DraftDocument): readonly string[] {
  return sections.flatMap(({ heading, text }) =>
    text
      .split('\n')
      .filter((line) => line.trimStart().startsWith(MISSING))
      .map((line) => `${heading}: ${line.trimStart().slice(MISSING.length).trim()}`),
  );
}
