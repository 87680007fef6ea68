import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import ssh2 from 'ssh2';
import { entryOf } from './ssh-bed.ts';
import { makeRoot, type HostRoot } from './ssh-root.ts';
import { joinSegment, makeGateway, networkOf, routeTo } from './ssh-segment.ts';
import { reaches, reachesFrom, SSH_PORT, startWorld, type World } from './ssh-world.ts';

/**
 * A small company of real hosts: a gateway `gw-1` and behind it, in the segment `dmz`, the server `web-1`, each with files, processes
 * and a network of its own; and somebody in an office network. Only tests import this file.
 */
export interface SshCompany {
  readonly world: World;
  readonly gateway: HostRoot;
  readonly web: HostRoot;
  /** Where the hosts file of all of them lies; it has `web-2` as well, which is `web-1` without its disk. */
  readonly hostsFile: string;
  /** The disk of `web-1`. */
  readonly disk: Buffer;
  /** Whether the office gets an answer of the service on `web-1`. */
  officeReachesWeb(withinMs: number): Promise<boolean>;
  /** Whether this machine, a management address, does. */
  managementReachesWeb(withinMs: number): Promise<boolean>;
  /** Signs an account in on `web-1` with a terminal that is busy. */
  signIn(account: string): Promise<SignedIn>;
  close(): void;
}

export interface SignedIn {
  /** Resolves when its connection is gone. */
  readonly ended: Promise<void>;
  isOpen(): boolean;
  /** Ends it from its own side. */
  leave(): void;
}

const SERVICE = 8_080;
const DMZ = networkOf(11);
const OFFICE = networkOf(12);
const WEB = `${DMZ}.2`;
const MIB = 1024 ** 2;

export async function startCompany(): Promise<SshCompany> {
  const world = await startWorld();
  const inDmz = joinSegment(world, 'dmz0', DMZ, 'fd77:11:');
  const office = joinSegment(world, 'office0', OFFICE, 'fd77:12:');
  makeGateway(world);
  routeTo(world, DMZ);
  const gateway = makeRoot(`${world.directory}/gw-1`);
  const web = makeRoot(`${world.directory}/web-1`);
  const disk = randomBytes(4 * MIB);
  const device = attachDisk(`${world.directory}/disk`, disk);
  await Promise.all([
    world.startHost(gateway),
    world.startHost(web, { namespace: inDmz, devices: device === null ? [] : [`vda b 7 ${device.minor}`] }),
    world.serve(SERVICE, inDmz),
  ]);
  if (device === null) web.write('/evidence/vda', disk);
  const images = (path: string) => [
    { name: 'disk_image', kind: 'disk', path },
    { name: 'memory_dump', kind: 'memory', path: '/evidence/memory.live' },
  ];
  web.write('/evidence/memory.live', randomBytes(MIB));
  const artifacts = { roots: ['/tmp', '/evidence'] };
  const server = { address: WEB, artifacts };
  const hostsFile = `${world.directory}/hosts.yaml`;
  const hosts = [
    entryOf(world, { ...server, id: 'web-1', images: images(device === null ? '/evidence/vda' : '/dev/vda') }),
    entryOf(world, { ...server, id: 'web-2', images: images('/dev/vdz') }),
    entryOf(world, { id: 'gw-1', artifacts, segments: [{ id: 'dmz', prefixes: [`${DMZ}.0/24`, 'fd77:11::/64'] }] }),
  ];
  writeFileSync(hostsFile, JSON.stringify({ hosts }));
  return {
    world,
    gateway,
    web,
    hostsFile,
    disk,
    officeReachesWeb: (withinMs) => reachesFrom(office, WEB, SERVICE, withinMs),
    managementReachesWeb: (withinMs) => reaches(WEB, SERVICE, withinMs),
    signIn: (account) => signIn(account, world.userKey),
    close() {
      world.close();
      device?.detach();
    },
  };
}

interface Device {
  readonly minor: number;
  detach(): void;
}

/** A block device with this content; null: this machine gives none, and the host has a file instead. */
function attachDisk(file: string, content: Buffer): Device | null {
  writeFileSync(file, content);
  try {
    const path = execFileSync('losetup', ['--find', '--show', '--read-only', file], { encoding: 'utf8' }).trim();
    let attached = true;
    const detach = (): void => {
      if (attached) execFileSync('losetup', ['--detach', path]);
      attached = false;
    };
    process.once('exit', detach);
    return { minor: Number(path.replace('/dev/loop', '')), detach };
  } catch {
    return null;
  }
}

function signIn(username: string, privateKey: string): Promise<SignedIn> {
  const client = new ssh2.Client();
  let open = true;
  const ended = new Promise<void>((resolve) => {
    client.once('close', () => {
      open = false;
      resolve();
    });
  });
  return new Promise((resolve, reject) => {
    client.on('error', reject);
    client.once('ready', () => {
      // Says a word when it runs, so that the terminal is busy by then.
      client.exec('echo here; exec sleep 600', { pty: true }, (error, channel) => {
        if (error !== undefined) return reject(error);
        channel.once('data', () => resolve({ ended, isOpen: () => open, leave: () => client.end() }));
      });
    });
    client.connect({ host: WEB, port: SSH_PORT, username, privateKey });
  });
}
