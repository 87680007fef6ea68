import type { CallContext } from '../../src/pipeline/access/principal.ts';

/** A call of a security administrator with a key that nobody else has seen. */
export function callOf(userId: string, now: number): CallContext {
  const principal = {
    userId,
    kind: 'person',
    name: userId,
    roles: ['SECURITY_ADMIN'],
    linkedAccounts: [],
    keyId: `key_${userId}`,
    provenBy: 'key',
    keyIssuedBy: userId,
    scopes: null,
    source: null,
  } as const;
  const traceId = '0'.repeat(32);
  return { principal, traceId, correlationId: traceId, now, idempotencyKey: null };
}
