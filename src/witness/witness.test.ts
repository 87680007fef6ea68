import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOG_ORIGIN, LOG_START, signingKey } from '../../tests/support/generated-log.ts';
import { signCheckpoint } from '../pipeline/audit/checkpoint.ts';
import {
  cosign,
  formatWitnessKey,
  openCosigned,
  parseWitnessKey,
  witnessKey,
  type WitnessKey,
} from '../pipeline/audit/cosignature.ts';
import { consistencyProof } from '../pipeline/audit/merkle-proofs.ts';
import { appendLeaves, EMPTY_FRONTIER, EMPTY_ROOT, leafHash, rootsOver, treeRoot } from '../pipeline/audit/merkle.ts';
import { formatVerifierKey, noteKey, parseVerifierKey } from '../pipeline/audit/signed-note.ts';
import { formatAddCheckpoint, MAX_REQUEST_BYTES, parseAddCheckpoint } from './add-checkpoint.ts';
import { growthProof, growTo } from './growth-proof.ts';
import { createWitness, MAX_ORIGINS, type Witness } from './witness.ts';
import { openWitnessStore, originHash } from './witness-store.ts';
import { serveWitness } from './witness-server.ts';

const leaves = Array.from({ length: 70 }, (_, index) => leafHash(`record ${index}`));
const fork = leaves.with(3, leafHash('another'));
const { signing, key: logKey } = signingKey();
const pair = generateKeyPairSync('ed25519');
const key = witnessKey('witness.example/w1', pair.publicKey);

/** The log's checkpoint at a size; of another history when its leaves are given. */
function note(size: number, of: readonly string[] = leaves, signer = signing): string {
  return signCheckpoint({ origin: LOG_ORIGIN, size, root: treeRoot(of.slice(0, size)) }, signer);
}

function request(oldSize: number, size: number, of: readonly string[] = leaves): string {
  const proof = consistencyProof(
    rootsOver((position) => of[position] ?? ''),
    oldSize,
    size,
  );
  return formatAddCheckpoint({ oldSize, proof, note: note(size, of) });
}

let directory: string;
let contradictions: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'firebreak-witness-'));
  contradictions = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(): Witness {
  return createWitness({
    key,
    privateKey: pair.privateKey,
    logKeys: [logKey],
    store: openWitnessStore(directory, key),
    now: () => LOG_START,
    onContradiction: (why) => contradictions.push(why),
  });
}

describe('a cosignature', () => {
  const text = note(5).split('\n\n')[0] + '\n';

  it('is over the header, the time and the whole text, and is found again', () => {
    const line = cosign(text, 1_679_315_147, key, pair.privateKey);
    expect(openCosigned(`${note(5)}${line}`, key)).toMatchObject({ checkpoint: { size: 5 }, at: 1_679_315_147 });
    const [, , encoded = ''] = line.trim().split(' ');
    const raw = Buffer.from(encoded, 'base64');
    // 4 bytes of key id, 8 of time in big-endian order, 64 of signature.
    expect([raw.length, raw.readBigUInt64BE(4)]).toEqual([76, 1_679_315_147n]);
  });

  it('fails when any byte of it changes, or of the checkpoint', () => {
    const line = cosign(text, 1_679_315_147, key, pair.privateKey);
    const [dash, name, encoded = ''] = line.trim().split(' ');
    const raw = Buffer.from(encoded, 'base64');
    for (let at = 0; at < raw.length; at += 1) {
      const changed = Buffer.from(raw);
      changed[at] = (raw[at] ?? 0) ^ 1;
      expect(openCosigned(`${note(5)}${dash} ${name} ${changed.toString('base64')}\n`, key)).toBeNull();
    }
    expect(openCosigned(`${note(6)}${line}`, key)).toBeNull();
    expect(openCosigned(note(5), key)).toBeNull();
    const other = witnessKey('witness.example/w1', generateKeyPairSync('ed25519').publicKey);
    expect(openCosigned(`${note(5)}${line}`, other)).toBeNull();
  });

  it('has a key of its own kind, whose line no log key passes for', () => {
    expect(parseWitnessKey(formatWitnessKey(key))).toMatchObject({ name: key.name, id: key.id });
    expect(parseVerifierKey(formatWitnessKey(key))).toBeNull();
    expect(parseWitnessKey(formatVerifierKey(logKey))).toBeNull();
    expect(noteKey(key.name, pair.publicKey).id).not.toBe(key.id);
  });

  it('reads the example of the specification', () => {
    // c2sp.org/tlog-cosignature: name, key id and time of the example; its key is not published.
    const example =
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
      '\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n' +
      '\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n';
    const wrong: WitnessKey = { ...key, name: 'witness.example.com/w1', id: '8d66cf3f' };
    expect(openCosigned(example, wrong)).toBeNull();
    expect(parseAddCheckpoint(`old 0\n\n${example}`)).toMatchObject({ oldSize: 0, proof: [], note: example });
  });
});

describe('a growth proof', () => {
  const read = async (from: number, to: number) => leaves.slice(from, to);

  it('is the consistency proof, made of the frontier and the new leaves only', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 }), async (a, b) => {
        const [oldSize, newSize] = [Math.min(a, b), Math.max(a, b)];
        const frontier = appendLeaves(EMPTY_FRONTIER, leaves.slice(0, oldSize));
        const onlyNew = async (from: number, to: number) => {
          expect(from).toBeGreaterThanOrEqual(oldSize);
          return read(from, to);
        };
        const rootOf = rootsOver((position) => leaves[position] ?? '');
        expect(await growthProof(frontier, newSize, onlyNew)).toEqual(consistencyProof(rootOf, oldSize, newSize));
      }),
    );
  });

  it('starts again when the witness knows less than the log thought', async () => {
    const ahead = appendLeaves(EMPTY_FRONTIER, leaves.slice(0, 40));
    expect(await growTo(ahead, 7, read)).toEqual(appendLeaves(EMPTY_FRONTIER, leaves.slice(0, 7)));
    await expect(growTo(ahead, 71, read)).rejects.toThrow('holds the leaves');
  });
});

describe('add-checkpoint', () => {
  it('cosigns a log that only grows, in any steps, and keeps what it said', () => {
    const steps = fc.uniqueArray(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(steps, (drawn) => {
        rmSync(directory, { recursive: true, force: true });
        const witness = open();
        let old = 0;
        for (const size of [...drawn].sort((a, b) => a - b)) {
          const answer = witness.addCheckpoint(request(old, size));
          expect(answer.status).toBe(200);
          expect(openCosigned(`${note(size)}${answer.body}`, key)?.at).toBe(LOG_START / 1_000);
          old = size;
        }
        const kept = open().newest(originHash(LOG_ORIGIN)).body;
        expect(openCosigned(kept, key)).toMatchObject({
          checkpoint: { size: old, root: treeRoot(leaves.slice(0, old)) },
        });
      }),
      { numRuns: 20 },
    );
  });

  it('starts with the empty log, and cosigns the same checkpoint again', () => {
    const witness = open();
    expect(witness.addCheckpoint(request(0, 0)).status).toBe(200);
    expect(witness.addCheckpoint(request(0, 9)).status).toBe(200);
    expect(witness.addCheckpoint(request(9, 9)).status).toBe(200);
    const lie = signCheckpoint({ origin: LOG_ORIGIN, size: 0, root: leafHash('x') }, signing);
    rmSync(directory, { recursive: true });
    expect(open().addCheckpoint(`old 0\n\n${lie}`).status).toBe(409);
  });

  it('answers with its size when the old size is another, larger or smaller', () => {
    const witness = open();
    witness.addCheckpoint(request(0, 20));
    for (const [old, size] of [
      [0, 30],
      [19, 30],
      [21, 30],
      [0, 10],
    ] as const) {
      expect(witness.addCheckpoint(request(old, size))).toEqual({
        status: 409,
        type: 'text/x.tlog.size',
        body: '20\n',
      });
    }
  });

  it('refuses a fork: another root at the same size, or a history that does not begin with the one it knows', () => {
    const witness = open();
    witness.addCheckpoint(request(0, 20));
    const before = readFileSync(join(directory, readdirSync(directory)[0] ?? ''), 'utf8');
    expect(witness.addCheckpoint(request(20, 20, fork)).status).toBe(409);
    expect(witness.addCheckpoint(request(20, 30, fork)).status).toBe(422);
    expect(witness.addCheckpoint(formatAddCheckpoint({ oldSize: 20, proof: [], note: note(30) })).status).toBe(422);
    expect(contradictions).toHaveLength(3);
    // A server that lies to two sides asks from nothing: it is answered with the size that is vouched for.
    expect(witness.addCheckpoint(request(0, 20, fork)).status).toBe(409);
    expect(readFileSync(join(directory, readdirSync(directory)[0] ?? ''), 'utf8')).toBe(before);
    expect(witness.addCheckpoint(request(20, 30)).status).toBe(200);
  });

  it('refuses logs it does not know, signatures that are not theirs, and what has not the form', () => {
    const witness = open();
    const stranger = signingKey().signing;
    const elsewhere = signCheckpoint({ origin: 'firebreak/jrn_other/g1', size: 0, root: EMPTY_ROOT }, signing);
    const cases: readonly (readonly [number, string])[] = [
      [404, `old 0\n\n${elsewhere}`],
      [403, `old 0\n\n${note(5, leaves, stranger)}`],
      [403, `old 0\n\n${note(5).replace(/(?<=\n5\n)./, 'x')}`],
      [400, `old 6\n\n${note(5)}`],
      [422, `old 0\n${Buffer.alloc(32).toString('base64')}\n\n${note(5)}`],
      [400, ''],
      [400, 'old 0\n'],
      [400, `old 00\n\n${note(5)}`],
      [400, `old -1\n\n${note(5)}`],
      [400, `old 0\nAAAA\n\n${note(5)}`],
      [400, `old 0\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\n${note(5)}`],
      [400, `old 0\n\n${note(5)}${'\u2014 x AAAAAAA=\n'.repeat(16)}`],
      [400, 'old 0\n\nnothing'],
    ];
    for (const [status, body] of cases) expect([witness.addCheckpoint(body).status, body]).toEqual([status, body]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('never throws, whatever it is sent', () => {
    const witness = open();
    fc.assert(fc.property(fc.string(), (body) => witness.addCheckpoint(body).status >= 400));
    fc.assert(fc.property(fc.string(), (body) => witness.addCheckpoint(`old 0\n\n${body}`).status >= 400));
  });

  it('answers nothing that it could not keep', () => {
    const store = openWitnessStore(directory, key);
    const witness = createWitness({
      key,
      privateKey: pair.privateKey,
      logKeys: [logKey],
      store: {
        ...store,
        keep() {
          throw new Error('no space left');
        },
      },
      now: () => LOG_START,
    });
    expect(() => witness.addCheckpoint(request(0, 5))).toThrow('no space left');
    expect(open().newest(originHash(LOG_ORIGIN)).status).toBe(404);
  });
});

describe('the store', () => {
  it('does not open when it holds something else: a witness that forgot is none', () => {
    open().addCheckpoint(request(0, 5));
    const file = join(directory, `${originHash(LOG_ORIGIN)}.checkpoint`);
    const whole = readFileSync(file, 'utf8');
    writeFileSync(`${file}.draft`, 'half a'); // What a crash before the new name leaves behind.
    expect(open().newest(originHash(LOG_ORIGIN)).body).toBe(whole);
    writeFileSync(file, whole.replace('\n5\n', '\n4\n'));
    expect(open).toThrow('does not hold');
  });

  it('is for a bounded number of logs, and for at least one', () => {
    const store = openWitnessStore(directory, key);
    const { publicKey } = signing;
    const many = Array.from({ length: MAX_ORIGINS + 1 }, (_, n) => noteKey(`firebreak/jrn_${n}/g1`, publicKey));
    const ports = { key, privateKey: pair.privateKey, store, now: () => 0 };
    expect(() => createWitness({ ...ports, logKeys: many })).toThrow('64 logs');
    expect(() => createWitness({ ...ports, logKeys: [] })).toThrow('64 logs');
  });
});

describe('over HTTP', () => {
  it('takes checkpoints, serves the newest, and bounds what it reads', async () => {
    const onError = (thrown: unknown): never => {
      throw thrown;
    };
    const server = await serveWitness(open(), { host: '127.0.0.1', port: 0, onError });
    try {
      const post = (body: string) => fetch(`${server.url}/add-checkpoint`, { method: 'POST', body });
      const reply = await post(request(0, 12));
      expect([reply.status, openCosigned(`${note(12)}${await reply.text()}`, key)?.checkpoint.size]).toEqual([200, 12]);
      const conflict = await post(request(0, 13));
      expect([conflict.status, conflict.headers.get('content-type')]).toEqual([409, 'text/x.tlog.size']);
      expect(await conflict.text()).toBe('12\n');
      const newest = await fetch(`${server.url}/checkpoint/${originHash(LOG_ORIGIN)}`);
      expect(openCosigned(await newest.text(), key)?.checkpoint.size).toBe(12);
      expect((await fetch(`${server.url}/checkpoint/${originHash('x')}`)).status).toBe(404);
      expect((await fetch(`${server.url}/add-checkpoint`)).status).toBe(405);
      expect((await fetch(`${server.url}/`)).status).toBe(404);
      const big = await post('x'.repeat(MAX_REQUEST_BYTES + 1)).catch(() => null);
      expect(big === null || big.status === 413).toBe(true);
      expect((await post(request(12, 13))).status).toBe(200);
    } finally {
      await server.stop();
    }
  });
});
