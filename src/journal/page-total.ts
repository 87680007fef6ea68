import type { ViewQuery } from './journal.ts';

/**
 * How many views there are, as far as a page of them shows it: one that is not full is the last one. Null for a full page,
 * and for an empty one behind the end: then they have to be counted, which takes as long as there are many of them.
 */
export function totalOfPage({ limit, skip }: Pick<ViewQuery, 'limit' | 'skip'>, rows: number): number | null {
  const isLast = rows < limit && (rows > 0 || skip === 0);
  return isLast ? skip + rows : null;
}
