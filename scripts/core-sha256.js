/* What the core needs of `node:crypto`, in the language alone: it is bundled into the core in its place. */
import { sha256 } from '@noble/hashes/sha2.js';
import { TextEncoder } from './core-text.js';

export function hash(algorithm, data, encoding) {
  if (algorithm !== 'sha256') throw new Error(`the core hashes with sha256, not with ${algorithm}`);
  const bytes = sha256(typeof data === 'string' ? new TextEncoder().encode(data) : data);
  if (encoding === 'hex') return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return encoding === 'base64url' ? base64url(bytes) : bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Without padding, as Node writes it. */
function base64url(bytes) {
  let text = '';
  for (let index = 0; index < bytes.length; index += 3) {
    const rest = bytes.length - index;
    const three = (bytes[index] << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    for (let place = 0; place < Math.min(rest + 1, 4); place += 1) text += ALPHABET[(three >> (18 - 6 * place)) & 63];
  }
  return text;
}

export function createHmac() {
  throw new Error('the core derives nothing from keys');
}
