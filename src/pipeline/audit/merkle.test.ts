import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  appendLeaves,
  EMPTY_FRONTIER,
  EMPTY_ROOT,
  frontierRoot,
  isTreeHash,
  leafHash,
  nodeHash,
  rootsOver,
  splitOf,
  treeRoot,
} from './merkle.ts';
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from './merkle-proofs.ts';

/** Inputs and roots of the Certificate Transparency reference tests (google/certificate-transparency, merkle_tree_test). */
const CT_LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const CT_ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const LEAVES = CT_LEAVES.map((hex) => leafHash(Buffer.from(hex, 'hex')));

const CT_INCLUSION: readonly [number, number, string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
];
const CT_CONSISTENCY: readonly [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

/** The definition of section 2.1, word by word, with another hash interface: slow and obviously right. */
function definedRoot(data: readonly Buffer[]): Buffer {
  if (data.length === 0) return createHash('sha256').digest();
  const [only] = data;
  if (data.length === 1 && only !== undefined) return createHash('sha256').update(Buffer.of(0)).update(only).digest();
  let split = 1;
  while (split * 2 < data.length) split *= 2;
  return createHash('sha256')
    .update(Buffer.of(1))
    .update(definedRoot(data.slice(0, split)))
    .update(definedRoot(data.slice(split)))
    .digest();
}

function leavesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => leafHash(`leaf ${index}`));
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`no item ${index}`);
  return item;
}

function flip(hash: string, bit: number): string {
  const bytes = Buffer.from(hash, 'hex');
  const byte = Math.floor(bit / 8);
  bytes[byte] = at([...bytes], byte) ^ (1 << (bit % 8));
  return bytes.toString('hex');
}

describe('tree hashes', () => {
  it.each(CT_ROOTS.map((root, size) => [size, root] as const))(
    'gives the published root of %i leaves',
    (size, root) => {
      expect(treeRoot(LEAVES.slice(0, size))).toBe(root);
    },
  );

  it('hashes text as its UTF-8 bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
        (text) => {
          expect(leafHash(text)).toBe(leafHash(Buffer.from(text)));
        },
      ),
    );
  });

  it('equals the definition for any number of leaves, appended in any portions', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(12), { maxLength: 12 }), (portions) => {
        let frontier = EMPTY_FRONTIER;
        const data: Buffer[] = [];
        for (const portion of portions) {
          const more = Array.from({ length: portion }, (_, index) => Buffer.from(`leaf ${data.length + index}`));
          frontier = appendLeaves(
            frontier,
            more.map((leaf) => leafHash(leaf)),
          );
          data.push(...more);
          expect(frontierRoot(frontier)).toBe(definedRoot(data).toString('hex'));
          expect(frontier.size).toBe(data.length);
          expect(frontier.hashes).toHaveLength(data.length.toString(2).replaceAll('0', '').length);
        }
      }),
    );
  });

  it('does not change the frontier it appends to', () => {
    const frontier = appendLeaves(EMPTY_FRONTIER, leavesOf(3));
    const before = structuredClone(frontier);
    appendLeaves(frontier, leavesOf(5));
    expect(frontier).toEqual(before);
    expect(frontierRoot(EMPTY_FRONTIER)).toBe(EMPTY_ROOT);
  });

  it('gives the same root for a range with and without kept subtrees', () => {
    const leaves = leavesOf(5_000);
    const rootOf = rootsOver((position) => at(leaves, position));
    for (const end of [1, 1_023, 1_024, 1_025, 2_048, 2_049, 4_999, 5_000]) {
      expect(rootOf({ start: 0, end })).toBe(treeRoot(leaves.slice(0, end)));
    }
    const read: number[] = [];
    const counting = rootsOver((position) => {
      read.push(position);
      return at(leaves, position);
    });
    counting({ start: 0, end: 5_000 });
    expect(read).toHaveLength(5_000);
    counting({ start: 0, end: 5_000 });
    expect(read).toHaveLength(5_000 + (5_000 % 1_024));
  });

  it('knows a hash when it sees one', () => {
    expect(isTreeHash(EMPTY_ROOT)).toBe(true);
    for (const wrong of [
      EMPTY_ROOT.toUpperCase(),
      EMPTY_ROOT.slice(1),
      `${EMPTY_ROOT}\n`,
      `g${EMPTY_ROOT.slice(1)}`,
      7,
    ]) {
      expect(isTreeHash(wrong)).toBe(false);
    }
  });

  it('splits at the largest power of two below the count', () => {
    expect([2, 3, 4, 5, 8, 9, 2 ** 40, 2 ** 40 + 1].map(splitOf)).toEqual([1, 2, 2, 4, 4, 8, 2 ** 39, 2 ** 40]);
  });
});

describe('published proofs', () => {
  const rootOf = rootsOver((position) => at(LEAVES, position));

  it.each(CT_INCLUSION)('makes and accepts inclusion of leaf %i in %i', (index, size, proof) => {
    expect(inclusionProof(rootOf, index, size)).toEqual(proof);
    expect(verifyInclusion({ leaf: at(LEAVES, index), index, size, root: at(CT_ROOTS, size), proof })).toBe(true);
  });

  it.each(CT_CONSISTENCY)('makes and accepts consistency of %i and %i', (oldSize, newSize, proof) => {
    expect(consistencyProof(rootOf, oldSize, newSize)).toEqual(proof);
    const claim = { oldSize, newSize, oldRoot: at(CT_ROOTS, oldSize), newRoot: at(CT_ROOTS, newSize), proof };
    expect(verifyConsistency(claim)).toBe(true);
  });
});

describe('every proof of every tree up to 40 leaves', () => {
  const MOST = 40;
  const leaves = leavesOf(MOST);
  const roots = Array.from({ length: MOST + 1 }, (_, size) => treeRoot(leaves.slice(0, size)));
  const rootOf = rootsOver((position) => at(leaves, position));

  it('shows inclusion, and of that leaf at that place in that tree only', () => {
    for (let size = 1; size <= MOST; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const claim = {
          leaf: at(leaves, index),
          index,
          size,
          root: at(roots, size),
          proof: inclusionProof(rootOf, index, size),
        };
        expect(verifyInclusion(claim)).toBe(true);
        for (let other = 0; other < size; other += 1) {
          if (other !== index) expect(verifyInclusion({ ...claim, index: other })).toBe(false);
        }
        expect(verifyInclusion({ ...claim, leaf: at(leaves, (index + 1) % MOST) })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...claim.proof, EMPTY_ROOT] })).toBe(false);
        for (let other = index + 1; other <= MOST; other += 1) {
          if (other !== size) expect(verifyInclusion({ ...claim, size: other, root: at(roots, other) })).toBe(false);
        }
        if (claim.proof.length > 0) expect(verifyInclusion({ ...claim, proof: claim.proof.slice(1) })).toBe(false);
        if (claim.proof.length > 0) expect(verifyInclusion({ ...claim, proof: claim.proof.slice(0, -1) })).toBe(false);
      }
    }
  });

  it('shows consistency, and between those two trees only', () => {
    for (let newSize = 1; newSize <= MOST; newSize += 1) {
      for (let oldSize = 1; oldSize <= newSize; oldSize += 1) {
        const proof = consistencyProof(rootOf, oldSize, newSize);
        const claim = { oldSize, newSize, oldRoot: at(roots, oldSize), newRoot: at(roots, newSize), proof };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, oldRoot: at(roots, oldSize - 1) })).toBe(false);
        expect(verifyConsistency({ ...claim, newRoot: EMPTY_ROOT })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...proof, EMPTY_ROOT] })).toBe(false);
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: proof.slice(1) })).toBe(false);
        for (let other = 1; other <= newSize; other += 1) {
          if (other !== oldSize) expect(verifyConsistency({ ...claim, oldSize: other })).toBe(false);
        }
        for (let other = oldSize; other <= MOST; other += 1) {
          const wrong = { ...claim, newSize: other, newRoot: at(roots, other) };
          if (other !== newSize) expect(verifyConsistency(wrong)).toBe(false);
        }
      }
    }
  });
});

describe('proofs of random trees', () => {
  const sizes = fc.integer({ min: 1, max: 300 });
  const leaves = leavesOf(300);
  const rootOf = rootsOver((position) => at(leaves, position));

  it('fail with any bit flipped in leaf, root or proof', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), fc.nat(255), (size, indexSeed, place, bit) => {
        const index = indexSeed % size;
        const root = treeRoot(leaves.slice(0, size));
        const proof = inclusionProof(rootOf, index, size);
        const claim = { leaf: at(leaves, index), index, size, root, proof };
        expect(verifyInclusion(claim)).toBe(true);
        expect(verifyInclusion({ ...claim, leaf: flip(claim.leaf, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: flip(root, bit) })).toBe(false);
        const changed = proof.map((hash, at) => (at === place % proof.length ? flip(hash, bit) : hash));
        if (proof.length > 0) expect(verifyInclusion({ ...claim, proof: changed })).toBe(false);
      }),
    );
  });

  it('fail for consistency with any bit flipped', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), fc.nat(255), (newSize, oldSeed, place, bit) => {
        const oldSize = 1 + (oldSeed % newSize);
        const proof = consistencyProof(rootOf, oldSize, newSize);
        const oldRoot = treeRoot(leaves.slice(0, oldSize));
        const claim = { oldSize, newSize, oldRoot, newRoot: treeRoot(leaves.slice(0, newSize)), proof };
        expect(verifyConsistency(claim)).toBe(true);
        expect(verifyConsistency({ ...claim, oldRoot: flip(oldRoot, bit) })).toBe(false);
        expect(verifyConsistency({ ...claim, newRoot: flip(claim.newRoot, bit) })).toBe(false);
        const changed = proof.map((hash, at) => (at === place % proof.length ? flip(hash, bit) : hash));
        if (proof.length > 0) expect(verifyConsistency({ ...claim, proof: changed })).toBe(false);
      }),
    );
  });

  it('never throw when they are checked, whatever they hold', () => {
    const hostileHash = fc.oneof(fc.string(), fc.constant(EMPTY_ROOT), fc.constant(EMPTY_ROOT.toUpperCase()));
    const hostileCount = fc.oneof(fc.integer(), fc.double(), fc.constant(Number.MAX_SAFE_INTEGER));
    fc.assert(
      fc.property(
        hostileCount,
        hostileCount,
        hostileHash,
        fc.array(hostileHash, { maxLength: 80 }),
        (a, b, hash, proof) => {
          expect(verifyInclusion({ leaf: hash, index: a, size: b, root: hash, proof: proof })).toBeTypeOf('boolean');
          expect(verifyConsistency({ oldSize: a, newSize: b, oldRoot: hash, newRoot: hash, proof })).toBeTypeOf(
            'boolean',
          );
        },
      ),
    );
  });

  it('are refused for the empty tree, out of bounds, or in other letters', () => {
    expect(() => inclusionProof(rootOf, 3, 3)).toThrow('invariant');
    expect(() => consistencyProof(rootOf, 4, 3)).toThrow('invariant');
    expect(consistencyProof(rootOf, 0, 3)).toEqual([]);
    const [one = '', two = ''] = leaves;
    expect(verifyConsistency({ oldSize: 0, oldRoot: EMPTY_ROOT, newSize: 1, newRoot: one, proof: [] })).toBe(false);
    expect(verifyInclusion({ leaf: one, index: 0, size: 1, root: nodeHash(two, one), proof: [two] })).toBe(false);
    expect(verifyInclusion({ leaf: one, index: 1, size: 1, root: one, proof: [] })).toBe(false);
    const crafted = nodeHash(two, nodeHash(one, two));
    const grown = { oldSize: 1, oldRoot: one, newSize: 2, newRoot: crafted, proof: [two, two] };
    expect(verifyConsistency(grown)).toBe(false);
    const claim = { leaf: one, index: 0, size: 2, root: nodeHash(one, two), proof: [two] };
    expect(verifyInclusion(claim)).toBe(true);
    expect(verifyInclusion({ ...claim, proof: [two.toUpperCase()] })).toBe(false);
  });
});
