import { refused } from '../define-handler.ts';
import type { HostSegment, SshHost } from './hosts-file.ts';

/** Finds the host that an event names. Ids are compared as events keep them: lower case, NFC. */
export interface HostInventory {
  /** @throws ConnectorError `host_not_found` */
  host(id: string): SshHost;
  /** The gateway of a segment. @throws ConnectorError `segment_not_found` */
  segment(id: string): { readonly host: SshHost; readonly segment: HostSegment };
}

export function hostInventory(hosts: readonly SshHost[]): HostInventory {
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const bySegment = new Map(
    hosts.flatMap((host) => host.segments.map((segment) => [segment.id, { host, segment }] as const)),
  );
  return {
    host(id) {
      const found = byId.get(canonical(id));
      if (found === undefined)
        throw refused('host_not_found', 'no host of the hosts file (SSH_HOSTS_FILE) has this id; add it there');
      return found;
    },
    segment(id) {
      const found = bySegment.get(canonical(id));
      if (found === undefined)
        throw refused('segment_not_found', 'no host of the hosts file (SSH_HOSTS_FILE) is the gateway of this segment');
      return found;
    },
  };
}

function canonical(id: string): string {
  return id.normalize('NFC').trim().toLowerCase();
}
