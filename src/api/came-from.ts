import type { FastifyRequest } from 'fastify';
import type { CameFrom } from '../pipeline/access/session.ts';

/** Where a request came from, for the record of a sign-in. */
export function cameFrom(request: FastifyRequest): CameFrom {
  return { ip: request.ip, userAgent: request.headers['user-agent'] ?? null };
}
