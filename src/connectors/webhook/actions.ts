import { z } from 'zod';
import { statusError } from '../../platform/http-error.ts';
import type { SafeHttp } from '../../platform/safe-http.ts';
import {
  ConnectorError,
  type ActionContext,
  type ActionDeclaration,
  type ActionHandler,
  type JsonObject,
} from '../../pipeline/actions/contract.ts';
import { connectorErrorOf } from '../http-failure.ts';

/**
 * CUSTOM_WEBHOOK: one call of a URL that the playbook names. Nothing can be read back and nothing undone.
 *
 * Whether a repeat is harmless is known by the people who run the receiver, not by the caller, and the engine has to
 * know it before it calls; so it is a property of the connector instance, not a parameter of the action. By default
 * the class is `none`: an unknown result is attempted once and goes to a person. An instance whose receivers all
 * drop repeats of an `Idempotency-Key` says so and becomes `native-key`.
 */
export interface WebhookOptions {
  readonly http: SafeHttp;
  /** Name of the instance; default `webhook`. */
  readonly connector?: string;
  /** True when every receiver behind this instance drops a repeat under the same `Idempotency-Key`. */
  readonly receiversHonourKey?: boolean;
}

/** Longest URL, in characters. */
const MAX_URL = 2_048;
/** Biggest body, in UTF-16 units, as text or as the JSON of an object. */
const MAX_BODY = 256 * 1024;
const MAX_HEADERS = 32;
/** Deepest JSON body. */
const MAX_DEPTH = 16;

/** Set by us; a playbook that sets them by hand is mistaken. */
const OWN_HEADERS = new Set(['idempotency-key', 'webhook-id', 'traceparent', 'content-length', 'host', 'connection']);

const headers = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/, 'is not a header name')
      .refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'is a header that Firebreak sets itself'),
    z
      .string()
      .max(2_048)
      .regex(/^[\t\x20-\x7e]*$/, 'is not printable ASCII'),
  )
  .refine((value) => Object.keys(value).length <= MAX_HEADERS, `has more than ${MAX_HEADERS} members`)
  .default({});

const body = z
  .json()
  .refine((value) => depthOf(value) <= MAX_DEPTH, `is nested deeper than ${MAX_DEPTH}`)
  .refine((value) => textOf(value).length <= MAX_BODY, `is longer than ${MAX_BODY} characters`);

export const WEBHOOK_PARAMETERS = z.strictObject({
  url: z
    .string()
    .max(MAX_URL)
    .regex(/^https?:\/\/[^\s]+$/i, 'is not an absolute http or https URL'),
  method: z.enum(['POST', 'PUT', 'PATCH', 'DELETE']).default('POST'),
  headers,
  /** Text is sent as it is, anything else as JSON. */
  body: body.optional(),
});

type Parameters = z.infer<typeof WEBHOOK_PARAMETERS>;

/** The one handler of this connector. */
export function webhookHandlers(options: WebhookOptions): ActionHandler[] {
  const declaration: ActionDeclaration = {
    type: 'CUSTOM_WEBHOOK',
    connector: options.connector ?? 'webhook',
    targetType: 'none',
    idempotency: options.receiversHonourKey === true ? 'native-key' : 'none',
    reversibility: 'irreversible',
    readBack: false,
    settleMs: 0,
    waits: false,
    holds: null,
    contains: false,
  };
  return [
    {
      declaration,
      parameters: WEBHOOK_PARAMETERS,
      perform: async (_target, given, _prior, context) => {
        const parsed = WEBHOOK_PARAMETERS.safeParse(given);
        if (parsed.success) return call(options.http, parsed.data, context);
        const [issue] = parsed.error.issues;
        const pointer = `/${issue?.path.map(String).join('/') ?? ''}`;
        throw new ConnectorError('invalid_parameters', `${pointer} ${issue?.message ?? 'is wrong'}`, {
          retryable: false,
          resultUnknown: false,
        });
      },
    },
  ];
}

/** Sends it. Of the reply only the status is kept: a receiver's text has no place in the journal. */
async function call(http: SafeHttp, parameters: Parameters, context: ActionContext): Promise<JsonObject> {
  const { url, method } = parameters;
  const sent: Record<string, string> = { ...parameters.headers };
  sent['idempotency-key'] = context.idempotencyKey;
  // The name that receivers of Standard Webhooks look for.
  sent['webhook-id'] = context.idempotencyKey;
  if (context.traceparent !== null) sent['traceparent'] = context.traceparent;
  const text = parameters.body === undefined ? undefined : textOf(parameters.body);
  const typed = Object.keys(sent).some((name) => name.toLowerCase() === 'content-type');
  if (text !== undefined && !typed) {
    sent['content-type'] = typeof parameters.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  }
  try {
    const { signal, maySend } = context;
    const reply = await http.request({
      method,
      url,
      headers: sent,
      signal,
      maySend,
      ...(text === undefined ? {} : { body: text }),
    });
    const failure = statusError(method, reply);
    if (failure !== null) throw failure;
    return { changed: true, status: reply.status };
  } catch (error) {
    throw connectorErrorOf(error);
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
