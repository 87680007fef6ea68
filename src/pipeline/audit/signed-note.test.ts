import fc from 'fast-check';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  checkpointText,
  compareCheckpoints,
  openCheckpoint,
  origin,
  parseCheckpointText,
  parseOrigin,
  signCheckpoint,
} from './checkpoint.ts';
import { EMPTY_ROOT, leafHash } from './merkle.ts';
import {
  formatVerifierKey,
  noteKey,
  parseNote,
  parseVerifierKey,
  signNote,
  verifyNote,
  type NoteKey,
} from './signed-note.ts';

/** The example of Go's golang.org/x/mod/sumdb/note documentation, the reference implementation of signed notes. */
const PUBLISHED_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PUBLISHED_NOTE =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

/** The example of c2sp.org/tlog-checkpoint: its form only, since the key is not published there. */
const PUBLISHED_CHECKPOINT =
  'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
  '\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n';

/** A fixed key pair (RFC 8032 section 7.1, test 1), so that every run signs the same bytes. */
const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
const privateKey = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
  format: 'der',
  type: 'pkcs8',
});
const keys = { privateKey, publicKey: createPublicKey(privateKey) };
const NAME = 'firebreak/jrn_1/g1';
const ours = noteKey(NAME, keys.publicKey);
const stranger = generateKeyPairSync('ed25519');

function read(note: string): NonNullable<ReturnType<typeof parseNote>> {
  const parsed = parseNote(note);
  if (parsed === null) throw new Error('not a note');
  return parsed;
}

function verifierKey(line: string): NoteKey {
  const key = parseVerifierKey(line);
  if (key === null) throw new Error('not a verifier key');
  return key;
}

describe('signed notes', () => {
  it('verifies the published note with the published key', () => {
    const key = verifierKey(PUBLISHED_KEY);
    expect(key.id).toBe('c74f20a3');
    expect(verifyNote(read(PUBLISHED_NOTE), [key]).status).toBe('valid');
    expect(formatVerifierKey(key)).toBe(PUBLISHED_KEY);
  });

  it('signs what it verifies, for any text', () => {
    const lines = fc.array(fc.stringMatching(/^[ -~é—]*$/), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lines, (parts) => {
        const text = `${parts.join('\n')}\n`;
        const note = read(signNote(text, NAME, keys));
        expect(note.text).toBe(text);
        expect(verifyNote(note, [ours])).toEqual({ status: 'valid', signers: [ours] });
      }),
      { numRuns: 50 },
    );
  });

  it('never takes a note with any one character changed for valid', () => {
    const note = signNote('a\nb\n', NAME, keys);
    for (let index = 0; index < note.length; index += 1) {
      for (const character of ['\n', ' ', 'A', '=', 'é']) {
        if (note[index] === character) continue;
        const parsed = parseNote(note.slice(0, index) + character + note.slice(index + 1));
        expect(parsed === null || verifyNote(parsed, [ours]).status !== 'valid').toBe(true);
      }
    }
  });

  it('ignores lines of unknown keys, before or after the known one', () => {
    const note = signNote('text\n', NAME, keys);
    const [, , known = ''] = note.split('\n');
    const other = `\u2014 witness.example/w1 ${Buffer.alloc(4 + 5_000, 7).toString('base64')}`;
    for (const order of [
      [known, other],
      [other, known],
    ]) {
      expect(verifyNote(read(`text\n\n${order.join('\n')}\n`), [ours]).status).toBe('valid');
    }
    expect(verifyNote(read(`text\n\n${other}\n`), [ours]).status).toBe('unknown');
    expect(verifyNote(read(note), []).status).toBe('unknown');
  });

  it('ignores a line that shares the name or the id of a known key, but not both', () => {
    const bytes = Buffer.concat([Buffer.from(ours.id, 'hex'), Buffer.alloc(64)]);
    const sameId = `\u2014 another ${bytes.toString('base64')}`;
    const sameName = `\u2014 ${NAME} ${Buffer.alloc(68, 1).toString('base64')}`;
    expect(verifyNote(read(`text\n\n${sameId}\n${sameName}\n`), [ours]).status).toBe('unknown');
  });

  it('rejects the whole note when one line of a known key is wrong, even if another is right', () => {
    const second = noteKey('cosigner', stranger.publicKey);
    const note = signNote('text\n', NAME, keys);
    const forged = Buffer.concat([Buffer.from(second.id, 'hex'), Buffer.alloc(64, 3)]).toString('base64');
    const verdict = verifyNote(read(`${note}\u2014 cosigner ${forged}\n`), [ours, second]);
    expect(verdict).toEqual({ status: 'invalid', signers: [second] });
    const short = Buffer.concat([Buffer.from(ours.id, 'hex'), Buffer.alloc(9)]).toString('base64');
    expect(verifyNote(read(`text\n\n\u2014 ${NAME} ${short}\n`), [ours]).status).toBe('invalid');
  });

  it.each([
    ['no signature', 'text\n'],
    ['no last newline', PUBLISHED_NOTE.slice(0, -1)],
    ['another dash', PUBLISHED_NOTE.replace('\u2014', '-')],
    ['a control character', PUBLISHED_NOTE.replace('If', 'I\tf')],
    ['a carriage return', PUBLISHED_NOTE.replaceAll('\n', '\r\n')],
    ['base64 with something else in it', PUBLISHED_NOTE.replace('x08go', 'x08 go')],
    ['base64 without padding', PUBLISHED_NOTE.replace('=\n', '\n')],
    ['a signature of a key id only', 'text\n\n\u2014 name AAAAAA==\n'],
    ['a plus in the name', PUBLISHED_NOTE.replace('PeterNeumann', 'Peter+Neumann')],
    ['65 signatures', `text\n\n${'\u2014 name AAAAAAAA\n'.repeat(65)}`],
    ['too much text', `${'x'.repeat(300_000)}\n\n\u2014 name AAAAAAAA\n`],
  ])('refuses a note with %s', (_name, note) => {
    expect(parseNote(note)).toBeNull();
  });

  it('never throws on what it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseNote(`${text}\n\n\u2014 ${text}`)).toBeDefined();
        expect(parseVerifierKey(text)).toBeNull();
        expect(parseCheckpointText(text)).toBeDefined();
      }),
    );
  });

  it('refuses keys and names that cannot sign notes', () => {
    expect(() => noteKey('two words', keys.publicKey)).toThrow('key name');
    expect(() => noteKey('', keys.publicKey)).toThrow('key name');
    expect(() => noteKey('x', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)).toThrow('Ed25519');
    expect(() => noteKey('x', keys.privateKey)).toThrow('Ed25519');
    expect(() => signNote('no newline', NAME, keys)).toThrow('newline');
    expect(parseVerifierKey(PUBLISHED_KEY.replace('c74f20a3', 'c74f20a4'))).toBeNull();
    expect(parseVerifierKey(PUBLISHED_KEY.replace('Peter', 'Petra'))).toBeNull();
  });
});

describe('checkpoints', () => {
  const checkpoint = { origin: NAME, size: 7, root: leafHash('x') };

  it('reads the published example', () => {
    const opened = openCheckpoint(PUBLISHED_CHECKPOINT, []);
    expect(opened).toMatchObject({
      status: 'unknown',
      checkpoint: { origin: 'example.com/behind-the-sofa', size: 20_852_163, extensions: [] },
    });
  });

  it('has the text of the specification', () => {
    expect(checkpointText({ origin: NAME, size: 0, root: EMPTY_ROOT })).toBe(
      `${NAME}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n`,
    );
    expect(() => checkpointText({ ...checkpoint, size: 1.5 })).toThrow('invariant');
    expect(() => checkpointText({ ...checkpoint, origin: 'a\n9' })).toThrow('invariant');
  });

  it('is valid for the key of its origin only', () => {
    const note = signCheckpoint(checkpoint, keys);
    expect(openCheckpoint(note, [ours])).toMatchObject({ status: 'valid', checkpoint });
    const elsewhere = signNote(checkpointText({ ...checkpoint, origin: 'firebreak/jrn_2/g1' }), NAME, keys);
    expect(openCheckpoint(elsewhere, [ours]).status).toBe('unknown');
    expect(openCheckpoint(note.replace('\n7\n', '\n8\n'), [ours]).status).toBe('invalid');
    expect(openCheckpoint(note, [noteKey(NAME, stranger.publicKey)]).status).toBe('unknown');
    expect(openCheckpoint('text\n', [ours]).status).toBe('malformed');
  });

  it('accepts extension lines and refuses other forms', () => {
    const text = checkpointText(checkpoint);
    expect(parseCheckpointText(`${text}extra\nmore\n`)?.extensions).toEqual(['extra', 'more']);
    const root = text.split('\n')[2] ?? '';
    for (const wrong of [
      '',
      'o\n7\n',
      `\n7\n${root}\n`,
      `o\n07\n${root}\n`,
      `o\n-1\n${root}\n`,
      `o\n7\n${root}`,
      `o\n7\nAAAA\n`,
    ]) {
      expect(parseCheckpointText(wrong)).toBeNull();
    }
    expect(parseCheckpointText(`o\n9007199254740993\n${root}\n`)).toBeNull();
    expect(parseCheckpointText(`${text}\n`)).toBeNull();
  });

  it('names journal, generation and accelerated time in the origin', () => {
    expect(origin('jrn_1', { accelerated: false, generation: 1 })).toBe(NAME);
    expect(origin('jrn_1', { accelerated: true, generation: 2 })).toBe('firebreak/jrn_1/g2/accelerated');
    for (const identity of [
      { journalId: 'jrn_1', accelerated: false, generation: 1 },
      { journalId: 'A.b-c', accelerated: true, generation: 12 },
    ]) {
      expect(parseOrigin(origin(identity.journalId, identity))).toEqual(identity);
    }
    expect(parseOrigin('example.com/log')).toBeNull();
    for (const wrong of ['', 'a b', 'a+b', 'a/b', 'a\n7', 'x'.repeat(129)]) {
      expect(() => origin(wrong, { accelerated: false, generation: 1 })).toThrow('log origin');
    }
    expect(() => origin('jrn_1', { accelerated: false, generation: 0 })).toThrow('log origin');
  });

  it('raises a split view when a log shrinks or shows another root', () => {
    const seen = { ...checkpoint, extensions: [] };
    expect(compareCheckpoints(seen, seen)).toBe('same');
    expect(compareCheckpoints(seen, { ...seen, size: 8 })).toBe('grown');
    expect(compareCheckpoints(seen, { ...seen, size: 6 })).toBe('split_view');
    expect(compareCheckpoints(seen, { ...seen, root: EMPTY_ROOT })).toBe('split_view');
    expect(compareCheckpoints(seen, { ...seen, size: 8, origin: 'firebreak/jrn_1/g2' })).toBe('other_log');
  });
});
