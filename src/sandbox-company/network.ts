import { applyToNetwork, Refusal, type Change, type Host, type Mark, type Segment, type World } from './company.ts';

/**
 * Hosts and network segments, and how they are cut off. The management path to a host is kept: that is how evidence is
 * collected from it, and how it is let go again.
 */

/** The host, or 404. */
export function hostOf(world: World, id: string): Host {
  const host = world.hosts.get(id);
  if (host === undefined) throw new Refusal(404, 'host_not_found', 'there is no such host');
  return host;
}

/** The segment, or 404. */
export function segmentOf(world: World, id: string): Segment {
  const segment = world.segments.get(id);
  if (segment === undefined) throw new Refusal(404, 'segment_not_found', 'there is no such network segment');
  return segment;
}

/** Cuts a host or a segment off. 409 when it is so already. */
export function isolate(change: Change, thing: Host | Segment, effect: string): { isolated: Mark } {
  requireVersion(change, thing);
  if (thing.isolated !== null) throw new Refusal(409, 'already_isolated', 'it is isolated already');
  thing.isolated = applyToNetwork(change, thing, effect);
  return { isolated: thing.isolated };
}

/** Lets a host or a segment back in. 409 when it is not isolated. */
export function letGo(change: Change, thing: Host | Segment, effect: string): { isolated: null } {
  requireVersion(change, thing);
  if (thing.isolated === null) throw new Refusal(409, 'not_isolated', 'it is not isolated');
  applyToNetwork(change, thing, effect);
  thing.isolated = null;
  return { isolated: null };
}

/** Somebody opens a connection to a host. Whatever isolates must be seen here: this is where it works or does not. */
export function connect(
  change: Change,
  host: Host,
  { from }: { readonly from: 'management' | 'segment' | 'outside' },
): { connected: true } {
  if (from !== 'management' && host.isolated !== null) {
    throw new Refusal(403, 'host_isolated', 'the host is isolated; only the management path is open');
  }
  const segment = change.world.segments.get(host.segmentId);
  if (from === 'outside' && segment !== undefined && segment.isolated !== null) {
    throw new Refusal(403, 'segment_isolated', 'the network segment of the host is isolated');
  }
  applyToNetwork(change, host, 'connection.open');
  return { connected: true };
}

function requireVersion({ ifMatch }: Change, thing: Host | Segment): void {
  if (ifMatch !== null && ifMatch !== thing.version) {
    throw new Refusal(412, 'stale_version', `it is at version ${thing.version}`);
  }
}
