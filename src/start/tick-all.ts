/**
 * Lets everything that is due happen, one after the other, whatever becomes of the others: where executions cannot go on, people are
 * reminded of their deadlines all the same. Answers how much there was.
 * @throws what the first of those threw that failed, once all have had their turn.
 */
export async function tickAll(...ticks: readonly (() => Promise<number>)[]): Promise<number> {
  let count = 0;
  const failed: unknown[] = [];
  for (const tick of ticks) {
    try {
      count += await tick();
    } catch (thrown) {
      failed.push(thrown);
    }
  }
  if (failed.length > 0) throw failed[0];
  return count;
}
