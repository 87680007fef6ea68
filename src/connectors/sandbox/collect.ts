import { canonicalJson } from '../../platform/canonical-json.ts';
import { sha256Hex } from '../../platform/hash.ts';
import { ConnectorError, type ActionHandler, type JsonObject } from '../../pipeline/actions/contract.ts';
import type { Artifact, EvidenceDesk, PreservedArtifact } from '../../pipeline/actions/desks.ts';
import type { ActionType } from '../../pipeline/vocabulary.ts';
import { type Call, handler } from '../define-handler.ts';
import { connectorErrorOf } from '../http-failure.ts';
import { segment, type SandboxClient } from './client.ts';
import { CONNECTOR, declare } from './declare.ts';
import { PARAMETERS } from './parameters.ts';

/**
 * PRESERVE_ARTIFACTS, TRIGGER_FULL_DISK_IMAGING, TRIGGER_FORENSIC_IMAGING: what is read from a host and kept as evidence,
 * over its management path. The desk drops a repeat of a key, and reads back what it has kept.
 */

/** One thing that is read from a host. */
interface Source {
  readonly kind: Artifact['kind'];
  readonly name: string;
  /** Path there, or what stands for it. */
  readonly location: string;
  /** Path and query of the request. */
  readonly request: string;
}

export function collectionHandlers(client: SandboxClient, desk: EvidenceDesk): ActionHandler[] {
  return [
    collector(client, desk, 'PRESERVE_ARTIFACTS', PARAMETERS.preserveArtifacts, (host, { paths }) =>
      paths.map((path) => fileSource(host, path)),
    ),
    collector(client, desk, 'TRIGGER_FULL_DISK_IMAGING', PARAMETERS.none, (host) => [imageSource(host, 'disk')]),
    // Memory first: it is gone sooner (RFC 3227, order of volatility).
    collector(client, desk, 'TRIGGER_FORENSIC_IMAGING', PARAMETERS.none, (host) => [
      imageSource(host, 'memory'),
      imageSource(host, 'disk'),
    ]),
  ];
}

function fileSource(host: string, path: string): Source {
  return {
    kind: 'file',
    name: path.slice(path.lastIndexOf('/') + 1),
    location: path,
    request: `/hosts/${segment(host)}/files?path=${encodeURIComponent(path)}`,
  };
}

function imageSource(host: string, what: 'disk' | 'memory'): Source {
  return {
    kind: what === 'disk' ? 'disk-image' : 'memory-image',
    name: what === 'disk' ? 'disk_image.raw' : 'memory_dump.mem',
    location: `images/${what}`,
    request: `/hosts/${segment(host)}/images/${what}`,
  };
}

function collector<P>(
  client: SandboxClient,
  desk: EvidenceDesk,
  type: ActionType,
  parameters: Parameters<typeof handler<P>>[0]['parameters'],
  sourcesOf: (host: string, parameters: P) => readonly Source[],
): ActionHandler {
  return handler<P>({
    // Nothing at the host changes and nothing is lost, so there is nothing to undo.
    declaration: declare(type, {
      targetType: 'host',
      reversibility: 'selfRecoverable',
      holds: null,
      contains: false,
      settleMs: 0,
    }),
    parameters,
    perform: (call) => collect(client, desk, call, sourcesOf(call.target.id, call.parameters)),
    async verify({ target, parameters: given, context }) {
      const sources = sourcesOf(target.id, given);
      const kept = await Promise.all(sources.map((_source, index) => desk.find(keyOf(context.effectKey, index))));
      const digest = sha256Hex(canonicalJson(kept.map((each) => (each === null ? null : recorded(each)))));
      return { says: kept.every((each) => each?.complete === true) ? 'holds' : 'absent', digest };
    },
  });
}

function keyOf(key: string, index: number): string {
  return `${key}/${index}`;
}

/**
 * Collects one after the other: a host in trouble is read gently. One that cannot be had does not keep the rest from being
 * kept; its error is thrown when all were tried, so that a retry takes up what is missing.
 */
async function collect<P>(
  client: SandboxClient,
  desk: EvidenceDesk,
  call: Call<P>,
  sources: readonly Source[],
): Promise<JsonObject> {
  const artifacts: JsonObject[] = [];
  const failures: ConnectorError[] = [];
  for (const [index, source] of sources.entries()) {
    call.context.signal.throwIfAborted();
    try {
      const { kept, altered } = await preserveOne(client, desk, call, {
        source,
        key: keyOf(call.context.idempotencyKey, index),
      });
      artifacts.push({ ...recorded(kept), location: source.location, altered });
    } catch (thrown) {
      failures.push(namedError(thrown, source));
    }
  }
  const [worst] = [...failures].sort((left, right) => Number(right.retryable) - Number(left.retryable));
  if (worst !== undefined) throw worst;
  return { changed: true, artifacts };
}

async function preserveOne<P>(
  client: SandboxClient,
  desk: EvidenceDesk,
  { target, context }: Call<P>,
  { source, key }: { readonly source: Source; readonly key: string },
): Promise<{ readonly kept: PreservedArtifact; readonly altered: string | null }> {
  const known = await desk.find(key);
  if (known?.complete === true) return { kept: known, altered: null };
  const { kind, name, location, request } = source;
  const { content, revision, modifiedAt } = await client.readBytes(request, context);
  let altered: string | null = null;
  let read = 0;
  /** Asks once more when the last byte is there: what was read of a file that changed meanwhile is of two states. */
  async function* watched(): AsyncGenerator<Buffer> {
    for await (const piece of content) {
      read += piece.length;
      yield piece;
    }
    if (revision === null) return;
    const now = await client.fileRevision(target.id, location, context);
    if (now !== revision) {
      altered = now === null ? 'the file was removed while it was read' : 'the file changed while it was read';
    }
  }
  const artifact: Artifact = {
    key,
    origin: context.origin,
    kind,
    name,
    source: { system: CONNECTOR, host: target.id, location, modifiedAt, clockOffsetMs: null },
    method: `GET ${request}`,
    personal: true,
  };
  let kept: PreservedArtifact;
  try {
    kept = await desk.preserve(artifact, watched(), context.signal, () => altered);
  } catch (thrown) {
    if (read === 0) throw thrown;
    throw partial(`after ${read} bytes (${connectorErrorOf(thrown).message})`, thrown);
  }
  if (!kept.complete) throw partial(`after ${kept.size} bytes`);
  return { kept, altered };
}

/** The next try reads it from its beginning: half of a file and half of a later one would be neither. */
function partial(where: string, cause?: unknown): ConnectorError {
  const message = `it broke off ${where}; what came is kept and marked as partial`;
  return new ConnectorError('artifact_partial', message, { retryable: true, resultUnknown: false, cause });
}

function recorded({ evidenceId, size, sha256, complete }: PreservedArtifact): JsonObject {
  return { evidenceId, size, sha256, complete };
}

/** The error, saying of which artefact. What broke off says that its part is kept. */
function namedError(thrown: unknown, { location }: Source): ConnectorError {
  const error = connectorErrorOf(thrown);
  const { code, message, retryable, retryAfterMs } = error;
  // Nothing at the host was changed, and what the desk has it can be asked for: the result is never unknown.
  return new ConnectorError(code, `${location}: ${message}`, {
    retryable,
    resultUnknown: false,
    retryAfterMs,
    cause: thrown,
  });
}
