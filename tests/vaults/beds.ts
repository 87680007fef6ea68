import { mkdtemp, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { ByteRange, ObjectAddress, Vault, VaultError, WriteOptions } from '../../src/pipeline/evidence/vault.ts';
import { derivedId } from '../../src/platform/hash.ts';
import type { VaultKey } from '../../src/vaults/key-file.ts';
import { openLocalVault } from '../../src/vaults/local/vault.ts';
import { openS3Vault, type S3VaultOptions } from '../../src/vaults/s3/vault.ts';
import { fakeS3Options, startFakeS3, type FakeS3 } from '../support/fake-s3.ts';

/** A store with a way into it, for tests that are about the port. Only tests import this file. */
export interface VaultBed {
  open(keys: readonly VaultKey[]): Promise<Vault>;
  /** Lets the store's own clock go on, in ms. */
  passTime(ms: number): void;
  /** Bytes of one part of an unfinished write, below which nothing of it can be found. */
  readonly leastPart: number;
  /** Resolves when so many bytes of an unfinished write can be found. */
  arrived(ref: string, bytes: number): Promise<void>;
  stop(): Promise<void>;
}

export const NOW = Math.floor(Date.now() / 1_000) * 1_000;
export const DAY_MS = 24 * 3_600_000;
export const REF = derivedId('evd', 'one');
export const KEY: VaultKey = { id: '00112233445566ff', secret: Buffer.alloc(32, 7) };

export async function localBed(): Promise<VaultBed> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-vault-'));
  return {
    open: (keys) => openLocalVault({ folder, keys }),
    passTime: () => undefined,
    leastPart: 1024 * 1024,
    async arrived(ref, bytes) {
      const { stat } = await import('node:fs/promises');
      const sizes = (): Promise<readonly number[]> =>
        Promise.all(
          [ref, `${ref}.sealed`].map((name) =>
            stat(join(folder, 'incoming', name)).then(
              ({ size }) => size,
              () => 0,
            ),
          ),
        );
      while (Math.max(...(await sizes())) < bytes) await turn();
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface S3Bed extends VaultBed {
  readonly s3: FakeS3;
  readonly faults: VaultError[];
  openWith(over?: Partial<S3VaultOptions>): Promise<Vault>;
}

export async function s3Bed(lies: Parameters<typeof startFakeS3>[0] = {}): Promise<S3Bed> {
  const s3 = await startFakeS3(lies);
  const opened: Vault[] = [];
  const faults: VaultError[] = [];
  const bed: S3Bed = {
    s3,
    faults,
    async openWith(over = {}) {
      const vault = await openS3Vault({
        ...fakeS3Options(s3),
        prefix: 'cases/',
        keys: [],
        wallNow: s3.store.now,
        onFault: (fault) => void faults.push(fault),
        ...over,
      });
      opened.push(vault);
      return vault;
    },
    open: (keys) => bed.openWith({ keys }),
    passTime(ms) {
      s3.passedMs += ms;
    },
    leastPart: 16 * 1024 * 1024,
    async arrived(_ref, bytes) {
      const held = (): number =>
        [...s3.store.uploads.values()]
          .flatMap(({ parts }) => [...parts.values()])
          .reduce((sum, part) => sum + part.bytes.length, 0);
      while (held() < bytes) await turn();
    },
    async stop() {
      for (const vault of opened) await vault.close();
      await s3.close();
    },
  };
  return bed;
}

export function options(over: Partial<WriteOptions> = {}): WriteOptions {
  return { signal: new AbortController().signal, maxBytes: 1e12, retainUntil: NOW + DAY_MS, ...over };
}

export async function* pieces(...given: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of given) {
    await turn();
    yield piece;
  }
}

export async function contentOf(vault: Vault, address: ObjectAddress, range?: ByteRange): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const piece of await vault.read(address, range)) read.push(Buffer.from(piece));
  return Buffer.concat(read);
}

export function digestsOf(bytes: Uint8Array) {
  const digest = (name: string): string => createHash(name).update(bytes).digest('hex');
  return { size: bytes.length, sha256: digest('sha256'), sha512: digest('sha512') };
}
