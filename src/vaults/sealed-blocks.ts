import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { VaultError } from '../pipeline/evidence/vault.ts';
import { BLOCK_BYTES } from './blocks.ts';
import type { VaultKey } from './key-file.ts';

/**
 * How blocks lie in a file: as they are, or sealed with AES-256-GCM under a key of the file's own.
 *
 * A sealed file is a header of 64 bytes (mark, key id, salt, block size) and the blocks, each with its tag of 16 bytes behind it.
 * The number of a block and whether it is the last one are part of its nonce, the header is authenticated with each: blocks can
 * be neither exchanged, left out, repeated nor cut off, nor taken from another file.
 */
export interface BlockForm {
  /** What stands before the blocks. */
  readonly header: Buffer;
  /** Bytes that a block grows by. */
  readonly overhead: number;
  readonly encryptionKeyId: string | null;
  seal(block: Uint8Array, index: number, isLast: boolean): Uint8Array;
  /** @throws VaultError `damaged`. */
  open(block: Uint8Array, index: number, isLast: boolean): Uint8Array;
}

export const HEADER_BYTES = 64;
const MARK = Buffer.from('FBVAULT1', 'ascii');
const KEY_ID_BYTES = 8;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;

export const CLEAR_FORM: BlockForm = {
  header: Buffer.alloc(0),
  overhead: 0,
  encryptionKeyId: null,
  seal: (block) => block,
  open: (block) => block,
};

/** The form of a new file under a key. */
export function newSealedForm(key: VaultKey): BlockForm {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(BLOCK_BYTES);
  const parts = [MARK, Buffer.from(key.id, 'hex'), randomBytes(SALT_BYTES), size];
  const header = Buffer.alloc(HEADER_BYTES);
  Buffer.concat(parts).copy(header);
  return sealedForm(header, key);
}

/**
 * The form that a file's header names.
 * @throws VaultError `unavailable` when none of the keys is the one, `damaged` for another header.
 */
export function formOfHeader(header: Buffer, keys: readonly VaultKey[]): BlockForm {
  if (header.length !== HEADER_BYTES || !header.subarray(0, MARK.length).equals(MARK))
    throw new VaultError('damaged', 'The file does not begin like encrypted evidence');
  const id = header.subarray(MARK.length, MARK.length + KEY_ID_BYTES).toString('hex');
  const key = keys.find((each) => each.id === id);
  if (key === undefined)
    throw new VaultError('unavailable', `It is encrypted under the key ${id}: add that key to EVIDENCE_KEY_FILE`);
  if (header.readUInt32BE(MARK.length + KEY_ID_BYTES + SALT_BYTES) !== BLOCK_BYTES)
    throw new VaultError('damaged', 'The file says another block size than any version wrote');
  return sealedForm(header, key);
}

function sealedForm(header: Buffer, key: VaultKey): BlockForm {
  const saltAt = MARK.length + KEY_ID_BYTES;
  const salt = header.subarray(saltAt, saltAt + SALT_BYTES);
  // One key for each file, so that nonces may count: the same (key, nonce) is never used for two contents.
  const fileKey = Buffer.from(hkdfSync('sha256', key.secret, salt, 'firebreak evidence file v1', 32));
  return {
    header,
    overhead: TAG_BYTES,
    encryptionKeyId: key.id,
    seal(block, index, isLast) {
      const cipher = createCipheriv('aes-256-gcm', fileKey, nonceOf(index, isLast)).setAAD(header);
      return Buffer.concat([cipher.update(block), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, index, isLast) {
      const end = sealed.length - TAG_BYTES;
      if (end < 0) throw new VaultError('damaged', 'A block of it is cut off');
      const cipher = createDecipheriv('aes-256-gcm', fileKey, nonceOf(index, isLast)).setAAD(header);
      cipher.setAuthTag(sealed.subarray(end));
      try {
        return Buffer.concat([cipher.update(sealed.subarray(0, end)), cipher.final()]);
      } catch (thrown) {
        throw new VaultError('damaged', `Block ${index} is not what was written`, thrown);
      }
    },
  };
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt8(isLast ? 1 : 0, 0);
  nonce.writeBigUInt64BE(BigInt(index), NONCE_BYTES - 8);
  return nonce;
}
