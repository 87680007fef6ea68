import { Webhook } from 'standardwebhooks';
import { sha256Hex } from '../../platform/hash.ts';
import { HttpError, statusError } from '../../platform/http-error.ts';
import type { HttpReply } from '../../platform/http-exchange.ts';
import type { SafeHttp } from '../../platform/safe-http.ts';
import {
  NOT_CONFIGURED,
  type ExternalApprovers,
  type ServiceQuestion,
  type ServiceSays,
} from '../../pipeline/approvals/service-contract.ts';
import { answerIn } from './answer.ts';

/** Biggest request, in bytes: an event as it is kept is far smaller, and more than this nobody reads to decide. */
const MAX_REQUEST_BYTES = 64 * 1024;

/** Statuses by which a server, or a gateway before it, says that nobody has looked at the question yet. */
const UNHEARD: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

/** A service that approves or denies by `{"approved": true}` or `{"approved": false}`. */
export interface Approver {
  readonly name: string;
  readonly url: string;
  /** How it can know us: a Standard Webhooks secret (`whsec_…`), a bearer token, either or none. */
  readonly secret: string | null;
  readonly token: string | null;
  /** Members of the event that leave the house; null: all that conditions may read. */
  readonly eventFields: readonly string[] | null;
  /** A client of its own, with the time limit of the service. */
  readonly http: SafeHttp;
}

/** @param now ms since 1970 by the machine's clock: services compare the signature's time with theirs. */
export function externalApprovers(approvers: readonly Approver[], now: () => number): ExternalApprovers {
  const byName = new Map(approvers.map((approver) => [approver.name, approver]));
  return {
    names: approvers.map(({ name }) => name),
    async ask(question, signal) {
      const approver = byName.get(question.service);
      return approver === undefined ? NOT_CONFIGURED : ask(approver, question, signal, now());
    },
  };
}

async function ask(
  approver: Approver,
  question: ServiceQuestion,
  signal: AbortSignal,
  at: number,
): Promise<ServiceSays> {
  const body = bodyOf(question, approver.eventFields);
  if (Buffer.byteLength(body) > MAX_REQUEST_BYTES) return { ...NOT_CONFIGURED, why: 'request_too_large' };
  const requestDigest = sha256Hex(body);
  try {
    const headers = headersOf(approver, question.key, body, at);
    const reply = await approver.http.request({ method: 'POST', url: approver.url, headers, body, signal });
    return { ...saidBy(reply), requestDigest };
  } catch (thrown) {
    return { ...failedBy(thrown), requestDigest };
  }
}

/** Exactly what the seeds' `_request_approval` sends. */
function bodyOf({ action, event, requestedAt }: ServiceQuestion, fields: readonly string[] | null): string {
  const entries = Object.entries(event).filter(([name]) => fields?.includes(name) ?? true);
  const context = { event: Object.fromEntries(entries) };
  return JSON.stringify({ action, context, requested_at: new Date(requestedAt).toISOString() });
}

function headersOf({ secret, token }: Approver, key: string, body: string, at: number): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': 'application/json; charset=utf-8',
    accept: 'application/json',
    'idempotency-key': key,
    'webhook-id': key,
    'webhook-timestamp': String(Math.floor(at / 1_000)),
  };
  if (secret !== null) headers['webhook-signature'] = new Webhook(secret).sign(key, new Date(at), body);
  if (token !== null) headers['authorization'] = `Bearer ${token}`;
  return headers;
}

type Said = ServiceSays extends infer Each ? (Each extends unknown ? Omit<Each, 'requestDigest'> : never) : never;

function saidBy(reply: HttpReply): Said {
  const { status } = reply;
  if (status === 200) return { heard: true, ...answerIn(reply.body), status };
  const failure = statusError('POST', reply);
  if (failure === null) return { heard: true, answer: 'none', why: 'status_is_not_200', status };
  const { code, retryAfterMs } = failure;
  if (UNHEARD.has(status)) return { heard: false, why: code, status, retryAfterMs };
  return { heard: true, answer: 'none', why: code, status };
}

function failedBy(thrown: unknown): Said {
  if (!(thrown instanceof HttpError)) return { heard: true, answer: 'none', why: 'unexpected', status: null };
  const { code, status, retryable, retryAfterMs } = thrown;
  if (retryable) return { heard: false, why: code, status, retryAfterMs };
  return { heard: true, answer: 'none', why: code, status };
}
