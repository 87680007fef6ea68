import { execFileSync } from 'node:child_process';
import type { World } from './ssh-world.ts';

/** Networks behind the host of a world, which is their gateway. Only tests import this file. */

/** Of private addresses, another one for each process: this machine gets a route to the first. */
const BLOCK = 64 + (process.pid % 64);
/** First three parts of the address of a network. @param number 1 to 250 */
export const networkOf = (number: number): string => `10.${BLOCK}.${number}`;

/** A network namespace with a cable to the gateway, which is `.1` in there and it `.2`. */
export function joinSegment(world: World, device: string, net: string, net6: string): string {
  const namespace = world.addNamespace();
  const ip = (...args: string[]) => execFileSync('ip', args);
  ip('-n', world.namespace, 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'up0', 'netns', namespace);
  ip('-n', world.namespace, 'addr', 'add', `${net}.1/24`, 'dev', device);
  ip('-n', world.namespace, 'addr', 'add', `${net6}:1/64`, 'dev', device, 'nodad');
  ip('-n', world.namespace, 'link', 'set', device, 'up');
  ip('-n', namespace, 'addr', 'add', `${net}.2/24`, 'dev', 'up0');
  ip('-n', namespace, 'addr', 'add', `${net6}:2/64`, 'dev', 'up0', 'nodad');
  ip('-n', namespace, 'link', 'set', 'up0', 'up');
  ip('-n', namespace, 'route', 'add', 'default', 'via', `${net}.1`);
  ip('-n', namespace, 'route', 'add', 'default', 'via', `${net6}:1`);
  return namespace;
}

/** The host passes packets on from now on. */
export function makeGateway(world: World): void {
  for (const family of ['ipv4.ip_forward', 'ipv6.conf.all.forwarding'])
    world.inside('sh', ['-c', `echo 1 > /proc/sys/net/${family.replaceAll('.', '/')}`]);
}

/** So that this machine, the management address, finds the network; the route goes with the cable. */
export function routeTo(world: World, net: string): void {
  execFileSync('ip', ['route', 'replace', `${net}.0/24`, 'via', world.there]);
}
