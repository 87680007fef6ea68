import { readFileSync } from 'node:fs';
import type { Hosts } from '../connectors/ssh/open.ts';
import type { EvidenceDesk } from '../pipeline/actions/desks.ts';
import { ConfigError, type Config } from '../platform/config.ts';
import { messageOf } from '../platform/errors.ts';

/**
 * The hosts of `SSH_HOSTS_FILE`; null when there is none. Nothing is connected yet. The library is loaded only where there are hosts.
 * @param evidence where artefacts go; null: hosts are isolated and accounts locked, and nothing is collected
 * @throws ConfigError with every fault of the file
 */
export async function openSsh({ ssh }: Config, evidence: EvidenceDesk | null): Promise<Hosts | null> {
  if (ssh === null) return null;
  const [{ parseHosts }, { openHosts }] = await Promise.all([
    import('../connectors/ssh/hosts-file.ts'),
    import('../connectors/ssh/open.ts'),
  ]);
  const { hostsFile, key, passphrase } = ssh;
  const parsed = parseHosts(textOf(hostsFile), { readFile: (path) => readFileSync(path, 'utf8'), key, passphrase });
  if ('faults' in parsed) throw new ConfigError(parsed.faults.map((fault) => `SSH_HOSTS_FILE ${hostsFile} ${fault}`));
  return openHosts({ hosts: parsed.hosts, evidence, now: () => Date.now() });
}

function textOf(hostsFile: string): string {
  try {
    return readFileSync(hostsFile, 'utf8');
  } catch (thrown) {
    throw new ConfigError([`SSH_HOSTS_FILE cannot be read: ${messageOf(thrown)}`]);
  }
}
