import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { FirebreakError } from '../platform/errors.ts';

/** The key pair that signs the log's checkpoints. */
export interface LogKeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/**
 * Reads the signing key, or makes one at the first start (Ed25519, readable by the owner only). It lies apart from
 * the journal's file, so that a copy of the journal alone cannot be signed again.
 *
 * @throws FirebreakError `store_unavailable` when the file holds something else.
 */
export function loadLogKey(file: string): LogKeyPair {
  if (!existsSync(file)) {
    const pair = generateKeyPairSync('ed25519');
    writeWhole(file, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    return pair;
  }
  const privateKey = keyIn(readFileSync(file));
  if (privateKey?.asymmetricKeyType !== 'ed25519') {
    throw new FirebreakError(
      'store_unavailable',
      `${file} holds no Ed25519 key; move it away, or restore the right one`,
    );
  }
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function keyIn(pem: Buffer): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

/** The whole file or none: half a key, left behind by a full disk, would keep every later start from working. */
function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}`;
  try {
    const handle = openSync(draft, 'wx', 0o400);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    // A link, not a rename: never over a key that somebody made in the meantime.
    linkSync(draft, file);
    syncDirectory(dirname(file));
  } finally {
    rmSync(draft, { force: true });
  }
}

/** A name is as durable as its directory: a key that signed something must still be there after a power cut. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
