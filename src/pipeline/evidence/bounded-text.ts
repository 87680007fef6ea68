/** Text of at most so many UTF-16 units that a record can hold: no half of a pair, neither from outside nor from the cut. */
export function clip(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}
