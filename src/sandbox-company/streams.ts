import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { changingBytes, fileBytes, imageBytes, imageSize, type ImageKind } from './content.ts';
import { Refusal, type World } from './company.ts';
import { hostOf } from './network.ts';

/** A body that is made while it is sent. */
export interface StreamReply {
  readonly chunks: AsyncIterable<Buffer>;
  readonly size: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a route that streams is given. */
export interface StreamInput {
  readonly world: World;
  readonly now: number;
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  /** True when the `changing_file` fault hits this request. */
  readonly changing: boolean;
}

/** GET /hosts/:id/files?path= : the file as it is, with its revision as ETag and its time. 404 when there is none. */
export function fileStream({ world, now, params, query, changing }: StreamInput): StreamReply {
  const host = hostOf(world, params[0] ?? '');
  const file = host.files.get(query.get('path') ?? '');
  if (file === undefined) throw new Refusal(404, 'file_not_found', 'there is no such file on the host');
  const headers = { etag: `"${file.revision}"`, 'x-modified-at': String(file.modifiedAt) };
  const write = (): void => {
    file.revision += 1;
    file.modifiedAt = now;
  };
  const chunks = changing ? changingBytes(host, file, write) : fileBytes(host, file);
  return { chunks, size: file.size, headers };
}

/** GET /hosts/:id/images/disk|memory : an image taken now, over the management path, so of an isolated host too. */
export function imageStream(kind: ImageKind): (input: StreamInput) => StreamReply {
  return ({ world, now, params }) => {
    const host = hostOf(world, params[0] ?? '');
    return { chunks: imageBytes(host, kind), size: imageSize(host, kind), headers: { 'x-modified-at': String(now) } };
  };
}

/**
 * Sends a stream no faster than the other side reads it. Breaks off after `cutAfter` bytes, with the socket; null: it does
 * not. Resolves when the last byte is out. @throws Error when either side has gone
 */
export async function sendStream(
  response: ServerResponse,
  { chunks, size, headers }: StreamReply,
  cutAfter: number | null,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size, ...headers });
  await pipeline(cutAfter === null ? chunks : brokenOff(chunks, cutAfter), response);
}

/** The first so many bytes, and then an error, with which `pipeline` destroys the socket. */
async function* brokenOff(chunks: AsyncIterable<Buffer>, after: number): AsyncGenerator<Buffer> {
  let left = after;
  for await (const chunk of chunks) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) break;
  }
  // Lets what was yielded leave before the socket goes: the fault is about bytes that did arrive.
  await new Promise((resolve) => setImmediate(resolve));
  throw new Error('a fault was switched on');
}
