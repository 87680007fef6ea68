import { randomBytes } from 'node:crypto';
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
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ObjectAddress, Vault, WriteOptions } from '../../pipeline/evidence/vault.ts';
import { derivedId } from '../../platform/hash.ts';
import { BLOCK_BYTES } from '../blocks.ts';
import { readKeyFile, type VaultKey } from '../key-file.ts';
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

/** The one file of content that the vault holds. */
async function contentFile(ref = REF): Promise<string> {
  const own = join(folder, 'objects', ref.slice(-2), ref);
  const name = (await readdir(own)).find((each) => /^[0-9a-f]{64}/.test(each));
  return join(own, name ?? 'no content');
}

/** What is about files; what any vault promises is in `tests/vaults/contract.test.ts`. */
describe.each([
  ['clear', []],
  ['encrypted', [KEY]],
])('a local vault, %s', (_what, keys: readonly VaultKey[]) => {
  const opened = (): Promise<Vault> => openLocalVault({ folder, keys });

  it('leaves a file that can only be read, and nothing where it came in', async () => {
    await (await opened()).write(REF, pieces(Buffer.from('x')), options());
    expect((await stat(await contentFile())).mode & 0o777).toBe(0o400);
    expect(await readdir(join(folder, 'incoming'))).toEqual([]);
  });

  it('is the same where the process may not have the addresses for aligned memory', async () => {
    class NoAddresses {
      constructor() {
        throw new RangeError('could not allocate memory');
      }
    }
    vi.stubGlobal('WebAssembly', { Memory: NoAddresses });
    try {
      const bytes = randomBytes(2 * BLOCK_BYTES + 5);
      const vault = await opened();
      const { sha256 } = await vault.write(REF, pieces(bytes), options());
      expect((await contentOf(vault, { ref: REF, sha256 })).equals(bytes)).toBe(true);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('lists evidence and nothing else', async () => {
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
