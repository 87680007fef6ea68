/**
 * Who hangs on whom. Nodes are named by texts; an edge leads from what is hung on to what hangs on it, so that what is
 * affected is what can be reached. Cycles are allowed: two vendors may hang on each other.
 */
export type Dependents = ReadonlyMap<string, readonly string[]>;

/** Something that is reached, and how: the way from a start to it, both among its nodes. */
export interface Reached {
  readonly node: string;
  readonly path: readonly string[];
}

/** Adds `dependent` to what hangs on `on`. */
export function hangOn(graph: Map<string, string[]>, on: string, dependent: string): void {
  const known = graph.get(on);
  if (known === undefined) graph.set(on, [dependent]);
  else known.push(dependent);
}

/**
 * Everything that hangs on one of the starts, over however many others, nearest first and then by name; each once, with
 * one of its shortest ways. The starts themselves are not among it. At most `most`; `cut` says that there was more. Pure, and
 * ends on every graph: no node is taken twice.
 */
export function affectedBy(
  graph: Dependents,
  starts: readonly string[],
  most: number,
): { readonly reached: readonly Reached[]; readonly cut: boolean } {
  const cameFrom = new Map<string, string | null>(starts.map((start) => [start, null]));
  const reached: string[] = [];
  let layer = [...new Set(starts)].sort();
  while (layer.length > 0) {
    const next: string[] = [];
    for (const from of layer) {
      for (const node of graph.get(from) ?? []) {
        if (cameFrom.has(node)) continue;
        cameFrom.set(node, from);
        next.push(node);
      }
    }
    layer = next.sort();
    if (reached.length + layer.length > most) {
      reached.push(...layer.slice(0, most - reached.length));
      return { reached: reached.map((node) => withPath(cameFrom, node)), cut: true };
    }
    reached.push(...layer);
  }
  return { reached: reached.map((node) => withPath(cameFrom, node)), cut: false };
}

function withPath(cameFrom: ReadonlyMap<string, string | null>, node: string): Reached {
  const path: string[] = [];
  for (let at: string | null = node; at !== null; at = cameFrom.get(at) ?? null) path.unshift(at);
  return { node, path };
}
