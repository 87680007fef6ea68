import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affectedBy, hangOn } from './graph.ts';

const NODES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
const edges = fc.array(fc.tuple(fc.constantFrom(...NODES), fc.constantFrom(...NODES)), { maxLength: 20 });

function graphOf(pairs: readonly (readonly [string, string])[]) {
  const graph = new Map<string, string[]>();
  for (const [on, dependent] of pairs) hangOn(graph, on, dependent);
  return graph;
}

/** As slowly as it can be said: add what hangs on something known until nothing is added. */
function naive(pairs: readonly (readonly [string, string])[], starts: readonly string[]): readonly string[] {
  const known = new Set(starts);
  for (let grew = true; grew;) {
    grew = false;
    for (const [on, dependent] of pairs)
      if (known.has(on) && !known.has(dependent)) {
        known.add(dependent);
        grew = true;
      }
  }
  return [...known].filter((node) => !starts.includes(node)).sort();
}

describe('what hangs on something', () => {
  it('is what a naive search finds, each once, on every graph', () => {
    fc.assert(
      fc.property(edges, fc.subarray(NODES, { minLength: 1 }), (pairs, starts) => {
        const { reached, cut } = affectedBy(graphOf(pairs), starts, 100);
        expect(cut).toBe(false);
        expect(reached.map(({ node }) => node).sort()).toEqual(naive(pairs, starts));
      }),
    );
  });

  it('comes with a way from a start, along edges, and none shorter', () => {
    fc.assert(
      fc.property(edges, fc.constantFrom(...NODES), (pairs, start) => {
        const { reached } = affectedBy(graphOf(pairs), [start], 100);
        const far = reached.map(({ path }) => path.length);
        expect(far).toEqual([...far].sort((left, right) => left - right));
        for (const { node, path } of reached) {
          expect([path[0], path.at(-1)]).toEqual([start, node]);
          for (const [index, to] of path.slice(1).entries())
            expect(pairs.some(([on, dependent]) => on === path[index] && dependent === to)).toBe(true);
        }
      }),
    );
  });

  it('ends on cycles, and where something hangs on itself', () => {
    const graph = graphOf([
      ['a', 'a'],
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'a'],
    ]);
    expect(affectedBy(graph, ['a'], 10).reached.map(({ path }) => path.join('>'))).toEqual(['a>b', 'a>b>c']);
  });

  it('stops where it is told to, and says so', () => {
    const graph = graphOf(NODES.slice(1).map((node) => ['a', node] as const));
    const { reached, cut } = affectedBy(graph, ['a'], 3);
    expect([reached.map(({ node }) => node), cut]).toEqual([['b', 'c', 'd'], true]);
  });
});
