/** A line of a table, with the number of the line in the file where it begins (1 is the first). */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longest cell, in UTF-16 units: a list of names fits. */
const MAX_CELL = 16_384;

/**
 * The rows of a CSV text (RFC 4180): cells in double quotes may hold commas, line breaks and doubled quotes. Empty
 * lines are left out. Never throws; stops after `most` rows, so that the caller sees one more than it takes.
 */
export function readCsv(
  text: string,
  most: number,
): { readonly rows: readonly CsvRow[] } | { readonly line: number; readonly wrong: string } {
  const rows: CsvRow[] = [];
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  let line = 1;
  while (at < text.length && rows.length <= most) {
    const started = line;
    const cells: string[] = [];
    for (;;) {
      const cell = text[at] === '"' ? quoted(text, at) : plain(text, at);
      if (cell === null) return { line: started, wrong: 'a quotation mark is not closed, or text follows it' };
      if (cell.value.length > MAX_CELL) return { line: started, wrong: `a cell is longer than ${MAX_CELL}` };
      cells.push(cell.value);
      line += cell.breaks;
      at = cell.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    line += 1;
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: started, cells });
  }
  return { rows };
}

interface Cell {
  readonly value: string;
  /** Where the comma or the line break behind it stands. */
  readonly end: number;
  readonly breaks: number;
}

function plain(text: string, from: number): Cell {
  let end = from;
  while (end < text.length && text[end] !== ',' && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return { value: text.slice(from, end).trim(), end, breaks: 0 };
}

function quoted(text: string, from: number): Cell | null {
  let value = '';
  let at = from + 1;
  for (;;) {
    const close = text.indexOf('"', at);
    if (close === -1) return null;
    value += text.slice(at, close);
    at = close + 1;
    if (text[at] !== '"') break;
    value += '"';
    at += 1;
  }
  const next = text[at];
  if (next !== undefined && next !== ',' && next !== '\n' && next !== '\r') return null;
  return { value: value.trim(), end: at, breaks: text.slice(from, at).split('\n').length - 1 };
}
