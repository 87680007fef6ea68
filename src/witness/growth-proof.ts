import { invariant } from '../platform/errors.ts';
import { consistencyRanges } from '../pipeline/audit/merkle-proofs.ts';
import {
  appendLeaves,
  EMPTY_FRONTIER,
  frontierRoot,
  nodeHash,
  type Frontier,
  type LeafRange,
  type TreeHash,
} from '../pipeline/audit/merkle.ts';

/** Reads leaf hashes of positions `from` to `to - 1`. */
export type ReadLeaves = (from: number, to: number) => Promise<readonly TreeHash[]>;

/** Leaf hashes read at once: a witness that was away for long must not cost memory. */
const LEAVES_PER_READ = 10_000;

/** The frontier after the leaves up to `size` were appended. @throws (a bug) when the log is shorter. */
export async function growTo(frontier: Frontier, size: number, read: ReadLeaves): Promise<Frontier> {
  let grown = frontier.size <= size ? frontier : EMPTY_FRONTIER;
  while (grown.size < size) {
    const to = Math.min(size, grown.size + LEAVES_PER_READ);
    const leaves = await read(grown.size, to);
    invariant(leaves.length === to - grown.size, 'the log holds the leaves that it signed for');
    grown = appendLeaves(grown, leaves);
  }
  return grown;
}

/**
 * Proof that the tree of `newSize` leaves begins with the one of the frontier. What lies left of the old size is in
 * the frontier already, so only the new leaves are read, however large the log is.
 */
export async function growthProof(frontier: Frontier, newSize: number, read: ReadLeaves): Promise<readonly TreeHash[]> {
  const proof: TreeHash[] = [];
  for (const range of consistencyRanges(frontier.size, newSize)) {
    proof.push(range.start >= frontier.size ? await rangeRoot(range, read) : keptRoot(frontier, range));
  }
  return proof;
}

async function rangeRoot({ start, end }: LeafRange, read: ReadLeaves): Promise<TreeHash> {
  const grown = await growTo(EMPTY_FRONTIER, end - start, (from, to) => read(start + from, start + to));
  return frontierRoot(grown);
}

/** Root over the complete subtrees of the frontier that make up the range. */
function keptRoot({ size, hashes }: Frontier, { start, end }: LeafRange): TreeHash {
  const within: TreeHash[] = [];
  let position = 0;
  let rest = size;
  for (const hash of hashes) {
    let width = 1;
    while (width * 2 <= rest) width *= 2;
    if (position >= start && position + width <= end) within.push(hash);
    [position, rest] = [position + width, rest - width];
  }
  const root = within.reduceRight<TreeHash | null>(
    (right, left) => (right === null ? left : nodeHash(left, right)),
    null,
  );
  invariant(root !== null, 'a proof is made of the old tree and of new leaves');
  return root;
}
