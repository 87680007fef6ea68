import { createServer, type Server } from 'node:net';
import type { ActionHandler } from '../../src/pipeline/actions/contract.ts';
import type { EvidenceDesk } from '../../src/pipeline/actions/desks.ts';
import { parseHosts, type SshHost } from '../../src/connectors/ssh/hosts-file.ts';
import { openHosts, type Hosts } from '../../src/connectors/ssh/open.ts';
import type { World } from './ssh-world.ts';
import { SSH_PORT } from './ssh-world.ts';

/** A connector to the hosts of a world, and a service on this machine. Only tests import this file. */
export interface HostBed {
  readonly hosts: Hosts;
  /** Something that listens on this machine and greets. */
  readonly listenerPort: number;
  handler(type: string): ActionHandler;
  close(): void;
}

/** The host of a world as its hosts file describes it, with some members replaced. */
export function entryOf(world: World, rest: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    id: 'web-1',
    address: world.there,
    port: SSH_PORT,
    user: 'root',
    host_keys: [world.hostKey.fingerprint],
    management: [world.here, `${world.here6}/128`],
    privilege: 'root',
    nftables: true,
    local_accounts: true,
    protected_accounts: ['deploy'],
    artifacts: { roots: [`${world.directory}/artifacts`] },
    ...rest,
  };
}

export function hostsOf(world: World, ...entries: readonly Record<string, unknown>[]): readonly SshHost[] {
  const parsed = parseHosts(JSON.stringify({ hosts: entries }), {
    readFile: () => '',
    key: world.userKey,
    passphrase: null,
  });
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.hosts;
}

export async function hostBed(
  world: World,
  options: {
    readonly entries?: readonly Record<string, unknown>[];
    readonly evidence?: EvidenceDesk | null;
    readonly trialSeconds?: number;
  } = {},
): Promise<HostBed> {
  const { entries = [entryOf(world)], evidence = null, trialSeconds = 10 } = options;
  const hosts = openHosts({ hosts: hostsOf(world, ...entries), evidence, now: () => Date.now(), trialSeconds });
  const listener: Server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  await new Promise<void>((resolve) => {
    listener.listen(0, '::', resolve);
  });
  const address = listener.address();
  const all = [...hosts.handlers];
  return {
    hosts,
    listenerPort: typeof address === 'object' && address !== null ? address.port : 0,
    handler(type) {
      const found = all.find((handler) => handler.declaration.type === type);
      if (found === undefined) throw new Error(`no handler for ${type}`);
      return found;
    },
    close() {
      hosts.close();
      listener.close();
    },
  };
}
