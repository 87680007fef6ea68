import { z } from 'zod';
import { canonicalJson } from '../../platform/canonical-json.ts';
import { messageOf } from '../../platform/errors.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { ConnectorError, type ActionHandler, type JsonObject } from '../../pipeline/actions/contract.ts';
import type { EvidenceDesk, PreservedArtifact } from '../../pipeline/actions/desks.ts';
import type { ActionType } from '../../pipeline/vocabulary.ts';
import { type Call, handler, refused } from '../define-handler.ts';
import { LISTS, SHOW_TIME, type ListName } from './commands.ts';
import { CONNECTOR, declare } from './declare.ts';
import { PLAIN_PATH, type SshHost } from './hosts-file.ts';
import type { HostInventory } from './inventory.ts';
import type { Pool } from './pool.ts';
import { openStream, type HostStream, type Source } from './read-host.ts';
import { run } from './run.ts';

/** PRESERVE_ARTIFACTS, TRIGGER_FORENSIC_IMAGING, TRIGGER_FULL_DISK_IMAGING: what a host has, streamed into evidence. */

export interface CollectPorts {
  readonly pool: Pool;
  readonly evidence: EvidenceDesk;
  /** The wall clock, ms since 1970. */
  readonly now: () => number;
}

/** Paths of one action; each is a session on the host. */
const MAX_PATHS = 64;
const GIB = 1024 ** 3;

const preserveParameters = z.strictObject({
  /** Absolute paths below an allowed root of the host, or names of lists like `@processes`. */
  paths: z.array(z.string().min(1).max(4_096)).min(1).max(MAX_PATHS),
});
const imageParameters = z.strictObject({});

export function collectHandlers(ports: CollectPorts, inventory: HostInventory): ActionHandler[] {
  const images = (kinds: readonly string[]) => (host: SshHost) => imagesOf(host, kinds);
  return [
    collector(ports, inventory, 'PRESERVE_ARTIFACTS', preserveParameters, (host, { paths }) =>
      paths.map((path) => sourceOf(host, path)),
    ),
    collector(ports, inventory, 'TRIGGER_FULL_DISK_IMAGING', imageParameters, images(['disk'])),
    // Memory first: it is gone sooner (RFC 3227, order of volatility).
    collector(ports, inventory, 'TRIGGER_FORENSIC_IMAGING', imageParameters, images(['memory', 'disk'])),
  ];
}

/** @throws ConnectorError for a path that is no plain one or lies below no allowed root, before the host is asked */
export function sourceOf(host: SshHost, path: string): Source {
  if (path.startsWith('@')) {
    if (!isList(path))
      throw refused('list_unknown', `there is no list of this name; known: ${Object.keys(LISTS).join(', ')}`);
    return { what: 'list', name: `${path.slice(1)}.txt`, location: path, limit: GIB, kind: 'command-output' };
  }
  if (!PLAIN_PATH.test(path) || !path.isWellFormed())
    throw refused(
      'path_refused',
      'a path is absolute, without ".", ".." and empty parts, and without control characters',
    );
  const { artifacts } = host;
  if (artifacts === undefined) throw refused('not_offered', `the hosts file allows no artefact roots for ${host.id}`);
  if (!artifacts.roots.some((root) => path === root || path.startsWith(`${root}/`)))
    throw refused(
      'path_not_allowed',
      `it lies below none of the artefact roots that the hosts file allows for ${host.id}`,
    );
  const name = path.slice(path.lastIndexOf('/') + 1);
  return { what: 'artifact', name, location: path, limit: artifacts.max_gb * GIB, kind: 'file' };
}

function isList(name: string): name is ListName {
  return Object.hasOwn(LISTS, name);
}

/** @throws ConnectorError `not_offered` where the host has not all of what is asked for: half of it would look like the whole */
function imagesOf(host: SshHost, kinds: readonly string[]): Source[] {
  const missing = kinds.filter((kind) => !host.images.some((image) => image.kind === kind));
  if (missing.length > 0)
    throw refused(
      'not_offered',
      `the hosts file names no ${missing.join(' and no ')} image for ${host.id}; add it to "images"`,
    );
  return kinds.flatMap((kind) =>
    host.images
      .filter((image) => image.kind === kind)
      .map(({ name, path, max_gb }) => ({
        what: 'image',
        name: `${name}.raw`,
        location: path,
        limit: max_gb * GIB,
        kind: kind === 'disk' ? 'disk-image' : 'memory-image',
      })),
  );
}

function collector<P>(
  ports: CollectPorts,
  inventory: HostInventory,
  type: ActionType,
  parameters: z.ZodType<P>,
  sourcesOf: (host: SshHost, parameters: P) => readonly Source[],
): ActionHandler {
  return handler<P>({
    // Nothing at the host changes and nothing is lost, so there is nothing to undo.
    declaration: declare(type, {
      targetType: 'host',
      idempotency: 'native-key',
      reversibility: 'selfRecoverable',
      holds: null,
      contains: false,
    }),
    parameters,
    async perform(call) {
      const host = inventory.host(call.target.id);
      return collectAll(ports, host, sourcesOf(host, call.parameters), call);
    },
    async verify({ target, parameters: given, context }) {
      const sources = sourcesOf(inventory.host(target.id), given);
      const kept = await Promise.all(
        sources.map((_source, index) => ports.evidence.find(keyOf(context.effectKey, index))),
      );
      const digest = sha256Hex(canonicalJson(kept.map((each) => (each === null ? null : recorded(each)))));
      return { says: kept.every((each) => each?.complete === true) ? 'holds' : 'absent', digest };
    },
  });
}

/**
 * One after the other: a host in trouble is read gently. What cannot be had does not keep the rest from being kept; its error is
 * thrown when all were tried, so that a repeat takes up only what is missing.
 */
async function collectAll(
  ports: CollectPorts,
  host: SshHost,
  sources: readonly Source[],
  call: Call<unknown>,
): Promise<JsonObject> {
  const { context } = call;
  const clockOffsetMs = await clockOffset(ports, host, context.signal);
  const artifacts: JsonObject[] = [];
  const failures: ConnectorError[] = [];
  for (const [index, source] of sources.entries()) {
    context.signal.throwIfAborted();
    const key = keyOf(context.idempotencyKey, index);
    try {
      artifacts.push(await collectOne(ports, host, { source, key, clockOffsetMs }, call));
    } catch (thrown) {
      failures.push(named(thrown, source));
    }
  }
  const [worst] = [...failures].sort((left, right) => Number(right.retryable) - Number(left.retryable));
  if (worst === undefined) return { changed: true, clockOffsetMs, artifacts };
  if (failures.length === 1) throw worst;
  const { code, message, retryable } = worst;
  const counted = `${failures.length} of ${sources.length} artefacts could not be had; ${message}`;
  throw new ConnectorError(code, counted, { retryable, resultUnknown: false, cause: worst });
}

interface Taking {
  readonly source: Source;
  readonly key: string;
  readonly clockOffsetMs: number | null;
}

async function collectOne(
  { pool, evidence }: CollectPorts,
  host: SshHost,
  { source, key, clockOffsetMs }: Taking,
  { context }: Call<unknown>,
): Promise<JsonObject> {
  const { signal, origin } = context;
  const known = await evidence.find(key);
  if (known?.complete === true) return { ...recorded(known), location: source.location, altered: null };
  return openStream(pool, host, source, signal, async (stream) => {
    const { name, modifiedAt, method } = stream;
    const from = { system: CONNECTOR, host: host.id, location: source.location, modifiedAt, clockOffsetMs };
    const artifact = { key, origin, kind: source.kind, name, source: from, method, personal: true };
    const kept = await preserved(evidence, artifact, stream, signal);
    return { ...recorded(kept), location: source.location, altered: stream.altered() };
  });
}

/** @throws ConnectorError also when less than all of it came: what came is kept and marked */
async function preserved(
  evidence: EvidenceDesk,
  artifact: Parameters<EvidenceDesk['preserve']>[0],
  stream: HostStream,
  signal: AbortSignal,
): Promise<PreservedArtifact> {
  try {
    const kept = await evidence.preserve(artifact, stream.content, signal, stream.altered);
    if (kept.complete) return kept;
    throw partial(`after ${kept.size} bytes`, true);
  } catch (thrown) {
    if (thrown instanceof ConnectorError && thrown.code === 'artifact_partial') throw thrown;
    if (stream.read() === 0) throw thrown;
    const retryable = !(thrown instanceof ConnectorError) || thrown.retryable;
    throw partial(`after ${stream.read()} bytes (${messageOf(thrown)})`, retryable, thrown);
  }
}

/** A repeat reads it from its beginning: half of a file and half of a later one would be neither. */
function partial(where: string, retryable: boolean, cause?: unknown): ConnectorError {
  const message = `it broke off ${where}; what came is kept and marked as partial`;
  return new ConnectorError('artifact_partial', message, { retryable, resultUnknown: false, cause });
}

/** How far the host's clock is ahead of ours, in ms, give or take half a round trip; null: it does not say. */
async function clockOffset({ pool, now }: CollectPorts, host: SshHost, signal: AbortSignal): Promise<number | null> {
  const before = now();
  const context = { signal, maySend: () => true };
  const text = (await run(pool, host, SHOW_TIME, { context, changes: false })).trim();
  const between = Math.round((before + now()) / 2);
  return /^\d{1,15}$/.test(text) ? Number(text) - between : null;
}

function keyOf(key: string, index: number): string {
  return `${key}/${index}`;
}

function recorded({ evidenceId, size, sha256, complete }: PreservedArtifact): JsonObject {
  return { evidenceId, size, sha256, complete };
}

/** The error, saying of which artefact. Nothing at the host was changed, so the result is never unknown. */
function named(thrown: unknown, { location }: Source): ConnectorError {
  const known = thrown instanceof ConnectorError ? thrown : null;
  return new ConnectorError(known?.code ?? 'evidence_not_kept', `${location}: ${messageOf(thrown)}`, {
    retryable: known?.retryable ?? true,
    resultUnknown: false,
    answered: true,
    cause: thrown,
  });
}
