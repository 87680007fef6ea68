import { LIMITS, Refusal, type World } from './company.ts';
import type { SeedHost, SeedSegment } from './bodies.ts';

/** Seeding of hosts and segments, as `seedUsers` does it for people. A host's segment has to be there. */
export function seedNetwork(
  world: World,
  { segments, hosts }: { readonly segments: readonly SeedSegment[]; readonly hosts: readonly SeedHost[] },
  now: number,
): void {
  if (world.segments.size + segments.length > LIMITS.hosts || world.hosts.size + hosts.length > LIMITS.hosts) {
    throw new Refusal(409, 'full', `at most ${LIMITS.hosts} hosts and segments`);
  }
  const segmentIds = new Set([...world.segments.keys(), ...segments.map(({ id }) => id)]);
  requireNew(segments, world.segments, 'segments');
  requireNew(hosts, world.hosts, 'hosts');
  for (const [index, { segmentId }] of hosts.entries()) {
    if (!segmentIds.has(segmentId))
      throw new Refusal(409, 'segment_not_found', 'is no segment', `/hosts/${index}/segmentId`);
  }
  for (const { id } of segments) world.segments.set(id, { id, version: 1, isolated: null, marks: new Map() });
  for (const { id, segmentId, diskBytes, memoryBytes, files } of hosts) {
    const held = files.map(({ path, size, text }) => {
      const length = text === undefined ? (size ?? 0) : Buffer.byteLength(text);
      return [path, { path, size: length, text: text ?? null, modifiedAt: now, revision: 1 }] as const;
    });
    const state = { version: 1, isolated: null, marks: new Map() };
    world.hosts.set(id, { id, segmentId, diskBytes, memoryBytes, files: new Map(held), ...state });
  }
}

function requireNew(
  seeds: readonly { readonly id: string }[],
  there: ReadonlyMap<string, unknown>,
  name: string,
): void {
  const ids = new Set<string>();
  for (const [index, { id }] of seeds.entries()) {
    if (there.has(id) || ids.has(id))
      throw new Refusal(409, `${name.slice(0, -1)}_exists`, 'is there already', `/${name}/${index}/id`);
    ids.add(id);
  }
}

/** Sizes of the default company's images, in bytes: large enough to come in many pieces, small enough for a demo. */
const DISK_BYTES = 4 * 1024 * 1024;
const MEMORY_BYTES = 1024 * 1024;

/**
 * The machines of the default company. Each has what the runbooks of the documents ask for: captures and connection
 * lists that its agent wrote, and where its imaging tool puts images.
 */
export function defaultNetwork(): { readonly segments: SeedSegment[]; readonly hosts: SeedHost[] } {
  return {
    segments: [{ id: 'seg-office' }, { id: 'seg-servers' }],
    hosts: [
      hostOf('ws-anna', 'seg-office'),
      hostOf('ws-bela', 'seg-office'),
      hostOf('srv-files-01', 'seg-servers'),
      hostOf('srv-db-01', 'seg-servers'),
    ],
  };
}

function hostOf(id: string, segmentId: string): SeedHost {
  return {
    id,
    segmentId,
    diskBytes: DISK_BYTES,
    memoryBytes: MEMORY_BYTES,
    files: [
      { path: '/tmp/host_snapshot.mem', size: 512 * 1024 },
      {
        path: '/tmp/network_connections.log',
        text: `tcp 10.0.0.7:49211 203.0.113.50:443 ESTABLISHED ${id}\ntcp 0.0.0.0:22 0.0.0.0:* LISTEN sshd\n`,
      },
      { path: '/tmp/pcap_capture.pcap', size: 300_000 },
      { path: '/tmp/flow_logs.json', text: `{"host":"${id}","flows":[{"to":"203.0.113.50","bytes":734003200}]}\n` },
      { path: '/evidence/disk_image.raw', size: DISK_BYTES },
      { path: '/evidence/memory_dump.mem', size: MEMORY_BYTES },
      { path: '/var/log/auth.log', text: 'Failed password for root from 203.0.113.50 port 52210 ssh2\n' },
    ],
  };
}
