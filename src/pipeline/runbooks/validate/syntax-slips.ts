import type { RuleId } from './problem.ts';
import type { TextEdit } from './text-edit.ts';

/** A slip of the pen that makes YAML unreadable, found by looking at lines: a parser stumbles over it much later. */
export interface Slip {
  readonly rule: RuleId;
  readonly message: string;
  readonly fix: string;
  readonly offset: number;
  readonly end: number;
  readonly repairs: readonly (readonly TextEdit[])[];
}

/** Longest line that is looked at, in UTF-16 units. */
const MAX_LINE = 5_000;

/** The first slip of a YAML text, or null. */
export function firstSlip(text: string): Slip | null {
  let offset = 0;
  for (const line of text.split('\n')) {
    const slip = line.length > MAX_LINE ? null : slipIn(line, offset, text);
    if (slip !== null) return slip;
    offset += line.length + 1;
  }
  return null;
}

function slipIn(line: string, offset: number, text: string): Slip | null {
  return (
    tab(line, offset, text) ??
    template(line, offset) ??
    openQuote(line, offset) ??
    openList(line, offset, text) ??
    bareList(line, offset) ??
    colon(line, offset)
  );
}

/** All tabs of the file at once: a file that has one tab mostly has more. */
function tab(line: string, offset: number, text: string): Slip | null {
  const indent = /^[ ]*\t[ \t]*/.exec(line)?.[0];
  if (indent === undefined || indent.length === line.length) return null;
  return {
    rule: 'tab',
    message: 'A line is indented by a tab, which YAML does not allow',
    fix: 'Indent it by blanks.',
    offset: offset + indent.indexOf('\t'),
    end: offset + indent.length,
    repairs: tabWidths(text).map((width) => tabsTo(text, ' '.repeat(width))),
  };
}

/** Most widths that are tried for a tab. */
const MAX_WIDTHS = 16;

/** The usual ones first, then every indentation that the file has. */
function tabWidths(text: string): readonly number[] {
  const used = [...text.matchAll(/^ +(?:- +)?/gm)].map(({ 0: indent }) => indent.length);
  return [...new Set([2, 4, 8, ...used])].slice(0, MAX_WIDTHS);
}

function tabsTo(text: string, blanks: string): readonly TextEdit[] {
  return [...text.matchAll(/^[ ]*\t[ \t]*/gm)].map(({ 0: indent, index }) => ({
    offset: index,
    end: index + indent.length,
    text: indent.replaceAll('\t', blanks),
  }));
}

function template(line: string, offset: number): Slip | null {
  const match = /(?:[:[,]|^\s*-)\s+(\{\{[^{}"']*\}?\}?)\s*(?:#.*)?$/.exec(line);
  const [found, braces] = match ?? [];
  if (match === null || found === undefined || braces === undefined) return null;
  const start = offset + match.index + found.indexOf(braces);
  const whole = `${braces.replace(/\}*\s*$/, '').trimEnd()}}}`;
  return {
    rule: 'unquoted-template',
    message: 'A template stands without quotes; YAML takes its braces for a map',
    fix: 'Write it in double quotes.',
    offset: start,
    end: start + braces.trimEnd().length,
    repairs: [[{ offset: start, end: start + braces.trimEnd().length, text: JSON.stringify(whole) }]],
  };
}

/** Only where the value begins with the quote: an apostrophe inside a plain text is none. */
function openQuote(line: string, offset: number): Slip | null {
  const match = /^(\s*(?:- )*(?:"?[A-Za-z_][\w-]*"?\s*:\s+|- ))(["'])(.*)$/.exec(line);
  const [, before = '', quote = '', rest = ''] = match ?? [];
  if (match === null || closes(quote, rest)) return null;
  const start = offset + before.length;
  const end = offset + line.trimEnd().length;
  return {
    rule: 'unclosed-quote',
    message: 'A quote is opened and not closed in this line',
    fix: `Close it by ${quote}.`,
    offset: start,
    end,
    repairs: [[{ offset: end, end, text: quote }]],
  };
}

function closes(quote: string, rest: string): boolean {
  if (quote === "'") return rest.replaceAll("''", '').includes("'");
  return /^(?:[^"\\]|\\.)*"/.test(rest);
}

/** Only where the next line begins a member: a list may go on over several lines. */
function openList(line: string, offset: number, text: string): Slip | null {
  const before = /^\s*(?:- )?[A-Za-z_]\w*:\s+(?=\[[^\][]*$)/.exec(line)?.[0];
  if (before === undefined) return null;
  const [, next = ''] = text.slice(offset, offset + line.length + 1 + MAX_LINE).split('\n');
  if (!/^\s*(?:- )?[A-Za-z_]\w*:(?:\s|$)|^\s*$/.test(next)) return null;
  const end = offset + line.trimEnd().length;
  return {
    rule: 'unclosed-list',
    message: 'A list is opened and not closed',
    fix: 'Close it by ].',
    offset: offset + before.length,
    end,
    repairs: [[{ offset: end, end, text: ']' }]],
  };
}

/** Several texts in a row, as a list without its brackets. */
function bareList(line: string, offset: number): Slip | null {
  const [whole, before = '', items = ''] =
    /^(\s*(?:- )?[A-Za-z_]\w*:\s+)("[^"]*"(?:\s*,\s*"[^"]*")+)\s*$/.exec(line) ?? [];
  if (whole === undefined) return null;
  const [start, end] = [offset + before.length, offset + before.length + items.length];
  return {
    rule: 'unclosed-list',
    message: 'Several texts stand here without being a list',
    fix: 'Write them in brackets.',
    offset: start,
    end,
    repairs: [[{ offset: start, end, text: `[${items}]` }]],
  };
}

function colon(line: string, offset: number): Slip | null {
  const match = /^(\s*(?:- )?[A-Za-z_]\w*:)(?=["'[{]|[A-Za-z0-9])(?!\/\/)/.exec(line);
  const [key] = match ?? [];
  if (key === undefined) return null;
  const at = offset + key.length;
  return {
    rule: 'missing-space',
    message: 'A blank is missing behind the colon',
    fix: 'Put a blank behind it.',
    offset: offset + line.length - line.trimStart().length,
    end: at,
    repairs: [[{ offset: at, end: at, text: ' ' }]],
  };
}

/** What may be wrong with the indentation of a line: that of its neighbours instead. */
export function reindented(text: string, line: number): readonly (readonly TextEdit[])[] {
  const lines = text.split('\n');
  const repairs: (readonly TextEdit[])[] = [];
  for (const number of [line, line - 1, line + 1]) {
    const present = lines[number - 1];
    if (present === undefined || present.length > MAX_LINE) continue;
    const offset = lines.slice(0, number - 1).reduce((sum, each) => sum + each.length + 1, 0);
    const own = indentOf(present);
    const neighbours = [lines[number - 2], lines[number], lines[number - 3], lines[number + 1]];
    const widths = neighbours.flatMap((each) =>
      each === undefined || each.trim() === '' ? [] : [indentOf(each), memberColumn(each)],
    );
    for (const width of new Set(widths)) {
      if (width !== own) repairs.push([{ offset, end: offset + own, text: ' '.repeat(width) }]);
    }
  }
  return repairs;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Where the members of a list item begin. */
function memberColumn(line: string): number {
  return /^\s*(?:- +)?/.exec(line)?.[0].length ?? 0;
}
