import type { ServerHostKeyAlgorithm } from 'ssh2';
import type { ConnectorError } from '../../pipeline/actions/contract.ts';
import { sha256 } from '../../platform/hash.ts';
import { refused } from '../define-handler.ts';

/** Whether the host that answers is the one that is meant. Only keys of the hosts file are believed, and none at first sight. */

/** A host key that is believed: by its SHA-256, and by its kind where the whole key is known. */
export interface HostKeyPin {
  /** `SHA256:` and base64 without padding. */
  readonly fingerprint: string;
  /** For example `ssh-ed25519`; null when only the fingerprint is known. */
  readonly type: string | null;
}

/** The fingerprint of a public key in SSH's own form, as `ssh-keygen -l` prints it. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${sha256(key).toString('base64').replace(/=+$/, '')}`;
}

/** Kinds of host keys that are asked for: no DSA, and of RSA no SHA-1. */
const ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/**
 * What is asked for of a host whose keys are these: only the kinds that are pinned, so that a host with several keys shows the
 * one that is known. With a fingerprint alone the kind is not known, and all are asked for, the pinned kinds first.
 */
export function algorithmsFor(pins: readonly HostKeyPin[]): ServerHostKeyAlgorithm[] {
  const types = new Set(pins.map(({ type }) => type));
  const pinned = ALGORITHMS.filter((algorithm) => types.has(typeOf(algorithm)));
  return types.has(null) ? [...new Set([...pinned, ...ALGORITHMS])] : pinned;
}

function typeOf(algorithm: ServerHostKeyAlgorithm): string {
  return algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm;
}

/** Null when the offered key is a pinned one; else the refusal, which says what was offered and what is pinned. */
export function judgeHostKey(pins: readonly HostKeyPin[], offered: Uint8Array): ConnectorError | null {
  const fingerprint = fingerprintOf(offered);
  if (pins.some((pin) => pin.fingerprint === fingerprint)) return null;
  const kind = kindOf(offered);
  const sameKind = pins.some(({ type }) => type === null || type === kind);
  const known = pins.map((pin) => pin.fingerprint).join(', ');
  const what = sameKind ? 'another key than the pinned one' : 'a key of a kind that is not pinned';
  const message = `the host shows ${what}: ${kind} ${fingerprint}; pinned: ${known}. It was installed anew, or it is another host: find out which before you pin it`;
  return refused(sameKind ? 'host_key_changed' : 'host_key_unknown', message);
}

/** A key in SSH's form begins with the length and the name of its kind. */
function kindOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  const length = bytes.length < 4 ? 0 : bytes.readUInt32BE(0);
  const name = bytes.subarray(4, 4 + Math.min(length, 64)).toString('latin1');
  return /^[a-z0-9@.-]{1,64}$/.test(name) ? name : 'unreadable';
}
