import type { FastifyReply, FastifyRequest } from 'fastify';
import { FirebreakError } from '../platform/errors.ts';
import { countedAs } from './came-from.ts';
import type { ApiServer } from './server.ts';

/** Failed credentials of every kind from one address, so that guessing can load neither the journal nor the processor. */
export interface FailureLimit {
  /** @throws FirebreakError `rate_limited` when this address has failed too often within a minute. */
  refuse(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  count(request: FastifyRequest): Promise<void>;
}

/** @param perMinute failures of one address, however it identifies itself. */
export function failureLimit(app: ApiServer, perMinute: number): FailureLimit {
  const failures = app.createRateLimit({
    max: perMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => `failed:${countedAs(request)}`,
  });
  return {
    async refuse(request, reply) {
      const counted = await failures(request, { increment: false });
      if (counted.isAllowed || counted.remaining > 0) return;
      void reply.header('retry-after', String(Math.max(1, counted.ttlInSeconds)));
      throw new FirebreakError('rate_limited', 'Too many failed credentials from this address');
    },
    count: async (request) => void (await failures(request)),
  };
}
