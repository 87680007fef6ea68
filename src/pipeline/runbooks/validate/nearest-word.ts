/** Longest word that is compared, in UTF-16 units: names are shorter, and the comparison is quadratic. */
const MAX_LENGTH = 64;

/** The known word that is meant most likely, or null: at most a third of the letters differ, and no other is as near. */
export function nearestWord<T extends string>(word: string, known: Iterable<T>): T | null {
  if (word.length > MAX_LENGTH) return null;
  const lower = word.toLowerCase();
  let best: T | null = null;
  let least = Math.max(1, Math.floor(lower.length / 3)) + 1;
  let shared = false;
  for (const candidate of known) {
    const distance = distanceOf(lower, candidate.toLowerCase());
    if (distance < least) [best, least, shared] = [candidate, distance, false];
    else if (distance === least && best !== null && best.toLowerCase() !== candidate.toLowerCase()) shared = true;
  }
  return shared ? null : best;
}

/** Letters put in, left out, changed, or swapped with their neighbour. */
function distanceOf(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const present = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const changed = left[row - 1] === right[column - 1] ? 0 : 1;
      let least = Math.min(at(last, column) + 1, at(present, column - 1) + 1, at(last, column - 1) + changed);
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) least = Math.min(least, at(beforeLast, column - 2) + 1);
      present.push(least);
    }
    [beforeLast, last] = [last, present];
  }
  return at(last, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.MAX_SAFE_INTEGER;
}
