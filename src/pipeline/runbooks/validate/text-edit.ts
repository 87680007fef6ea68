/** Replaces the UTF-16 units from `offset` to `end` by `text`. */
export interface TextEdit {
  readonly offset: number;
  readonly end: number;
  readonly text: string;
}

/** The text with all edits made. Null where two of them overlap or one lies outside: then none is made. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string | null {
  const ordered = [...edits].sort((left, right) => left.offset - right.offset || left.end - right.end);
  let [result, position] = ['', 0];
  for (const { offset, end, text: replacement } of ordered) {
    if (offset < position || end < offset || end > text.length) return null;
    result += text.slice(position, offset) + replacement;
    position = end;
  }
  return result + text.slice(position);
}
