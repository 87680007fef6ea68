import type { RecordTrace } from '../audit/record.ts';
import { FirebreakError } from '../../platform/errors.ts';
import type { RoleName } from '../vocabulary.ts';
import { OPERATIONS, rolesMay, type Operation } from './operations.ts';

/** Who is calling: a person or a service account, and the credential that proves it. Made anew for each call. */
export interface Principal {
  readonly userId: string;
  readonly kind: 'person' | 'service';
  readonly name: string;
  /** Own ones and those of groups, as they were when the call was let in. */
  readonly roles: readonly RoleName[];
  /** What roles of the organisation among them allow. Absent: nothing. */
  readonly grants?: readonly Operation[];
  /** Canonical ids of the subjects this person is in other systems, the email first: nobody votes about themselves. */
  readonly linkedAccounts: readonly string[];
  /** How it was proven: by an API key, or by the session of a browser. */
  readonly provenBy: 'key' | 'session' | 'mail_link' | 'slack';
  /** The key's id, or the session's. */
  readonly keyId: string;
  /** Who created the key. Somebody else than the owner has once seen its secret. A session: the user themself. */
  readonly keyIssuedBy: string;
  /** Null: all that the roles allow. */
  readonly scopes: readonly Operation[] | null;
  /** The source instance that events sent with this key belong to; null: the caller may name it. */
  readonly source: string | null;
}

/** What every verb of a service is given beside its input. */
export interface CallContext {
  readonly principal: Principal;
  /** W3C trace id, 32 lower-case hex digits. */
  readonly traceId: string;
  readonly correlationId: string;
  /** Business time, ms since 1970. */
  readonly now: number;
  /** The caller's `Idempotency-Key`; ids derived from it and the principal land on the same row when repeated. */
  readonly idempotencyKey: string | null;
}

/** A call without a credential: set-up only. */
export type AnonymousContext = Omit<CallContext, 'principal'>;

/** The trace of a call as records carry it. A correlation id that is the trace id, because none was given, is not written twice. */
export function recordedTrace({ traceId, correlationId }: AnonymousContext): RecordTrace {
  return correlationId === traceId ? { traceId } : { correlationId, traceId };
}

/** Why a key that somebody else made does not make or invite anybody. */
export const LENT =
  'The key in use was made by somebody else, who could be the one who asks: use one of your own (sign in, or accept an invitation)';

/** True when roles, kind and key scopes all allow `operation`. */
export function mayDo(principal: Principal, operation: Operation): boolean {
  if (principal.scopes !== null && !principal.scopes.includes(operation)) return false;
  return holderMay(principal, operation);
}

/** Whether roles and kind allow it, whatever the scopes are. */
function holderMay({ roles, kind, grants }: Principal, operation: Operation): boolean {
  return rolesMay(roles, kind, operation, grants);
}

/** @throws FirebreakError `forbidden`, saying which operation was missing and what would allow it. */
export function requireOperation(principal: Principal, operation: Operation): void {
  if (mayDo(principal, operation)) return;
  const rule = OPERATIONS[operation];
  const reason =
    rule.humanOnly && principal.kind !== 'person'
      ? 'is for people, not for service accounts'
      : holderMay(principal, operation)
        ? 'is outside the scopes of this API key'
        : `needs one of the roles ${rule.roles.join(', ')}, or one of your organisation that allows it`;
  throw new FirebreakError('forbidden', `${operation} ${reason}`);
}

/** Firebreak itself as the author of something (`system:seed`): never a person, so that it never votes. */
export function systemPrincipal(name: string): Principal {
  return {
    userId: `system:${name}`,
    kind: 'service',
    name: `Firebreak (${name})`,
    roles: ['SECURITY_ADMIN'],
    linkedAccounts: [],
    provenBy: 'key',
    keyId: 'system',
    keyIssuedBy: 'system',
    scopes: null,
    source: null,
  };
}
