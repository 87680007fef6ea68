import { z } from 'zod';
import { sha256Hex } from '../../platform/hash.ts';
import { isAnswered, statusError } from '../../platform/http-error.ts';
import type { HttpMethod, HttpReply } from '../../platform/http-exchange.ts';
import type { HttpStream } from '../../platform/http-stream.ts';
import type { HttpRequest, StreamingHttp } from '../../platform/safe-http.ts';
import { ConnectorError, type ActionContext } from '../../pipeline/actions/contract.ts';
import { connectorErrorOf } from '../http-failure.ts';

/** The calls of the sandbox company's interface. Every reply is parsed; an unknown shape is an error, not a success. */

export interface SandboxOptions {
  /** Without a path, for example `http://127.0.0.1:4010`; that host and port are on the allow list of `http`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly http: StreamingHttp;
}

const mark = z.object({ owner: z.string().nullable(), at: z.int(), rev: z.int() });
const lasting = mark.extend({ expiresAt: z.int().nullable() });

const userReply = z.object({
  user: z.object({
    id: z.string(),
    mail: z.string(),
    homeCountry: z.string(),
    version: z.int(),
    suspended: mark.nullable(),
    passwordMustChange: mark.nullable(),
    logging: lasting.nullable(),
    geoLock: lasting.extend({ allowedCountries: z.array(z.string()) }).nullable(),
    credentialsDisabled: mark.nullable(),
    actionBlock: mark.extend({ privilege: z.string().nullable(), reverted: z.boolean() }).nullable(),
    sessions: z.array(
      z.object({ id: z.string(), ip: z.string(), country: z.string(), deviceId: z.string().nullable(), rev: z.int() }),
    ),
    tokens: z.array(z.object({ id: z.string(), sessionId: z.string().nullable(), ip: z.string(), rev: z.int() })),
    devices: z.array(z.object({ id: z.string(), name: z.string(), rev: z.int() })),
  }),
  marks: z.array(z.object({ effect: z.string(), at: z.int(), rev: z.int() })),
  now: z.int(),
});

export type SandboxUser = z.infer<typeof userReply>['user'];

const networkMarks = userReply.shape.marks;
const hostReply = z.object({
  host: z.object({
    id: z.string(),
    version: z.int(),
    isolated: mark.nullable(),
    files: z.array(z.object({ path: z.string(), revision: z.int() })),
  }),
  marks: networkMarks,
  now: z.int(),
});
const segmentReply = z.object({
  segment: z.object({ id: z.string(), version: z.int(), isolated: mark.nullable() }),
  marks: networkMarks,
  now: z.int(),
});

/** A thing as read: its version, what our key left there, and the digest of the reply. */
export interface Reading {
  readonly version: number;
  readonly marks: z.infer<typeof userReply>['marks'];
  /** Business time of the sandbox. */
  readonly now: number;
  readonly digest: string;
}

export interface UserReading extends Reading {
  readonly user: SandboxUser;
}

/** A host or a network segment. */
export interface NetworkReading extends Reading {
  readonly isolated: z.infer<typeof mark> | null;
}

/** A file or an image that is being read. */
export interface Bytes {
  readonly content: AsyncIterable<Buffer>;
  /** Of the file, when reading began; null for what has none. */
  readonly revision: number | null;
  readonly modifiedAt: number | null;
}

const ipListReply = z.object({
  version: z.int(),
  entries: z.array(
    z.object({
      ip: z.string(),
      list: z.enum(['deny', 'allow']),
      owner: z.string().nullable(),
      reason: z.string(),
      addedAt: z.int(),
      expiresAt: z.int().nullable(),
    }),
  ),
  marks: z.array(z.object({ effect: z.string() })),
  now: z.int(),
});
export type IpEntry = z.infer<typeof ipListReply>['entries'][number];

const messagesReply = z.object({ messages: z.array(z.object({ id: z.string(), reference: z.string().nullable() })) });
const challengeShape = z.object({
  id: z.string(),
  userId: z.string(),
  expiresAt: z.int(),
  status: z.enum(['pending', 'passed', 'failed', 'expired']),
  triesLeft: z.int(),
});
const challengesReply = z.object({ challenges: z.array(challengeShape) });
const challengeReply = z.object({ challenge: challengeShape });
const errorReply = z.object({ error: z.object({ code: z.string().max(64), message: z.string().max(500) }) });

/** Refused with 4xx: the code is the sandbox's own (`already_suspended`), and the result is known. */
export interface Refused {
  readonly refused: true;
  readonly code: string;
  readonly error: ConnectorError;
}
export interface Done<T> {
  readonly refused: false;
  readonly body: T;
}

export interface SandboxClient {
  readUser(id: string, reference: string, context: ActionContext): Promise<UserReading>;
  readHost(id: string, reference: string, context: ActionContext): Promise<NetworkReading>;
  readSegment(id: string, reference: string, context: ActionContext): Promise<NetworkReading>;
  /** Begins to read a file or an image. `content` throws `ConnectorError`s. */
  readBytes(path: string, context: ActionContext): Promise<Bytes>;
  /** The revision of a file as it is now, or null when it is gone. */
  fileRevision(hostId: string, path: string, context: ActionContext): Promise<number | null>;
  readIpList(
    reference: string,
    context: ActionContext,
  ): Promise<z.infer<typeof ipListReply> & { readonly digest: string }>;
  /** How many messages under `path` carry the reference. */
  countMessages(path: string, reference: string, context: ActionContext): Promise<{ count: number; digest: string }>;
  /** The challenge that was made under the key, or null. */
  findChallenge(
    userId: string,
    reference: string,
    context: ActionContext,
  ): Promise<{ challenge: z.infer<typeof challengeShape> | null; digest: string }>;
  readChallenge(id: string, context: ActionContext): Promise<z.infer<typeof challengeShape>>;
  /** A changing call under the context's key. A 4xx other than 408, 425 and 429 is given back, the rest is thrown. */
  change<T>(call: ChangeCall<T>, context: ActionContext): Promise<Done<T> | Refused>;
}

export interface ChangeCall<T> {
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  /** Version token; the call is refused with `stale_version` when the thing has changed since. */
  readonly ifMatch?: number;
  readonly reply: z.ZodType<T>;
}

/**
 * One path segment. @throws ConnectorError for `.` and `..`, which URLs swallow, for the empty text, which can mean
 * "all", and for text that is not well-formed
 */
export function segment(value: string): string {
  if (value === '' || value === '.' || value === '..' || value.length > MAX_SEGMENT || !value.isWellFormed()) {
    throw new ConnectorError('invalid_target', 'the id cannot be part of a path', {
      retryable: false,
      resultUnknown: false,
    });
  }
  return encodeURIComponent(value);
}

/** Longest id in a path, in characters; events bound their ids below this. */
const MAX_SEGMENT = 512;

/** @throws TypeError when `baseUrl` is no URL */
export function sandboxClient(options: SandboxOptions): SandboxClient {
  const base = new URL(options.baseUrl).origin;

  async function send(
    method: HttpMethod,
    path: string,
    context: ActionContext,
    extra: Pick<HttpRequest, 'headers' | 'body' | 'maySend'> = {},
  ): Promise<HttpReply> {
    const headers: Record<string, string> = { authorization: `Bearer ${options.token}`, ...extra.headers };
    if (context.traceparent !== null) headers['traceparent'] = context.traceparent;
    if (extra.body !== undefined) headers['content-type'] = 'application/json';
    try {
      const { signal } = context;
      return await options.http.request({
        method,
        url: `${base}${path}`,
        headers,
        signal,
        maySend: extra.maySend,
        ...(extra.body === undefined ? {} : { body: extra.body }),
      });
    } catch (error) {
      throw connectorErrorOf(error);
    }
  }

  async function read<T>(
    path: string,
    shape: z.ZodType<T>,
    context: ActionContext,
  ): Promise<{ value: T; digest: string }> {
    const reply = await send('GET', path, context);
    const refused = refusalOf('GET', reply);
    if (refused !== null) throw refused;
    return { value: parsedReply(reply, shape, false), digest: sha256Hex(reply.body) };
  }

  return {
    async readUser(id, reference, context) {
      const path = `/users/${segment(id)}?reference=${encodeURIComponent(reference)}`;
      const { value, digest } = await read(path, userReply, context);
      return { ...value, version: value.user.version, digest };
    },
    async readHost(id, reference, context) {
      const path = `/hosts/${segment(id)}?reference=${encodeURIComponent(reference)}`;
      const { value, digest } = await read(path, hostReply, context);
      const { version, isolated } = value.host;
      return { version, isolated, marks: value.marks, now: value.now, digest };
    },
    async readSegment(id, reference, context) {
      const path = `/segments/${segment(id)}?reference=${encodeURIComponent(reference)}`;
      const { value, digest } = await read(path, segmentReply, context);
      const { version, isolated } = value.segment;
      return { version, isolated, marks: value.marks, now: value.now, digest };
    },
    readBytes: (path, context) => readBytes(options, `${base}${path}`, context),
    async fileRevision(hostId, path, context) {
      const { value } = await read(`/hosts/${segment(hostId)}`, hostReply, context);
      return value.host.files.find((file) => file.path === path)?.revision ?? null;
    },
    async readIpList(reference, context) {
      const path = `/ip-list?reference=${encodeURIComponent(reference)}`;
      const { value, digest } = await read(path, ipListReply, context);
      return { ...value, digest };
    },
    async countMessages(path, reference, context) {
      const { value, digest } = await read(
        `${path}?reference=${encodeURIComponent(reference)}`,
        messagesReply,
        context,
      );
      return { count: value.messages.filter((message) => message.reference === reference).length, digest };
    },
    async findChallenge(userId, reference, context) {
      const path = `/users/${segment(userId)}/challenges?reference=${encodeURIComponent(reference)}`;
      const { value, digest } = await read(path, challengesReply, context);
      return { challenge: value.challenges[0] ?? null, digest };
    },
    async readChallenge(id, context) {
      return (await read(`/challenges/${segment(id)}`, challengeReply, context)).value.challenge;
    },
    async change(call, context) {
      const headers: Record<string, string> = { 'idempotency-key': context.idempotencyKey };
      if (call.ifMatch !== undefined) headers['if-match'] = `"${call.ifMatch}"`;
      const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
      const reply = await send(call.method, call.path, context, { headers, maySend: context.maySend, ...body });
      const error = refusalOf(call.method, reply);
      if (error === null) return { refused: false, body: parsedReply(reply, call.reply, true) };
      if (error.retryable || error.resultUnknown) throw error;
      return { refused: true, code: error.code, error };
    },
  };
}

/** Largest file or image that is collected, in bytes: 1 TiB. Its evidence is streamed, so only disks bound it. */
const MAX_ARTIFACT_BYTES = 1024 ** 4;
/** Longest refusal that is read in place of a file, in bytes. */
const MAX_REFUSAL_BYTES = 4_096;

async function readBytes({ http, token }: SandboxOptions, url: string, context: ActionContext): Promise<Bytes> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (context.traceparent !== null) headers['traceparent'] = context.traceparent;
  const { signal } = context;
  let reply: HttpStream;
  try {
    reply = await http.stream({ url, headers, signal, maxBytes: MAX_ARTIFACT_BYTES });
  } catch (error) {
    throw connectorErrorOf(error);
  }
  if (reply.status !== 200) {
    const body = await startOf(reply.body);
    const { status } = reply;
    const refusal = refusalOf('GET', { status, header: (name) => reply.header(name), body });
    throw refusal ?? new ConnectorError('unexpected_reply', `status ${status}`, FINAL);
  }
  const revision = /^"([0-9]{1,15})"$/.exec(reply.header('etag') ?? '')?.[1];
  const modifiedAt = /^[0-9]{1,15}$/.exec(reply.header('x-modified-at') ?? '')?.[0];
  return {
    content: inOurWords(reply.body),
    revision: revision === undefined ? null : Number(revision),
    modifiedAt: modifiedAt === undefined ? null : Number(modifiedAt),
  };
}

const FINAL = { retryable: false, resultUnknown: false } as const;

async function startOf(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      size += piece.length;
      if (size > MAX_REFUSAL_BYTES) break;
    }
  } catch (error) {
    throw connectorErrorOf(error);
  }
  return Buffer.concat(pieces).subarray(0, MAX_REFUSAL_BYTES);
}

async function* inOurWords(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw connectorErrorOf(error);
  }
}

/** The error of a reply that is not 2xx, with the sandbox's own code for final ones; null for 2xx. */
function refusalOf(method: HttpMethod, reply: HttpReply): ConnectorError | null {
  const failure = statusError(method, reply);
  if (failure === null) return null;
  const { retryable, resultUnknown, retryAfterMs } = failure;
  const said = retryable ? null : errorReply.safeParse(jsonOf(reply));
  const code = said?.success === true ? said.data.error.code : failure.code;
  const message = said?.success === true ? said.data.error.message : failure.message;
  const answered = isAnswered(failure);
  return new ConnectorError(code, message, { retryable, resultUnknown, retryAfterMs, answered, cause: failure });
}

function parsedReply<T>(reply: HttpReply, shape: z.ZodType<T>, changed: boolean): T {
  const parsed = shape.safeParse(jsonOf(reply));
  if (parsed.success) return parsed.data;
  throw new ConnectorError(
    'unexpected_reply',
    `the reply has not the expected shape: ${parsed.error.message.slice(0, 300)}`,
    {
      retryable: false,
      resultUnknown: changed,
    },
  );
}

function jsonOf(reply: HttpReply): unknown {
  try {
    const parsed: unknown = JSON.parse(reply.body.toString('utf8'));
    return parsed;
  } catch {
    return undefined;
  }
}
