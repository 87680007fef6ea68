import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FirebreakError } from '../../platform/errors.ts';
import { checkpointText, compareCheckpoints, origin, parseCheckpointText, parseOrigin } from './checkpoint.ts';
import { leafHash } from './merkle.ts';
import { noteKey } from './signed-note.ts';

const root = leafHash('x');
const name = 'firebreak/jrn_1/g1';

describe('the origin of a log', () => {
  it.each([
    ['jrn_1', 1, false, 'firebreak/jrn_1/g1'],
    ['jrn_1', 12, true, 'firebreak/jrn_1/g12/accelerated'],
    ['A.b-C_9', 999_999_999, false, 'firebreak/A.b-C_9/g999999999'],
    ['x'.repeat(128), 1, false, `firebreak/${'x'.repeat(128)}/g1`],
  ])('says journal, generation and whether time was real: %s %d %s', (journalId, generation, accelerated, text) => {
    expect(origin(journalId, { accelerated, generation })).toBe(text);
    expect(parseOrigin(text)).toEqual({ journalId, generation, accelerated });
  });

  it.each([
    ['', 1],
    ['x'.repeat(129), 1],
    ['a b', 1],
    ['a/b', 1],
    ['a\n', 1],
    ['jrn_1', 0],
    ['jrn_1', -1],
    ['jrn_1', 1.5],
    ['jrn_1', 1_000_000_000],
  ])('cannot be made of %j and %d', (journalId, generation) => {
    expect(() => origin(journalId, { accelerated: false, generation })).toThrow(FirebreakError);
  });

  it.each([
    `x${name}`,
    `x/${name}`,
    `${name}x`,
    `${name}/`,
    `${name}/accelerated/`,
    `${name}/accelerated2`,
    `${name}\n`,
    'firebreak/jrn_1',
    'firebreak/jrn_1/g01',
    'firebreak/jrn_1/g',
    'firebreak//g1',
    'other/jrn_1/g1',
    '',
  ])('is not ours: %j', (text) => {
    expect(parseOrigin(text)).toBe(null);
  });
});

describe('the text of a checkpoint', () => {
  const text = checkpointText({ origin: name, size: 7, root });

  it('is origin, size and root, each on a line', () => {
    expect(text).toBe(`${name}\n7\n${Buffer.from(root, 'hex').toString('base64')}\n`);
    expect(parseCheckpointText(text)).toEqual({ origin: name, size: 7, root, extensions: [] });
    expect(parseCheckpointText(`${text}more\n`)).toMatchObject({ extensions: ['more'] });
  });

  it('is read in one spelling only', () => {
    const [, , encoded = ''] = text.split('\n');
    const of = (size: string, hash = encoded): string => `${name}\n${size}\n${hash}\n`;
    expect(parseCheckpointText(of('0'))?.size).toBe(0);
    expect(parseCheckpointText(of(String(Number.MAX_SAFE_INTEGER)))?.size).toBe(Number.MAX_SAFE_INTEGER);
    const wrong = ['', '07', '-7', '+7', '7.0', '7 ', '7e0', '9007199254740992', '99999999999999999'].map((size) =>
      of(size),
    );
    wrong.push(of('7', encoded.slice(0, -1)), of('7', `${encoded} `), of('7', Buffer.alloc(31).toString('base64')));
    wrong.push(of('7', ''), text.slice(0, -1), `\n7\n${encoded}\n`, `${text}\n`, `${text}more\n\n`, '', '\n');
    for (const each of wrong) expect(parseCheckpointText(each)).toBe(null);
  });

  it('is made of nothing else', () => {
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => checkpointText({ origin: name, size, root })).toThrow('whole number');
    }
    for (const other of ['', 'a b', 'a+b', 'a\nb']) {
      expect(() => checkpointText({ origin: other, size: 7, root })).toThrow('one line');
    }
    expect(() => checkpointText({ origin: name, size: 7, root: root.slice(1) })).toThrow('tree hash');
  });
});

describe('two checkpoints', () => {
  const at = (size: number, rootHash = root, of = name): Parameters<typeof compareCheckpoints>[0] => ({
    origin: of,
    size,
    root: rootHash,
    extensions: [],
  });

  it('of one log are the same, or it has grown, or somebody lies', () => {
    expect(compareCheckpoints(at(7), at(7))).toBe('same');
    expect(compareCheckpoints(at(7), at(8, leafHash('y')))).toBe('grown');
    expect(compareCheckpoints(at(7), at(7, leafHash('y')))).toBe('split_view');
    expect(compareCheckpoints(at(7), at(6))).toBe('split_view');
    expect(compareCheckpoints(at(7), at(7, root, 'firebreak/jrn_1/g2'))).toBe('other_log');
  });
});

describe('the key of a log', () => {
  const faultOf = (make: () => unknown): unknown => {
    try {
      return make();
    } catch (thrown) {
      return thrown instanceof FirebreakError ? [thrown.code, ...thrown.faults.map(({ pointer }) => pointer)] : thrown;
    }
  };
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');

  it('is the public half of an Ed25519 key', () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(noteKey(name, publicKey).id).toMatch(/^[0-9a-f]{8}$/);
    for (const key of [other.publicKey, privateKey]) {
      expect(faultOf(() => noteKey(name, key))).toEqual(['invalid_request', '/publicKey']);
    }
  });

  it('has a name of one word', () => {
    for (const wrong of ['', 'a b', 'a+b', 'a\u0085b', 'a\tb', '\ud800']) {
      expect(faultOf(() => noteKey(wrong, publicKey))).toEqual(['invalid_request', '/name']);
    }
  });
});
