import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectAddress, Vault } from '../../src/pipeline/evidence/vault.ts';
import { derivedId } from '../../src/platform/hash.ts';
import { BLOCK_BYTES } from '../../src/vaults/blocks.ts';
import {
  contentOf,
  DAY_MS,
  digestsOf,
  KEY,
  localBed,
  NOW,
  options,
  pieces,
  REF,
  s3Bed,
  type VaultBed,
} from './beds.ts';

/** What every adapter of the port promises. The store of the S3 adapter is a fake (`tests/support/fake-s3.ts`). */
describe.each([
  ['a folder, clear', localBed, []],
  ['a folder, encrypted', localBed, [KEY]],
  ['S3 (a fake of it), clear', s3Bed, []],
  ['S3 (a fake of it), encrypted', s3Bed, [KEY]],
] as const)('a vault in %s', (_what, make, keys) => {
  let bed: VaultBed;
  beforeEach(async () => {
    bed = await make();
  });
  afterEach(() => bed.stop());
  const opened = (): Promise<Vault> => bed.open(keys);

  it.each([0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 17])(
    'gives back %i bytes as they came, and any part of them',
    async (size) => {
      const bytes = randomBytes(size);
      const vault = await opened();
      const written = await vault.write(
        REF,
        pieces(bytes.subarray(0, size >> 1), bytes.subarray(size >> 1)),
        options(),
      );
      expect(written).toEqual({ ...digestsOf(bytes), broken: null });
      const address = { ref: REF, sha256: written.sha256 };
      expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
      for (const [start, end] of [
        [0, 1],
        [size - 1, size],
        [BLOCK_BYTES - 1, BLOCK_BYTES + 1],
      ] as const) {
        if (start < 0 || end > size) continue;
        expect((await contentOf(vault, address, { start, end })).equals(bytes.subarray(start, end))).toBe(true);
      }
      expect(await vault.stat(address)).toEqual({
        size,
        retainUntil: NOW + DAY_MS,
        held: false,
        encryptionKeyId: keys[0]?.id ?? null,
        faults: [],
      });
      expect(await vault.unfinished()).toEqual([]);
    },
  );

  it.each([16, 17.5])('gives back %f MiB, and a part in the middle of them', async (mib) => {
    const bytes = randomBytes(mib * BLOCK_BYTES);
    const vault = await opened();
    const written = await vault.write(REF, pieces(bytes), options());
    expect(written).toEqual({ ...digestsOf(bytes), broken: null });
    const address = { ref: REF, sha256: written.sha256 };
    expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
    const [start, end] = [15 * BLOCK_BYTES + 3, 16 * BLOCK_BYTES - 5];
    expect((await contentOf(vault, address, { start, end })).equals(bytes.subarray(start, end))).toBe(true);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: true });
  });

  it('writes an address once', async () => {
    const vault = await opened();
    await vault.write(REF, pieces(Buffer.from('first')), options());
    await expect(vault.write(REF, pieces(Buffer.from('second')), options())).rejects.toMatchObject({ code: 'taken' });
    await expect((await opened()).write(REF, pieces(Buffer.from('first')), options())).rejects.toMatchObject({
      code: 'taken',
    });
    const { sha256 } = digestsOf(Buffer.from('first'));
    expect((await contentOf(vault, { ref: REF, sha256 })).toString()).toBe('first');
    expect(await vault.stat({ ref: REF, sha256: digestsOf(Buffer.from('second')).sha256 })).toBeNull();
  });

  it('gives a name to one of two that write at the same moment', async () => {
    const [one, other] = [await opened(), await opened()];
    const ended = await Promise.allSettled(
      [one, other].map((vault, index) => vault.write(REF, pieces(Buffer.from(`of ${index}`)), options())),
    );
    expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'taken' } });
    const won = ended.findIndex(({ status }) => status === 'fulfilled');
    const { sha256 } = digestsOf(Buffer.from(`of ${won}`));
    expect((await contentOf(one, { ref: REF, sha256 })).toString()).toBe(`of ${won}`);
  });

  it('keeps what came before the source broke off, marked as not the whole', async () => {
    const bytes = randomBytes(BLOCK_BYTES + 5);
    const vault = await opened();
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield* pieces(bytes);
      throw new Error('the host is gone');
    }
    const written = await vault.write(REF, breaking(), options());
    expect(written).toMatchObject({
      ...digestsOf(bytes),
      broken: { by: 'source', why: expect.stringContaining('gone') },
    });
    expect((await contentOf(vault, { ref: REF, sha256: written.sha256 })).equals(bytes)).toBe(true);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: false });
  });

  it('keeps nothing where nothing came', async () => {
    const vault = await opened();
    async function* refusing(): AsyncGenerator<Uint8Array> {
      yield* [];
      throw new Error('no such file');
    }
    expect(await vault.write(REF, refusing(), options())).toMatchObject({ size: 0, broken: { by: 'source' } });
    expect(await vault.salvage(REF, options())).toBeNull();
    expect(await vault.unfinished()).toEqual([]);
    expect(await addressesOf(vault)).toEqual([]);
  });

  it('does not wait for a source that hangs once it is told to end', async () => {
    const vault = await opened();
    const controller = new AbortController();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('begun');
      controller.abort();
      await new Promise(() => undefined);
    }
    const written = await vault.write(REF, hanging(), options({ signal: controller.signal }));
    expect(written).toMatchObject({ size: 5, broken: { by: 'aborted' } });
  });

  it('takes no more than the limit', async () => {
    const vault = await opened();
    const written = await vault.write(REF, pieces(randomBytes(10), randomBytes(10)), options({ maxBytes: 15 }));
    expect(written).toMatchObject({ size: 15, broken: { by: 'limit' } });
  });

  it('makes what a crash has left an object that is not the whole', async () => {
    const bytes = randomBytes(bed.leastPart);
    const before = await opened();
    // The process ends while it waits for more: nothing of it runs any more until all is looked at.
    let awake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      awake = resolve;
    });
    const content = (async function* () {
      yield* pieces(bytes);
      await asleep;
    })();
    const writing = before.write(REF, content, options());
    writing.catch(() => undefined);
    await bed.arrived(REF, bytes.length);
    const vault = await opened();
    expect(await vault.unfinished()).toEqual([REF]);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: false });
    const address = { ref: REF, sha256: digestsOf(bytes).sha256 };
    expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
    expect(await vault.unfinished()).toEqual([]);
    expect(await vault.stat(address)).toMatchObject({ faults: [], retainUntil: NOW + DAY_MS });
    // Whoever was taken for dead and is not finds that somebody else has finished it.
    awake();
    await expect(writing).rejects.toMatchObject({ code: 'unavailable' });
    expect((await contentOf(vault, address)).equals(bytes)).toBe(true);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: false });
  });

  it('answers with the object when only the note of it is missing', async () => {
    const bytes = randomBytes(100);
    await (await opened()).write(REF, pieces(bytes), options());
    expect(await (await opened()).salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: true });
  });

  it('destroys after the term only, and never under a hold', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options());
    const address = { ref: REF, sha256 };
    await vault.attach(address, 'x_meta.json', Buffer.from('{}'));
    await expect(vault.destroy(address, NOW)).rejects.toMatchObject({
      code: 'kept',
      message: expect.stringContaining(new Date(NOW + DAY_MS).toISOString()),
    });
    await vault.retain(address, NOW + 2 * DAY_MS);
    await vault.retain(address, NOW);
    expect(await vault.stat(address)).toMatchObject({ retainUntil: NOW + 2 * DAY_MS, held: false });
    await expect(vault.destroy(address, NOW + DAY_MS)).rejects.toMatchObject({ code: 'kept' });
    await vault.hold(address, true);
    expect(await vault.stat(address)).toMatchObject({ held: true });
    bed.passTime(3 * DAY_MS);
    await expect(vault.destroy(address, NOW + 3 * DAY_MS)).rejects.toMatchObject({
      code: 'kept',
      message: expect.stringContaining('hold'),
    });
    await vault.hold(address, false);
    await vault.destroy(address, NOW + 3 * DAY_MS);
    expect(await vault.stat(address)).toBeNull();
    await vault.destroy(address, NOW + 3 * DAY_MS);
    await expect(vault.read(address)).rejects.toMatchObject({ code: 'missing' });
    await expect(vault.retain(address, NOW)).rejects.toMatchObject({ code: 'missing' });
    await expect(vault.hold(address, true)).rejects.toMatchObject({ code: 'missing' });
    expect(await addressesOf(vault)).toEqual([]);
  });

  it('lets go at once what had no time to be kept', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options({ retainUntil: NOW }));
    await vault.retain({ ref: REF, sha256 }, NOW);
    expect(await vault.stat({ ref: REF, sha256 })).toMatchObject({ retainUntil: NOW, faults: [] });
    await vault.destroy({ ref: REF, sha256 }, NOW);
    expect(await vault.stat({ ref: REF, sha256 })).toBeNull();
  });

  it('lays a file beside an object once', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options());
    const address = { ref: REF, sha256 };
    await vault.attach(address, 'a_meta.json', Buffer.from('{"a":1}'));
    await vault.attach(address, 'a_meta.json', Buffer.from('{"a":1}'));
    await expect(vault.attach(address, 'a_meta.json', Buffer.from('{"a":2}'))).rejects.toMatchObject({ code: 'taken' });
    for (const name of ['../a_meta.json', 'kept.json', `${sha256}`, 'a\n_meta.json', '/etc/x_meta.json', '._meta.json'])
      await expect(vault.attach(address, name, Buffer.from('{}'))).rejects.toMatchObject({ code: 'missing' });
    await expect(
      vault.attach({ ref: derivedId('evd', 'none'), sha256 }, 'a_meta.json', Buffer.from('{}')),
    ).rejects.toMatchObject({ code: 'missing' });
  });

  it('lists what it holds', async () => {
    const vault = await opened();
    const written: ObjectAddress[] = [];
    for (const name of ['one', 'two', 'three']) {
      const ref = derivedId('evd', name);
      const { sha256 } = await vault.write(ref, pieces(Buffer.from(name)), options());
      written.push({ ref, sha256 });
    }
    const byRef = (left: ObjectAddress, right: ObjectAddress): number => (left.ref < right.ref ? -1 : 1);
    expect([...(await addressesOf(vault))].sort(byRef)).toEqual(written.sort(byRef));
  });

  it('has nothing of a name that is none', async () => {
    const vault = await opened();
    const long = `evd_${'a'.repeat(10_000)}`;
    for (const ref of ['../../etc/passwd', 'evd_..', '', 'evd_%2e%2e', long, 'evd_\r\nx', '\u202eevd', '__proto__']) {
      await expect(vault.write(ref, pieces(Buffer.from('x')), options())).rejects.toMatchObject({ code: 'missing' });
      await expect(vault.read({ ref, sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'missing' });
      await expect(vault.read({ ref: REF, sha256: ref })).rejects.toMatchObject({ code: 'missing' });
      await expect(vault.salvage(ref, options())).rejects.toMatchObject({ code: 'missing' });
    }
  });

  it('keeps its name for ever', async () => {
    expect((await opened()).id).toBe((await opened()).id);
  });
});

async function addressesOf(vault: Vault): Promise<readonly ObjectAddress[]> {
  const found: ObjectAddress[] = [];
  for await (const address of vault.list()) found.push(address);
  return found;
}
