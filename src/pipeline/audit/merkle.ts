import { hash } from 'node:crypto';
import { invariant } from '../../platform/errors.ts';

/**
 * The Merkle tree of RFC 6962 section 2.1: SHA-256, leaves and inner nodes told apart by their first byte, a tree
 * of n leaves split at the largest power of two below n.
 *
 * Hashes are 64 lower-case hexadecimal characters: that is what is stored and exported, and on Node it is also
 * quicker than bytes, because no small buffer is allocated for each.
 */
export type TreeHash = string;

/** Root of the empty tree: SHA-256 of nothing. */
export const EMPTY_ROOT: TreeHash = hash('sha256', '', 'hex');

const HASH_PATTERN = /^[0-9a-f]{64}$/;

/** Whether `value` has the form of a tree hash. */
export function isTreeHash(value: unknown): value is TreeHash {
  return typeof value === 'string' && value.length === 64 && HASH_PATTERN.test(value);
}

/**
 * Hash of a leaf, SHA-256(0x00 || data). The data of a journal record are its canonical bytes. Text is hashed as
 * UTF-8, so it must be well-formed (canonical JSON is).
 */
export function leafHash(data: string | Uint8Array): TreeHash {
  // U+0000 is the one byte 0x00 in UTF-8, so the prefix needs no second buffer.
  if (typeof data === 'string') return hash('sha256', `\u0000${data}`, 'hex');
  return hash('sha256', Buffer.concat([LEAF_PREFIX, data]), 'hex');
}

const LEAF_PREFIX = Uint8Array.of(0);

/** Hash of an inner node, SHA-256(0x01 || left || right). */
export function nodeHash(left: TreeHash, right: TreeHash): TreeHash {
  NODE.write(left, 1, 32, 'hex');
  NODE.write(right, 33, 32, 'hex');
  return hash('sha256', NODE, 'hex');
}

/** Written and read within one call of `nodeHash` only, which nothing can interrupt. */
const NODE = Buffer.alloc(65, 1);

/**
 * What is needed to append to a tree of `size` leaves and to know its root (a "compact range" from 0): the roots
 * of its complete subtrees, largest first, one for each bit set in `size`. At most 53 hashes.
 */
export interface Frontier {
  readonly size: number;
  readonly hashes: readonly TreeHash[];
}

export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

/** The frontier after `leaves` (leaf hashes) were appended, in O(leaves + log size). */
export function appendLeaves(frontier: Frontier, leaves: Iterable<TreeHash>): Frontier {
  const hashes = [...frontier.hashes];
  let size = frontier.size;
  for (const leaf of leaves) {
    let node = leaf;
    // Each trailing one bit of the old size is a complete subtree that the new leaf completes to a larger one.
    for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = hashes.pop();
      invariant(left !== undefined, 'a frontier holds one hash for each bit of its size');
      node = nodeHash(left, node);
    }
    hashes.push(node);
    size += 1;
  }
  return { size, hashes };
}

/** The root of the tree that the frontier stands for. */
export function frontierRoot(frontier: Frontier): TreeHash {
  let root: TreeHash | null = null;
  for (let index = frontier.hashes.length - 1; index >= 0; index -= 1) {
    const hashAt = frontier.hashes[index];
    invariant(hashAt !== undefined, 'the index is within the frontier');
    root = root === null ? hashAt : nodeHash(hashAt, root);
  }
  return root ?? EMPTY_ROOT;
}

/** Root over leaf hashes. */
export function treeRoot(leaves: Iterable<TreeHash>): TreeHash {
  return frontierRoot(appendLeaves(EMPTY_FRONTIER, leaves));
}

/** Leaves `start` to `end - 1`, whose root is one hash of a proof. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Gives the leaf hash at a position that lies within the tree. */
export type LeafAt = (position: number) => TreeHash;

/** Gives the root over a range of leaves. */
export type RootOf = (range: LeafRange) => TreeHash;

/** Leaves of the subtrees whose roots `rootsOver` keeps: 1,024 leaves are one hash kept, and at most a millisecond of work repeated. */
const KEPT_SUBTREE = 1_024;

/**
 * Computes roots over ranges from leaf hashes and keeps those of complete subtrees of 1,024 leaves, so that many
 * proofs from one tree do not hash all of it each time. Only valid while the leaves do not change, which is for
 * ever: a log only grows.
 */
export function rootsOver(leafAt: LeafAt): RootOf {
  const kept = new Map<number, TreeHash>();
  const leavesOf = function* ({ start, end }: LeafRange): Generator<TreeHash> {
    for (let position = start; position < end; position += 1) yield leafAt(position);
  };
  const keptRoot = (start: number): TreeHash => {
    const known = kept.get(start);
    if (known !== undefined) return known;
    const root = treeRoot(leavesOf({ start, end: start + KEPT_SUBTREE }));
    kept.set(start, root);
    return root;
  };
  const rootOf = (range: LeafRange): TreeHash => {
    const count = range.end - range.start;
    if (count === KEPT_SUBTREE && range.start % KEPT_SUBTREE === 0) return keptRoot(range.start);
    if (count < KEPT_SUBTREE) return treeRoot(leavesOf(range));
    const middle = range.start + splitOf(count);
    return nodeHash(rootOf({ start: range.start, end: middle }), rootOf({ start: middle, end: range.end }));
  };
  return rootOf;
}

/** The largest power of two smaller than `count`, which is at least 2. */
export function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}
