import { open, type FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import { openDigests } from '../pipeline/evidence/digest-threads.ts';
import { DIGEST_THREAD } from '../pipeline/evidence/start-digest-thread.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { brokenOff, openStream } from './api-stream.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';
import { EVIDENCE, linesOf, type ShownEvidence } from './shown-evidence.ts';

export interface PutEvidenceOptions extends ServerOptions {
  readonly incident?: string;
  readonly execution?: string;
  readonly kind?: string;
  /** What it is called; the file's own name without it. */
  readonly name?: string;
  readonly system?: string;
  readonly host?: string;
  readonly location?: string;
  readonly method?: string;
  readonly parent?: string;
  readonly workingCopy?: boolean;
  readonly notPersonal?: boolean;
  /** What the bytes have to be: others are refused. */
  readonly sha256?: string;
}

/** Read of the file at a time, in bytes. */
const PIECE_BYTES = 1024 * 1024;
const ANSWER = z.looseObject({ data: EVIDENCE });

/**
 * Hands in a file, as it is read, and compares what the server says that it kept with what was read here. Exit code 0 when it is the same.
 * @throws FirebreakError what the server refused; `conflict` when the file changed meanwhile, or the server keeps something else
 */
export async function putEvidenceCommand(file: string, options: PutEvidenceOptions, io: Io): Promise<number> {
  const digests = openDigests(DIGEST_THREAD, availableParallelism());
  const handle = await opened(file);
  try {
    const evidence = await handedIn(file, handle, digests.take(), options, io);
    say(options, io, evidence, linesOf(evidence));
    return 0;
  } finally {
    await handle.close();
    await digests.close();
  }
}

async function handedIn(
  file: string,
  handle: FileHandle,
  taker: DigestTaker,
  options: PutEvidenceOptions,
  io: Io,
): Promise<ShownEvidence> {
  const before = await handle.stat();
  if (before.isDirectory())
    throw new FirebreakError('invalid_request', `${file} is a folder: hand in an archive of it`);
  // A pipe ends when it ends, and nobody changed it.
  const length = before.isFile() ? before.size : null;
  const modifiedAt = before.isFile() ? before.mtime.toISOString() : undefined;
  const reply = await openStream(options.url, io, {
    method: 'POST',
    path: `/api/evidence?${queryOf(file, options, modifiedAt)}`,
    type: 'application/octet-stream',
    // A body of no bytes at all would be no body.
    body: Readable.from(piecesOf(handle, length, taker), { objectMode: false }),
    length,
  });
  const { data: kept } = ANSWER.parse(await json(reply).catch((thrown: unknown) => Promise.reject(brokenOff(thrown))));
  const read = await taker.finish();
  const { integrity, id } = kept;
  if (integrity?.sha256 !== read.sha256 || integrity.sha512 !== read.sha512)
    throw new FirebreakError('conflict', `The server keeps other bytes as ${id} than were read of ${file}: verify it`);
  const after = await handle.stat();
  if (after.size !== before.size || after.mtimeMs !== before.mtimeMs)
    throw new FirebreakError(
      'conflict',
      `${file} changed while it was read: ${id} is what was read of it; hand it in again`,
    );
  return kept;
}

async function* piecesOf(handle: FileHandle, length: number | null, taker: DigestTaker): AsyncGenerator<Uint8Array> {
  for (let read = 0; length === null || read < length;) {
    const most = length === null ? PIECE_BYTES : Math.min(PIECE_BYTES, length - read);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(most), 0, most, length === null ? null : read);
    if (bytesRead === 0) return;
    read += bytesRead;
    const piece = buffer.subarray(0, bytesRead);
    await taker.add(piece);
    yield piece;
  }
}

function queryOf(file: string, options: PutEvidenceOptions, modifiedAt: string | undefined): URLSearchParams {
  const { incident, execution, parent, kind, system, host, location, method, sha256 } = options;
  const given = {
    name: options.name ?? basename(file),
    kind,
    incidentId: incident,
    executionId: execution,
    parentId: parent,
    system,
    host,
    location,
    method,
    sha256,
    modifiedAt,
    form: options.workingCopy === true ? 'working-copy' : undefined,
    personal: options.notPersonal === true ? 'false' : undefined,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== undefined) query.set(name, value);
  return query;
}

async function opened(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new FirebreakError('invalid_request', `${file} cannot be read: ${messageOf(cause)}`, [], { cause });
  }
}
