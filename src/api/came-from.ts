import { isIP } from 'node:net';
import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import type { CameFrom } from '../pipeline/access/session.ts';

/** Where a request came from, for the record of a sign-in. */
export function cameFrom(request: FastifyRequest): CameFrom {
  return { ip: addressOf(request), userAgent: request.headers['user-agent'] ?? null };
}

/**
 * The address that a request came from: what a proxy that is trusted (`TRUSTED_PROXIES`) says of it, else the other end of the
 * connection. A proxy that passes on what is no address is not believed.
 */
function addressOf(request: FastifyRequest): string {
  return isIP(request.ip) === 0 ? (request.socket.remoteAddress ?? '') : request.ip;
}

/** What an address is counted as: of IPv6 its /64, because whoever has one address there has all of them (interface ids have 64 bits: RFC 4291, section 2.5.4). */
export function countedAs(request: FastifyRequest): string {
  return normalizeIP(addressOf(request));
}
