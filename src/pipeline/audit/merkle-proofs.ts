import { invariant } from '../../platform/errors.ts';
import { isTreeHash, nodeHash, splitOf, type LeafRange, type RootOf, type TreeHash } from './merkle.ts';

/**
 * Proofs about a Merkle tree: that a record is in it, and that a larger tree is a smaller one with leaves added.
 * Making them is RFC 6962 sections 2.1.1 and 2.1.2; checking them is RFC 9162 sections 2.1.3.2 and 2.1.4.2.
 */

/** More hashes than any tree with 2^53 leaves needs: a longer proof is refused before anything is hashed. */
const MAX_PROOF_HASHES = 54;

/**
 * The ranges whose roots, in this order, are the inclusion proof of leaf `index` in the tree of `size` leaves.
 * For callers who read roots asynchronously; others call `inclusionProof`.
 */
export function inclusionRanges(index: number, size: number): readonly LeafRange[] {
  invariant(isCount(index) && isCount(size) && index < size, 'the leaf is in the tree');
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** Proof that leaf `index` is in the tree of `size` leaves. A wrong index is a bug of the caller and throws. */
export function inclusionProof(rootOf: RootOf, index: number, size: number): readonly TreeHash[] {
  return inclusionRanges(index, size).map(rootOf);
}

/** The ranges whose roots, in this order, are the consistency proof between the trees of both sizes. */
export function consistencyRanges(oldSize: number, newSize: number): readonly LeafRange[] {
  invariant(isCount(oldSize) && isCount(newSize) && oldSize <= newSize, 'the old tree is not the larger one');
  if (oldSize === 0 || oldSize === newSize) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = newSize;
  while (end !== oldSize) {
    const middle = start + splitOf(end - start);
    if (oldSize <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // A subtree that starts at 0 is the whole old tree, whose root the checker knows already.
  if (start !== 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** Proof that the tree of `newSize` leaves begins with the tree of `oldSize` leaves. Wrong sizes throw. */
export function consistencyProof(rootOf: RootOf, oldSize: number, newSize: number): readonly TreeHash[] {
  return consistencyRanges(oldSize, newSize).map(rootOf);
}

/** What an inclusion proof claims. */
export interface InclusionClaim {
  readonly leaf: TreeHash;
  readonly index: number;
  readonly size: number;
  readonly root: TreeHash;
  readonly proof: readonly TreeHash[];
}

/**
 * Whether the proof shows that `leaf` stands at `index` of the tree. Never throws, whatever the proof holds.
 * `size` and `root` belong together: take both from one checkpoint whose signature was verified.
 */
export function verifyInclusion({ leaf, index, size, root, proof }: InclusionClaim): boolean {
  if (!isCount(index) || !isCount(size) || index >= size) return false;
  if (!areHashes([leaf, root]) || !areHashes(proof)) return false;
  let position = index;
  let last = size - 1;
  let node = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      node = nodeHash(sibling, node);
      // On the right edge a node without a sibling moves up unchanged until it is somebody's right child.
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && node === root;
}

/** What a consistency proof claims. */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: TreeHash;
  readonly newSize: number;
  readonly newRoot: TreeHash;
  readonly proof: readonly TreeHash[];
}

/**
 * Whether the proof shows that the new tree is the old one with leaves added. Never throws, whatever the proof
 * holds. Every tree begins with the empty one, which proves nothing about it, so `oldSize` 0 is refused.
 */
export function verifyConsistency({ oldSize, oldRoot, newSize, newRoot, proof }: ConsistencyClaim): boolean {
  if (!isCount(oldSize) || !isCount(newSize) || oldSize === 0 || oldSize > newSize) return false;
  if (!areHashes([oldRoot, newRoot]) || !areHashes(proof)) return false;
  if (oldSize === newSize) return proof.length === 0 && oldRoot === newRoot;
  let position = oldSize - 1;
  let last = newSize - 1;
  while (position % 2 === 1) [position, last] = [half(position), half(last)];
  // When the old size is a power of two, its root is the first node of the path and is left out of the proof.
  const path = position === 0 ? [oldRoot, ...proof] : proof;
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let oldNode = first;
  let newNode = first;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (position % 2 === 1 || position === last) {
      oldNode = nodeHash(sibling, oldNode);
      newNode = nodeHash(sibling, newNode);
      while (position % 2 === 0 && position !== 0) [position, last] = [half(position), half(last)];
    } else {
      newNode = nodeHash(newNode, sibling);
    }
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && oldNode === oldRoot && newNode === newRoot;
}

/** Bit operators end at 32 bits; sizes do not. */
function half(count: number): number {
  return Math.floor(count / 2);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(hashes: readonly TreeHash[]): boolean {
  return hashes.length <= MAX_PROOF_HASHES && hashes.every(isTreeHash);
}
