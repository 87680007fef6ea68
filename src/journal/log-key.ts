import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
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
    // `wx`: never over a key that somebody made in the meantime.
    writeFileSync(file, pair.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o400, flag: 'wx' });
    return pair;
  }
  const privateKey = createPrivateKey(readFileSync(file));
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new FirebreakError(
      'store_unavailable',
      `${file} holds no Ed25519 key; move it away, or restore the right one`,
    );
  }
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
