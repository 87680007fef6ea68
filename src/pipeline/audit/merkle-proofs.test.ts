import { describe, expect, it } from 'vitest';
import { leafHash, rootsOver, treeRoot, type TreeHash } from './merkle.ts';
import {
  consistencyProof,
  consistencyRanges,
  inclusionProof,
  inclusionRanges,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proofs.ts';

const leaves = Array.from({ length: 20 }, (_, index) => leafHash(`leaf ${index}`));
const leafAt = (position: number): TreeHash => leaves[position] ?? '';
const rootOf = rootsOver(leafAt);
const rootAt = (size: number): TreeHash => treeRoot(leaves.slice(0, size));

/** What is no position and no size: a proof for it proves nothing, whatever its hashes are. */
const NO_COUNTS = [-1, -2, 0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53];

describe('a proof about numbers that count nothing', () => {
  it.each(NO_COUNTS)('is not believed: leaf %d', (index) => {
    for (const size of [1, 2, 7]) {
      const proof = inclusionProof(rootOf, 0, size);
      const claim = { leaf: leafAt(0), index, size, root: rootAt(size), proof };
      expect(verifyInclusion({ ...claim, index: 0 })).toBe(true);
      expect(verifyInclusion(claim)).toBe(false);
    }
  });

  it.each(NO_COUNTS)('is not believed: size %d', (size) => {
    const leaf = leafAt(0);
    for (const proof of [[], [leafAt(1)], inclusionProof(rootOf, 0, 7)]) {
      for (const root of [leaf, rootAt(2), rootAt(7)])
        expect(verifyInclusion({ leaf, index: 0, size, root, proof })).toBe(false);
    }
    for (const proof of [[], [leaf], [leafAt(1)], [leaf, leafAt(1)]]) {
      const [oldRoot, newRoot] = [rootAt(1), rootAt(2)];
      expect(verifyConsistency({ oldSize: size, oldRoot, newSize: 2, newRoot, proof })).toBe(false);
      expect(verifyConsistency({ oldSize: size, oldRoot, newSize: size, newRoot: oldRoot, proof })).toBe(false);
      expect(verifyConsistency({ oldSize: 1, oldRoot, newSize: size, newRoot, proof })).toBe(false);
      expect(verifyConsistency({ oldSize: 1, oldRoot, newSize: size, newRoot: oldRoot, proof })).toBe(false);
    }
  });

  it.each(NO_COUNTS)('is not made either: %d', (count) => {
    expect(() => inclusionRanges(count, 7)).toThrow('in the tree');
    expect(() => inclusionRanges(0, count)).toThrow('in the tree');
    expect(() => consistencyRanges(count, 7)).toThrow('old tree');
    expect(() => consistencyRanges(1, count)).toThrow('old tree');
  });
});

describe('a proof in other letters', () => {
  it('is not believed: a hash has one spelling', () => {
    for (const size of [1, 2, 7]) {
      const proof = inclusionProof(rootOf, 0, size);
      const claim = { leaf: leafAt(0), index: 0, size, root: rootAt(size), proof };
      expect(verifyInclusion({ ...claim, leaf: claim.leaf.toUpperCase() })).toBe(false);
      expect(verifyInclusion({ ...claim, root: claim.root.toUpperCase() })).toBe(false);
      expect(verifyInclusion({ ...claim, leaf: claim.leaf.toUpperCase(), root: claim.root.toUpperCase() })).toBe(false);
      const upper = proof.map((hash) => hash.toUpperCase());
      expect(verifyInclusion({ ...claim, proof: upper })).toBe(size === 1);
      const grown = { oldSize: size, oldRoot: rootAt(size), newSize: 9, newRoot: rootAt(9) };
      const growth = consistencyProof(rootOf, size, 9);
      expect(verifyConsistency({ ...grown, proof: growth })).toBe(true);
      expect(verifyConsistency({ ...grown, oldRoot: grown.oldRoot.toUpperCase(), proof: growth })).toBe(false);
      expect(verifyConsistency({ ...grown, proof: growth.map((hash) => hash.toUpperCase()) })).toBe(false);
    }
    const same = { oldSize: 2, oldRoot: rootAt(2).toUpperCase(), newSize: 2, newRoot: rootAt(2).toUpperCase() };
    expect(verifyConsistency({ ...same, proof: [] })).toBe(false);
  });
});

describe('a proof of the wrong length', () => {
  it('is not believed, also where the hashes that are there fit', () => {
    for (let size = 1; size <= leaves.length; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProof(rootOf, index, size);
        const claim = { leaf: leafAt(index), index, size, root: rootAt(size) };
        expect(verifyInclusion({ ...claim, proof })).toBe(true);
        expect(verifyInclusion({ ...claim, proof: [...proof, leafAt(0)] })).toBe(false);
        if (proof.length > 0) expect(verifyInclusion({ ...claim, proof: proof.slice(0, -1) })).toBe(false);
        // The root is no leaf of its own tree.
        expect(verifyInclusion({ ...claim, leaf: claim.root, proof: [] })).toBe(size === 1);
      }
      for (let oldSize = 1; oldSize <= size; oldSize += 1) {
        const proof = consistencyProof(rootOf, oldSize, size);
        const claim = { oldSize, oldRoot: rootAt(oldSize), newSize: size, newRoot: rootAt(size) };
        expect(verifyConsistency({ ...claim, proof })).toBe(true);
        expect(verifyConsistency({ ...claim, proof: [...proof, leafAt(0)] })).toBe(false);
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: proof.slice(0, -1) })).toBe(false);
      }
    }
  });
});
