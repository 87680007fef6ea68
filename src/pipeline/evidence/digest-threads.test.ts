import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { lanesFor, openDigestThreads, SMALL_BYTES, type DigestThreads } from './digest-threads.ts';
import { VaultError } from './vault.ts';

const UNCOMPILED = new URL('../../../tests/support/digest-thread.js', import.meta.url);
const MIB = 1024 * 1024;
/** The first byte of a block of which the thread dies. */
const FATAL = 0xdd;

const opened: DigestThreads[] = [];
function threads(program = UNCOMPILED, lanes = 1): DigestThreads {
  const fresh = openDigestThreads({ program, lanes });
  opened.push(fresh);
  return fresh;
}
afterAll(() => Promise.all(opened.map((each) => each.close())));
const real = threads();

function digestsOf(bytes: Uint8Array) {
  const digest = (name: string) => createHash(name).update(bytes).digest('hex');
  return { size: bytes.length, sha256: digest('sha256'), sha512: digest('sha512') };
}

function piece(size: number, first: number, isShared: boolean): Uint8Array {
  const bytes = isShared ? new Uint8Array(new SharedArrayBuffer(size)) : new Uint8Array(size);
  for (let at = 0; at < size; at += 997) bytes[at] = (first + at) & 0x7f;
  return bytes;
}

async function taken(pieces: readonly Uint8Array[], from = real) {
  const taker = from.take();
  try {
    for (const each of pieces) await taker.add(each);
    return await taker.finish();
  } finally {
    taker.drop();
  }
}

describe('digests that are taken in threads', () => {
  it.each([0, 1, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1, MIB - 1, MIB, MIB + 1, 5 * MIB + 3])(
    'are those of %i bytes',
    async (size) => {
      for (const isShared of [true, false]) {
        const bytes = piece(size, 1, isShared);
        expect(await taken([bytes])).toEqual(digestsOf(bytes));
      }
    },
  );

  it('are the same however the content comes in pieces, a piece being used again as soon as it was taken', async () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 0, max: 400_000 }), fc.nat(127), fc.boolean()), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(pieces, async (given) => {
        const expected = digestsOf(Buffer.concat(given.map((each) => piece(...each))));
        const taker = real.take();
        for (const each of given) {
          const bytes = piece(...each);
          await taker.add(bytes);
          bytes.fill(0xff);
        }
        expect(await taker.finish()).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('keep contents apart that come at the same time, also through one pair of threads', async () => {
    const contents = [1, 2, 3, 4, 5].map((first) => [piece(MIB, first, true), piece(300_000 + first, first, false)]);
    const results = await Promise.all(contents.map((pieces) => taken(pieces)));
    expect(results).toEqual(contents.map((pieces) => digestsOf(Buffer.concat(pieces))));
  });

  it('do not wait for contents that were given up', async () => {
    const given = real.take();
    await given.add(piece(MIB, 1, true));
    given.drop();
    expect(await taken([piece(MIB, 2, true)])).toEqual(digestsOf(piece(MIB, 2, false)));
  });

  it('take no more than three blocks that nobody has hashed', async () => {
    const silent = new URL(
      'data:text/javascript,import{parentPort}from"node:worker_threads";parentPort.on("message",()=>{})',
    );
    const taker = threads(silent).take();
    let blocks = 0;
    void (async () => {
      for (;;) {
        await taker.add(piece(MIB, 1, false));
        blocks += 1;
      }
    })().catch(() => undefined);
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(blocks).toBe(2);
  });
});

describe('a thread that dies', () => {
  const fatal = piece(MIB, 1, true).fill(FATAL);

  it.each([
    ['in the middle', UNCOMPILED],
    ['when it is asked for the digest', new URL('?dies=finish', UNCOMPILED)],
  ])('%s fails the content that it had, and the next content gets another thread', async (_when, program) => {
    const dying = threads(program);
    const before = piece(3 * MIB, 1, false);
    const failed = taken([before, fatal, before], dying);
    await expect(failed).rejects.toThrow(VaultError);
    await expect(failed).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('is gone') });
    expect(await taken([before], dying)).toEqual(digestsOf(before));
  });

  it('never lets a later thread answer for what came before it', async () => {
    const dying = threads();
    const taker = dying.take();
    await taker.add(piece(MIB, 1, true));
    await expect(taken([piece(MIB, 1, true), fatal], dying)).rejects.toThrow('is gone');
    expect(await taken([piece(MIB, 2, true)], dying)).toMatchObject({ size: MIB });
    await expect(async () => taker.add(piece(MIB, 3, true))).rejects.toThrow('is gone');
    await expect(taker.finish()).rejects.toThrow('is gone');
  });

  it('before it began is said too', async () => {
    await expect(taken([piece(MIB, 1, true)], threads(new URL('./none.js', import.meta.url)))).rejects.toThrow(
      'is gone',
    );
  });
});

it('uses half of the processors, one pair of threads at least and four at most', () => {
  expect([1, 2, 3, 4, 8, 64].map(lanesFor)).toEqual([1, 1, 1, 2, 4, 4]);
});
