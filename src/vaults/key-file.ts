import { readFileSync, statSync } from 'node:fs';
import { sha256Hex } from '../platform/hash.ts';

/** A key under which evidence is encrypted at rest. */
export interface VaultKey {
  /** 16 hexadecimal digits that follow from the secret and do not give it away. */
  readonly id: string;
  /** 32 bytes. */
  readonly secret: Buffer;
}

const KEY_LINE = /^[0-9a-f]{64}$/i;
/** Keys of one file: one in use, and those of earlier years. */
const MAX_KEYS = 100;

/**
 * Reads keys: one in a line, as 64 hexadecimal digits (`openssl rand -hex 32`). The first one encrypts what is new, the others only
 * read what is old. Empty lines and lines that begin with `#` are left out.
 * @throws Error with what is wrong and the fix; never with a part of a key.
 */
export function readKeyFile(file: string): readonly [VaultKey, ...VaultKey[]] {
  // Others on the machine who can read the key can read all evidence.
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Error(`${file} can be read by others: run chmod 600 on it (EVIDENCE_KEY_FILE)`);
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > MAX_KEYS) throw new Error(`${file} has more than ${MAX_KEYS} keys (EVIDENCE_KEY_FILE)`);
  const wrong = lines.findIndex((line) => !KEY_LINE.test(line));
  if (wrong >= 0)
    throw new Error(
      `${file}: key ${wrong + 1} is not 64 hexadecimal digits; make one with openssl rand -hex 32 (EVIDENCE_KEY_FILE)`,
    );
  const [first, ...others] = lines.map(keyOf);
  if (first === undefined)
    throw new Error(`${file} holds no key; make one with openssl rand -hex 32 (EVIDENCE_KEY_FILE)`);
  return [first, ...others];
}

function keyOf(line: string): VaultKey {
  const secret = Buffer.from(line, 'hex');
  const id = sha256Hex(Buffer.concat([Buffer.from('firebreak evidence key id\n'), secret])).slice(0, 16);
  return { id, secret };
}
