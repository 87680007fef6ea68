import { constants } from 'node:fs';
import { link, open, rm, type FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { openDigests } from '../pipeline/evidence/digest-threads.ts';
import type { DigestTaker } from '../pipeline/evidence/digests.ts';
import { DIGEST_THREAD } from '../pipeline/evidence/start-digest-thread.ts';
import type { ContentDigests } from '../pipeline/evidence/vault.ts';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { brokenOff, openStream } from './api-stream.ts';
import { evidenceOf } from './evidence.ts';
import type { Io } from './io.ts';
import { say, type ServerOptions } from './say.ts';

export interface DownloadEvidenceOptions extends ServerOptions {
  readonly out: string;
  readonly reason: string;
}

/**
 * Writes the bytes of an artefact to a new file, and compares both digests with its custody record meanwhile. The file has its name only when
 * it is what was taken: nothing else is left behind. Exit code 0. The access is on record, whatever comes of it.
 * @throws FirebreakError what the server refused; `conflict` when the file is there already, or other bytes came
 */
export async function downloadEvidenceCommand(id: string, options: DownloadEvidenceOptions, io: Io): Promise<number> {
  const { out, reason } = options;
  const { integrity } = await evidenceOf(id, options, io);
  if (integrity === null) throw new FirebreakError('conflict', `Nothing of ${id} is kept`);
  const draft = `${out}.part`;
  const handle = await newFile(out, draft);
  const digests = openDigests(DIGEST_THREAD, availableParallelism());
  try {
    const body = JSON.stringify({ reason });
    const path = `/api/evidence/${encodeURIComponent(id)}/download`;
    const reply = await openStream(options.url, io, {
      method: 'POST',
      path,
      type: 'application/json',
      body,
      length: null,
    });
    requireSame(integrity, await written(reply, handle, digests.take()), id);
    await publish(draft, out);
  } finally {
    await handle.close();
    await digests.close();
    await rm(draft, { force: true });
  }
  const { size, sha256, sha512, complete } = integrity;
  say(options, io, { out, id, size, sha256, sha512, complete }, [
    `${out}: ${size} bytes of ${id}, SHA-256 and SHA-512 are those of its custody record`,
    ...(complete ? [] : ['NOT THE WHOLE: the source or the store broke off when it was taken']),
  ]);
  return 0;
}

/** Writes while it hashes; what is returned is on disk. */
async function written(
  content: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  taker: DigestTaker,
): Promise<ContentDigests> {
  try {
    for await (const piece of content) {
      await Promise.all([taker.add(piece), handle.appendFile(piece)]);
    }
    await handle.sync();
    return await taker.finish();
  } catch (thrown) {
    throw brokenOff(thrown);
  } finally {
    taker.drop();
  }
}

function requireSame(was: ContentDigests, is: ContentDigests, id: string): void {
  if (is.size === was.size && is.sha256 === was.sha256 && is.sha512 === was.sha512) return;
  throw new FirebreakError(
    'conflict',
    `What came is not what was taken as ${id}: ${is.size} bytes with SHA-256 ${is.sha256}, not ${was.size} with ${was.sha256}; it was not kept. Have it verified`,
  );
}

/** The draft beside the file, for nobody else to read. @throws FirebreakError `conflict` where there is one or the other */
async function newFile(out: string, draft: string): Promise<FileHandle> {
  const taken = await open(out, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  await taken?.close();
  if (taken !== null) throw new FirebreakError('conflict', `${out} is there already; choose another name`);
  try {
    return await open(draft, 'wx', 0o600);
  } catch (cause) {
    throw new FirebreakError('conflict', `${draft} cannot be made: ${messageOf(cause)}`, [], { cause });
  }
}

/** Gives it its name, never in the place of what came there meanwhile. */
async function publish(draft: string, out: string): Promise<void> {
  try {
    await link(draft, out);
  } catch (cause) {
    throw new FirebreakError('conflict', `${out} cannot be made of ${draft}: ${messageOf(cause)}`, [], { cause });
  }
}
