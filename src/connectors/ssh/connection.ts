import ssh2, { type Client, type PublicKeyAuthMethod } from 'ssh2';
import { ConnectorError } from '../../pipeline/actions/contract.ts';
import { refused } from '../define-handler.ts';
import { brokenOff, notReached } from './failure.ts';
import { algorithmsFor, judgeHostKey } from './host-key.ts';
import type { SshHost } from './hosts-file.ts';

/** One SSH connection: opened with the pinned host key, one user key and algorithms of today, or refused with the reason. */

/** How long a host may take until it has let us in, in ms: sshd behind a slow name service takes seconds. */
const READY_TIMEOUT_MS = 10_000;
/** A silent connection is asked whether it lives, in ms; three unanswered questions end it. */
const KEEPALIVE_MS = 5_000;
const KEEPALIVES = 3;

/**
 * Connects and signs in. @param signal gives up when it aborts
 * @throws ConnectorError: nothing was changed on the host by then
 */
export function connect(host: SshHost, signal: AbortSignal): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    let judged: ConnectorError | null = null;
    const giveUp = (): void => fail(brokenOff('timeout', `${host.id} has not let us in in time`, false));
    const fail = (error: ConnectorError): void => {
      signal.removeEventListener('abort', giveUp);
      client.destroy();
      reject(error);
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    client.on('error', (error: Error & { level?: string }) => fail(judged ?? connectFailure(host, error)));
    client.once('close', () => fail(judged ?? notReached('unreachable', `${host.id} closed the connection`)));
    client.once('ready', () => {
      signal.removeEventListener('abort', giveUp);
      resolve(client);
    });
    const signIn: PublicKeyAuthMethod = { type: 'publickey', username: host.user, key: host.key };
    try {
      client.connect({
        host: host.address,
        port: host.port,
        username: host.user,
        authHandler: [signIn],
        hostVerifier: (offered: Buffer) => {
          judged = judgeHostKey(host.host_keys, offered);
          return judged === null;
        },
        readyTimeout: READY_TIMEOUT_MS,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: KEEPALIVES,
        algorithms: {
          kex: [
            'curve25519-sha256',
            'curve25519-sha256@libssh.org',
            'ecdh-sha2-nistp256',
            'ecdh-sha2-nistp384',
            'ecdh-sha2-nistp521',
            'diffie-hellman-group16-sha512',
            'diffie-hellman-group18-sha512',
          ],
          serverHostKey: algorithmsFor(host.host_keys),
          // What a processor does in hardware comes first: images are of many gigabytes.
          cipher: [
            'aes128-gcm@openssh.com',
            'aes256-gcm@openssh.com',
            'chacha20-poly1305@openssh.com',
            'aes256-ctr',
            'aes128-ctr',
          ],
          hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com'],
          compress: ['none'],
        },
      });
    } catch (thrown) {
      fail(connectFailure(host, thrown instanceof Error ? thrown : new Error(String(thrown))));
    }
  });
}

function connectFailure(host: SshHost, error: Error & { level?: string }): ConnectorError {
  const { level = '', message } = error;
  if (level === 'client-authentication')
    return refused('authentication_refused', `${host.id} does not let ${host.user} in with the key of the hosts file`);
  if (/no matching host key format/i.test(message))
    return refused('host_key_unknown', `${host.id} has no key of a kind that is pinned`);
  if (/no matching/i.test(message))
    return refused('algorithms_too_old', `${host.id} offers only algorithms that are too old: ${message}`);
  if (level === 'client-timeout') return notReached('timeout', `${host.id} has not let us in in time`, error);
  return notReached('unreachable', `${host.id} cannot be reached: ${message}`, error);
}
