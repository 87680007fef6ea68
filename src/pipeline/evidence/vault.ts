/**
 * The port of a content store for evidence. Its adapters lie in `src/vaults/`, one folder each.
 *
 * What every adapter promises:
 * - An object is written once. Nothing at an address is ever overwritten, shortened or changed; `write` refuses an address
 *   that is taken.
 * - What `write` answers with is durable: it survives the loss of power.
 * - Content is never held in memory: a block at a time, whatever its size is.
 * - Both digests are those of the content as it was given, not of a form in which it is stored (encrypted, compressed).
 * - `destroy` refuses while a hold stands or the time to keep has not passed.
 *
 * What an adapter cannot promise it says: `immutable` is `enforced` only where not even the operator can remove or change
 * an object before its time, and where that was read back.
 */
export interface Vault {
  /** Names this store for ever, for example `local:3f…`: records say by it where an object lies. */
  readonly id: string;
  readonly immutable: 'enforced' | 'by-operator';
  /** The key under which new objects are encrypted at rest; null: they are not. */
  readonly encryptionKeyId: string | null;

  /**
   * Takes content in under a new name. Resolves when what came is durable, also when it is not the whole: then
   * `broken` says why, and the digests are those of what was kept.
   *
   * @param ref the name, as `isVaultRef` has it. Never used again for anything else.
   * @throws VaultError `taken` when there is an object of this name; `unavailable` when nothing could be kept at all.
   */
  write(ref: string, content: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenObject>;
  /**
   * The content, or a part of it, in order. The stream fails when the bytes are not those that were written, where the adapter can
   * tell; whoever needs certainty compares digests.
   * @throws VaultError `missing`, `damaged`, `unavailable`.
   */
  read(address: ObjectAddress, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** What is there now; null: nothing. @throws VaultError `unavailable`. */
  stat(address: ObjectAddress): Promise<ObjectState | null>;
  /** Keeps the object at least until then (ms since 1970). Only ever extends. @throws VaultError `missing`, `unavailable`. */
  retain(address: ObjectAddress, until: number): Promise<void>;
  /** Sets or lifts the legal hold. @throws VaultError `missing`, `unavailable`. */
  hold(address: ObjectAddress, held: boolean): Promise<void>;
  /**
   * Lays a small file of the same name space beside the object, once; the same bytes again change nothing.
   * @throws VaultError `taken` when there are other bytes under the name, `missing` without an object.
   */
  attach(address: ObjectAddress, fileName: string, bytes: Uint8Array): Promise<void>;
  /**
   * Removes an object for good, with what lies beside it. What is gone already is no error.
   * @param now business time, ms since 1970, against which the time to keep is held.
   * @throws VaultError `kept` under a hold or before its time, `unavailable`.
   */
  destroy(address: ObjectAddress, now: number): Promise<void>;
  /** Addresses of all objects, in no order. */
  list(): AsyncIterable<ObjectAddress>;
  /** Names of writes that were begun and have not become objects, and where they can be told what came of it. */
  unfinished(): Promise<readonly string[]>;
  /**
   * Makes an object of what an unfinished write has left, as one that is not the whole; or answers with the object that a
   * finished one became before anybody could note it. Null: nothing was left of it.
   * @throws VaultError `unavailable`.
   */
  salvage(ref: string, options: Pick<WriteOptions, 'retainUntil'>): Promise<SalvagedObject | null>;
  close(): Promise<void>;
}

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Ends the writing when more comes, in bytes. */
  readonly maxBytes: number;
  /** The object is not destroyed before, ms since 1970. */
  readonly retainUntil: number;
}

/** Where an object lies within its vault. */
export interface ObjectAddress {
  readonly ref: string;
  /** SHA-256 of its content, hexadecimal: the address says what has to be found there. */
  readonly sha256: string;
}

export interface ContentDigests {
  /** Of the clear content, in bytes. */
  readonly size: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sha512: string;
}

export interface WrittenObject extends ContentDigests {
  /** Null: the whole content came and was kept. */
  readonly broken: {
    readonly by: 'source' | 'store' | 'limit' | 'aborted';
    /** A sentence for the custody record. */
    readonly why: string;
    /** What the source or the store threw. */
    readonly thrown: unknown;
  } | null;
}

export interface SalvagedObject extends ContentDigests {
  readonly complete: boolean;
}

export interface ObjectState {
  /** Of the clear content, in bytes. */
  readonly size: number;
  readonly retainUntil: number;
  readonly held: boolean;
  /** The key under which it is encrypted; null: it is not. */
  readonly encryptionKeyId: string | null;
  /** What is not as it was left, each as a sentence: another mode, a symbolic link in its place. */
  readonly faults: readonly string[];
}

/** From the byte `start` up to and without `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export type VaultErrorCode = 'taken' | 'missing' | 'damaged' | 'kept' | 'unavailable';

/** The only error that an adapter throws on purpose. */
export class VaultError extends Error {
  readonly code: VaultErrorCode;
  constructor(code: VaultErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'VaultError';
    this.code = code;
  }
}

const REF = /^[a-z]{2,8}_[0-9a-hjkmnp-tv-z]{26}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Whether a name may be one of an object: ids that Firebreak derives, which no path can be made of. */
export function isVaultRef(ref: string): boolean {
  return REF.test(ref);
}

/** @throws VaultError `missing`: nothing else can ever lie in a vault. */
export function requireAddress({ ref, sha256 }: ObjectAddress): void {
  if (!isVaultRef(ref) || !SHA256.test(sha256)) throw new VaultError('missing', 'That is no address of evidence');
}
