import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { GENERATION_BEGUN, generationsIn, isKnownLost, logKeysOf, presentOrigin } from './generations.ts';

const LOG = { journalId: 'jrn_1', accelerated: false };
const LOST = { anchor: 'witness', origin: 'firebreak/jrn_1/g1', size: 90, root: 'ab'.repeat(32) };
const begun = (data: object) => ({
  type: GENERATION_BEGUN,
  data: { generation: 2, signedSize: 60, lost: [LOST], ...data },
});
const about = [{ type: 'journal.created', data: {} }, begun({})];

describe('the generations of a journal', () => {
  it('begin with the first, and go on with each record that says so', () => {
    expect(generationsIn([])).toEqual([{ generation: 1, signedSize: 0, lost: [] }]);
    expect(generationsIn(about).map(({ generation, signedSize }) => [generation, signedSize])).toEqual([
      [1, 0],
      [2, 60],
    ]);
    expect(presentOrigin(LOG, generationsIn(about))).toBe('firebreak/jrn_1/g2');
  });

  it.each([{ generation: 'two' }, { signedSize: 1.5 }, { lost: [{ size: 1 }] }, { lost: null }])(
    'are not told of by a record that cannot be read: %j',
    (data) => expect(generationsIn([begun(data)])).toHaveLength(1),
  );

  it('sign with the same key under their own names, each for the sizes after the one before', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const keys = logKeysOf({ ...LOG, accelerated: true }, generationsIn(about), publicKey);
    expect(keys.map(({ name, fromSize, toSize }) => [name, fromSize, toSize])).toEqual([
      ['firebreak/jrn_1/g1/accelerated', 0, 60],
      ['firebreak/jrn_1/g2/accelerated', 61, null],
    ]);
  });

  it.each([
    ['of what is lost', 90, LOST.origin, true],
    ['of a part of it', 61, LOST.origin, true],
    ['of what is still there', 60, LOST.origin, false],
    ['of more than anybody agreed to lose', 91, LOST.origin, false],
    ['of the generation after', 90, 'firebreak/jrn_1/g2', false],
  ])('know a checkpoint %s', (_what, size, origin, known) => {
    const checkpoint = { origin, size, root: 'cd'.repeat(32), extensions: [] };
    expect(isKnownLost(checkpoint, generationsIn(about))).toBe(known);
  });
});
