/** How spreadsheets take a cell for a formula. */
const FORMULA_STARTS = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/** A row of CSV (RFC 4180). A cell that a spreadsheet would calculate gets an apostrophe before it: texts come from attackers too. */
export function csvRow(cells: readonly (string | null)[]): string {
  return `${cells.map((cell) => quoted(cell ?? '')).join(',')}\r\n`;
}

function quoted(text: string): string {
  // White space before it does not keep a spreadsheet from calculating.
  const isFormula = FORMULA_STARTS.some((start) => text.startsWith(start) || text.trimStart().startsWith(start));
  return `"${(isFormula ? `'${text}` : text).replaceAll('"', '""')}"`;
}
