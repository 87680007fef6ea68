/** Trace and correlation of one request. */
export interface Trace {
  readonly traceId: string;
  readonly correlationId: string;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const CORRELATION = /^[A-Za-z0-9._:-]{1,128}$/;

/**
 * Takes the trace id of a W3C `traceparent` and the caller's `X-Correlation-Id`. What is missing or not
 * well-formed is replaced, never refused: `freshTraceId` (32 hex digits), and the trace id as correlation id.
 */
export function traceOf(
  headers: { readonly traceparent?: unknown; readonly correlationId?: unknown },
  freshTraceId: () => string,
): Trace {
  const traceId = traceIdOf(headers.traceparent) ?? freshTraceId();
  const { correlationId } = headers;
  const usable = typeof correlationId === 'string' && CORRELATION.test(correlationId);
  return { traceId, correlationId: usable ? correlationId : traceId };
}

function traceIdOf(traceparent: unknown): string | null {
  if (typeof traceparent !== 'string' || traceparent.length > 256) return null;
  const match = TRACEPARENT.exec(traceparent);
  const [, version, traceId, parentId, , rest] = match ?? [];
  if (version === undefined || traceId === undefined || parentId === undefined) return null;
  // Version ff is forbidden, version 00 has exactly four fields, and all zeros means "no id" (W3C Trace Context 3.2).
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  return /^0+$/.test(traceId) || /^0+$/.test(parentId) ? null : traceId;
}
