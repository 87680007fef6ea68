import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  link,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectAddress, Vault, WriteOptions } from '../../pipeline/evidence/vault.ts';
import { derivedId } from '../../platform/hash.ts';
import { BLOCK_BYTES } from './blocks.ts';
import { readKeyFile, type VaultKey } from './key-file.ts';
import { openLocalVault } from './vault.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY_MS = 24 * 3_600_000;
const REF = derivedId('evd', 'one');
const KEY: VaultKey = { id: '00112233445566ff', secret: Buffer.alloc(32, 7) };

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-vault-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function options(over: Partial<WriteOptions> = {}): WriteOptions {
  return { signal: new AbortController().signal, maxBytes: 1e12, retainUntil: NOW + DAY_MS, ...over };
}

async function* pieces(...given: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of given) {
    await turn();
    yield piece;
  }
}

async function contentOf(
  vault: Vault,
  address: ObjectAddress,
  range?: { start: number; end: number },
): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const piece of await vault.read(address, range)) read.push(Buffer.from(piece));
  return Buffer.concat(read);
}

function digestsOf(bytes: Uint8Array) {
  const digest = (name: string) => createHash(name).update(bytes).digest('hex');
  return { size: bytes.length, sha256: digest('sha256'), sha512: digest('sha512') };
}

/** The one file of content that the vault holds. */
async function contentFile(ref = REF): Promise<string> {
  const own = join(folder, 'objects', ref.slice(-2), ref);
  const name = (await readdir(own)).find((each) => /^[0-9a-f]{64}/.test(each));
  return join(own, name ?? 'no content');
}

describe.each([
  ['clear', []],
  ['encrypted', [KEY]],
])('a local vault, %s', (_what, keys: readonly VaultKey[]) => {
  const opened = (): Promise<Vault> => openLocalVault({ folder, keys });

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
      expect((await stat(await contentFile())).mode & 0o777).toBe(0o400);
      expect(await readdir(join(folder, 'incoming'))).toEqual([]);
    },
  );

  it('writes an address once', async () => {
    const vault = await opened();
    await vault.write(REF, pieces(Buffer.from('first')), options());
    await expect(vault.write(REF, pieces(Buffer.from('second')), options())).rejects.toMatchObject({ code: 'taken' });
    expect((await contentOf(vault, { ref: REF, sha256: digestsOf(Buffer.from('first')).sha256 })).toString()).toBe(
      'first',
    );
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
    expect(await readdir(join(folder, 'objects', REF.slice(-2)))).toEqual([]);
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
    const bytes = randomBytes(2 * BLOCK_BYTES);
    const before = await opened();
    // The process ends while it waits for the third block: nothing of it runs any more until all is looked at.
    let awake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      awake = resolve;
    });
    const content = (async function* () {
      yield* pieces(bytes);
      await asleep;
    })();
    const writing = before.write(REF, content, options());
    const incoming = join(folder, 'incoming', keys.length === 0 ? REF : `${REF}.sealed`);
    const whole = 2 * BLOCK_BYTES + (keys.length === 0 ? 0 : 64 + 32);
    for (;;) {
      const size = await stat(incoming).then(
        (found) => found.size,
        () => 0,
      );
      if (size >= whole) break;
      await turn();
    }
    const vault = await opened();
    expect(await vault.unfinished()).toEqual([REF]);
    expect(await vault.salvage(REF, options())).toEqual({ ...digestsOf(bytes), complete: false });
    expect((await contentOf(vault, { ref: REF, sha256: digestsOf(bytes).sha256 })).equals(bytes)).toBe(true);
    expect(await vault.unfinished()).toEqual([]);
    awake();
    await expect(writing).rejects.toMatchObject({ code: 'unavailable' });
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
      message: expect.stringContaining('2026'),
    });
    await vault.retain(address, NOW + 2 * DAY_MS);
    await vault.retain(address, NOW);
    await expect(vault.destroy(address, NOW + DAY_MS)).rejects.toMatchObject({ code: 'kept' });
    await vault.hold(address, true);
    await expect(vault.destroy(address, NOW + 3 * DAY_MS)).rejects.toMatchObject({
      code: 'kept',
      message: expect.stringContaining('hold'),
    });
    await vault.hold(address, false);
    await vault.destroy(address, NOW + 3 * DAY_MS);
    expect(await vault.stat(address)).toBeNull();
    await vault.destroy(address, NOW + 3 * DAY_MS);
    await expect(vault.read(address)).rejects.toMatchObject({ code: 'missing' });
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
  });

  it('lists what it holds', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options());
    await writeFile(join(folder, 'objects', REF.slice(-2), 'notes.txt'), 'not ours');
    const found: ObjectAddress[] = [];
    for await (const address of vault.list()) found.push(address);
    expect(found).toEqual([{ ref: REF, sha256 }]);
  });

  it('says what is not as it was left', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options());
    const address = { ref: REF, sha256 };
    const path = await contentFile();
    await chmod(path, 0o644);
    expect((await vault.stat(address))?.faults).toEqual(['Its mode is 644, not 400']);
    await link(path, join(folder, 'second'));
    expect((await vault.stat(address))?.faults).toHaveLength(2);
    await rm(path);
    expect(await vault.stat(address)).toBeNull();
  });

  it('follows no link that lies in place of evidence', async () => {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(Buffer.from('x')), options());
    const address = { ref: REF, sha256 };
    const path = await contentFile();
    await unlink(path);
    await symlink('/etc/passwd', path);
    await expect(vault.read(address)).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('link'),
    });
    await expect(vault.stat(address)).rejects.toMatchObject({ code: 'damaged' });
    const shard = join(folder, 'objects', REF.slice(-2));
    await rename(shard, join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), shard);
    await expect(vault.read(address)).rejects.toMatchObject({ code: 'damaged' });
    await expect(vault.write(derivedId('evd', 'other'), pieces(Buffer.from('x')), options())).resolves.toBeDefined();
  });

  it('writes through no link that lies where evidence comes in', async () => {
    const vault = await opened();
    const target = join(folder, 'target');
    await writeFile(target, 'precious');
    await symlink(target, join(folder, 'incoming', keys.length === 0 ? REF : `${REF}.sealed`));
    await expect(vault.write(REF, pieces(Buffer.from('x')), options())).rejects.toMatchObject({ code: 'unavailable' });
    expect(await readFile(target, 'utf8')).toBe('precious');
  });

  it.each(['../../etc/passwd', 'evd_..', '', 'evd_%2e%2e', `evd_${'a'.repeat(10_000)}`, 'evd_\r\nx', '\u202eevd'])(
    'has nothing of the name %j',
    async (ref) => {
      const vault = await opened();
      await expect(vault.write(ref, pieces(Buffer.from('x')), options())).rejects.toMatchObject({ code: 'missing' });
      await expect(vault.read({ ref, sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'missing' });
      await expect(vault.read({ ref: REF, sha256: ref })).rejects.toMatchObject({ code: 'missing' });
    },
  );

  it('keeps its name for ever', async () => {
    expect((await opened()).id).toBe((await opened()).id);
  });
});

describe('an encrypted file', () => {
  const opened = (keys: readonly VaultKey[] = [KEY]): Promise<Vault> => openLocalVault({ folder, keys });

  async function written(bytes: Buffer): Promise<{ vault: Vault; address: ObjectAddress; path: string }> {
    const vault = await opened();
    const { sha256 } = await vault.write(REF, pieces(bytes), options());
    return { vault, address: { ref: REF, sha256 }, path: await contentFile() };
  }

  async function rewritten(path: string, change: (bytes: Buffer) => Buffer): Promise<void> {
    const bytes = await readFile(path);
    await chmod(path, 0o600);
    await writeFile(path, change(bytes));
  }

  it('holds nothing of the clear content', async () => {
    const { path } = await written(Buffer.from('a very clear sentence'));
    expect((await readFile(path)).includes('clear')).toBe(false);
  });

  const sealed = BLOCK_BYTES + 16;
  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['a bit of the content', (bytes) => flip(bytes, 64 + 5)],
    ['a bit of the header', (bytes) => flip(bytes, 30)],
    ['a bit of the unused part of the header', (bytes) => flip(bytes, 60)],
    ['the last byte', (bytes) => flip(bytes, bytes.length - 1)],
    ['the end cut off', (bytes) => bytes.subarray(0, bytes.length - 1)],
    ['the last block cut off', (bytes) => bytes.subarray(0, 64 + 2 * sealed)],
    ['a block left out', (bytes) => Buffer.concat([bytes.subarray(0, 64), bytes.subarray(64 + sealed)])],
    [
      'two blocks exchanged',
      (bytes) =>
        Buffer.concat([
          bytes.subarray(0, 64),
          bytes.subarray(64 + sealed, 64 + 2 * sealed),
          bytes.subarray(64, 64 + sealed),
          bytes.subarray(64 + 2 * sealed),
        ]),
    ],
    ['something put behind it', (bytes) => Buffer.concat([bytes, Buffer.alloc(20)])],
  ])('does not open with %s changed', async (_what, change) => {
    const { vault, address, path } = await written(randomBytes(2 * BLOCK_BYTES + 100));
    await rewritten(path, change);
    await expect(contentOf(vault, address)).rejects.toMatchObject({
      code: expect.stringMatching(/damaged|unavailable/),
    });
  });

  it('needs its own key, also when another one is in use by now', async () => {
    const { address } = await written(Buffer.from('x'));
    const other = { id: 'ffeeddccbbaa9988', secret: Buffer.alloc(32, 8) };
    await expect((await opened([other])).read(address)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(KEY.id),
    });
    expect((await contentOf(await opened([other, KEY]), address)).toString()).toBe('x');
  });
});

describe('a key file', () => {
  async function keyFile(text: string, mode = 0o600): Promise<string> {
    const file = join(folder, 'keys');
    await writeFile(file, text, { mode });
    await chmod(file, mode);
    return file;
  }
  const hex = 'ab'.repeat(32);

  it('gives its keys, the one in use first', async () => {
    const keys = readKeyFile(await keyFile(`# of this year\n${hex}\n\n${'cd'.repeat(32)}\n`));
    expect(keys.map(({ secret }) => secret.toString('hex'))).toEqual([hex, 'cd'.repeat(32)]);
    expect(keys[0].id).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each([
    ['', 'holds no key'],
    [`${hex}\nsecret`, 'key 2 is not'],
    [hex.slice(2), 'key 1 is not'],
    [`${hex}\n`.repeat(101), 'more than 100'],
  ])('is refused with %j', async (text, why) => {
    const file = await keyFile(text);
    expect(() => readKeyFile(file)).toThrow(why);
    expect(() => readKeyFile(file)).not.toThrow(hex);
  });

  it('is refused when others can read it', async () => {
    const file = await keyFile(hex, 0o640);
    expect(() => readKeyFile(file)).toThrow('chmod 600');
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
