import type { ActionHandler } from '../../pipeline/actions/contract.ts';
import type { EvidenceDesk } from '../../pipeline/actions/desks.ts';
import type { SshHost } from './hosts-file.ts';
import { disableCredentials } from './accounts.ts';
import { collectHandlers } from './collect.ts';
import { hostInventory } from './inventory.ts';
import { isolateHost, isolateSegment, restoreSegment } from './network.ts';
import { sshPool } from './pool.ts';
import { endSessions } from './sessions.ts';

export interface HostsOptions {
  readonly hosts: readonly SshHost[];
  /** Where artefacts go; null: nothing is collected. */
  readonly evidence: EvidenceDesk | null;
  /** The wall clock, ms since 1970. */
  readonly now: () => number;
  /** How long a barrier stands that no new connection confirms, in seconds; 30 unless a test is in a hurry. */
  readonly trialSeconds?: number;
}

export interface Hosts {
  readonly handlers: readonly ActionHandler[];
  /** Ends every connection. */
  close(): void;
}

/** Time for a new connection through a new barrier, in seconds: three times what `connect` waits. */
const TRIAL_SECONDS = 30;

/** One handler for each action that the hosts offer. Nothing is connected before it is needed. */
export function openHosts({ hosts, evidence, now, trialSeconds = TRIAL_SECONDS }: HostsOptions): Hosts {
  const pool = sshPool();
  const inventory = hostInventory(hosts);
  const ports = { pool, now, trialSeconds };
  return {
    handlers: [
      isolateHost(ports, inventory),
      isolateSegment(ports, inventory),
      restoreSegment(ports, inventory),
      disableCredentials(pool, inventory),
      endSessions({ pool, now }, inventory),
      ...(evidence === null ? [] : collectHandlers({ pool, evidence, now }, inventory)),
    ],
    close: () => pool.close(),
  };
}
