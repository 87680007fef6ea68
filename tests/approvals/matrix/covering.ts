/**
 * Of all cases as many as show each value of each axis together with each value of each other axis (a pairwise design); the
 * parts of a name are the values. What only three values together show is left to the surfaces on which all cases are played.
 */
export function covering<Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] {
  const left = new Set(items.flatMap(({ name }) => pairsOf(name)));
  const chosen: Item[] = [];
  // First whoever shows much that is new, then whoever shows anything that is.
  for (const least of [12, 8, 5, 3, 2, 1])
    for (const item of items) {
      const fresh = pairsOf(item.name).filter((pair) => left.has(pair));
      if (fresh.length < least) continue;
      for (const pair of fresh) left.delete(pair);
      chosen.push(item);
    }
  return chosen;
}

function pairsOf(name: string): readonly string[] {
  const values = name.split(/, | and | named for | where | of /).map((value, axis) => `${axis} ${value}`);
  if (values.length === 1) return values;
  return values.flatMap((one, index) => values.slice(index + 1).map((other) => `${one} & ${other}`));
}
