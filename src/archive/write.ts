import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Journal, JournalReader, OldEvents } from '../journal/journal.ts';
import { logRows } from '../journal/log-reading.ts';
import type { ArchivedStream } from '../pipeline/audit/archived.ts';
import { EXPORT_FORMAT, type ArchiveContents } from '../pipeline/audit/export.ts';
import { readGenerations } from '../pipeline/audit/generations.ts';
import {
  eventLines,
  firstOtherFile,
  openExport,
  writeExport,
  type OpenedArchive,
} from '../pipeline/audit/export-files.ts';
import { leafHash } from '../pipeline/audit/merkle.ts';
import { verifyLog } from '../pipeline/audit/verify.ts';
import type { LogKey } from '../pipeline/audit/verify-checkpoints.ts';
import type { AcceptedEvent } from '../pipeline/events/event.ts';
import { withObjects } from '../pipeline/executions/exported-objects.ts';
import { neededUpTo } from '../pipeline/intake/memory-keeper.ts';
import { FirebreakError } from '../platform/errors.ts';
import { DEDUPE_HORIZON_MS, MAX_CLOCK_SKEW_MS } from '../platform/limits.ts';
import { latestCutoff, type Cutoffs } from './cutoffs.ts';
import { oldStreams } from './plan.ts';

/** Events read at once. */
const EVENTS_PER_READ = 500;

export interface ArchiveTimes {
  readonly cutoffs: Cutoffs;
  /** Business time now. */
  readonly now: number;
}

/**
 * Writes what is old enough into an archive: an export of these streams alone, with the leaves and checkpoints of the
 * whole log, and with the events that are old enough. It comes into its place whole and synced, or not at all.
 *
 * @param journal one moment of the journal. @returns false when nothing is old enough; then nothing is written.
 */
export async function writeArchive(
  directory: string,
  journal: Journal,
  keys: readonly LogKey[],
  { cutoffs, now }: ArchiveTimes,
): Promise<boolean> {
  const before = latestCutoff(cutoffs);
  if (before === null) return false;
  const draft = `${directory}.partial`;
  // What an interrupted run left; nothing was taken out for it.
  await rm(draft, { recursive: true, force: true });
  const going = await oldStreams(journal, cutoffs);
  const streams: ArchivedStream[] = [];
  const range = { count: 0, from: Number.MAX_SAFE_INTEGER, to: 0 };
  const rows = logRows(journal);
  const first = oldEvents(journal, cutoffs.events, now);
  const held = await first.next();
  if (going.length === 0 && held.done === true) return false;
  async function* records(): AsyncGenerator<string> {
    for (const { stream } of going) {
      const own = await journal.log.recordRows(stream);
      const last = own.at(-1);
      for (const { bytes } of own) yield bytes;
      if (last !== undefined) streams.push({ stream, records: last.seq, hash: last.hash, leaf: leafHash(last.bytes) });
    }
  }
  async function* events(): AsyncGenerator<string> {
    for (let next = held; next.done !== true; next = await first.next()) {
      const { time } = next.value.event;
      range.count += 1;
      range.from = Math.min(range.from, time);
      range.to = Math.max(range.to, time);
      yield `${JSON.stringify({ event: next.value.event, raw: Buffer.from(next.value.raw).toString('base64') })}\n`;
    }
  }
  const generations = await readGenerations(journal);
  await writeExport(draft, {
    manifest: {
      format: EXPORT_FORMAT,
      exportedAt: now,
      journalId: journal.id,
      generation: generations.at(-1)?.generation ?? 1,
      accelerated: journal.accelerated,
    },
    ...withObjects(journal, records()),
    leaves: rows.leaves(),
    unsequenced: [],
    checkpoints: await rows.checkpoints(),
    keys,
    archive: {
      before,
      streams,
      events: events(),
      contents: (): Pick<ArchiveContents, 'streams' | 'events'> => ({
        streams: streams.length,
        events: range.count === 0 ? null : range,
      }),
    },
  });
  await syncDirectory(draft);
  await rename(draft, directory);
  await syncDirectory(dirname(directory));
  return true;
}

/** Events that no detector needs any more, and whose ids could not be sent again: those would be refused as too old. */
export async function* oldEvents(
  journal: JournalReader & Pick<Journal, 'retention'>,
  before: number | null,
  now: number,
): AsyncGenerator<AcceptedEvent> {
  if (before === null) return;
  const until = Math.min(before, now - DEDUPE_HORIZON_MS - MAX_CLOCK_SKEW_MS);
  const upToArrival = await neededUpTo(journal);
  let after: OldEvents['after'] = null;
  for (;;) {
    const found: readonly AcceptedEvent[] = await journal.retention.oldEvents({
      before: until,
      upToArrival,
      after,
      limit: EVENTS_PER_READ,
    });
    yield* found;
    const last = found.at(-1)?.event;
    if (last === undefined || found.length < EVENTS_PER_READ) return;
    after = { time: last.time, source: last.source, id: last.id };
  }
}

/**
 * Reads an archive back, every file of it, as an auditor would.
 * @throws FirebreakError `conflict` when it is not whole, or of another journal.
 */
export async function readArchive(
  directory: string,
  journal: Pick<JournalReader, 'id'>,
  keys: readonly LogKey[],
  now: number,
): Promise<OpenedArchive> {
  const { archive, log, manifest } = await openExport(directory);
  if (archive === null || manifest.journalId !== journal.id)
    throw new FirebreakError('conflict', `${directory} is no archive of this journal; name another place with --out`);
  const { verdict, problem } = await verifyLog(log, { keys, held: archive.streams, now });
  if (verdict !== 'intact') throw new FirebreakError('conflict', `the archive does not verify: ${problem ?? verdict}`);
  const other = await firstOtherFile(directory, archive.contents);
  if (other !== null)
    throw new FirebreakError('conflict', `the archive does not verify: ${other} is not as it was written`);
  return archive;
}

const EVENT_LINE = z.looseObject({ event: z.looseObject({ source: z.string(), id: z.string() }) });

/** The ids of the events in an archive, in the order in which they were written. */
export async function* archivedEvents(directory: string): AsyncGenerator<{ source: string; id: string }> {
  for await (const line of eventLines(directory)) {
    const { source, id } = EVENT_LINE.parse(JSON.parse(line)).event;
    yield { source, id };
  }
}

/** Whether there is a whole archive: then a run that was interrupted behind it goes on. */
export function isThere(directory: string): boolean {
  return existsSync(directory);
}

/** A name in a directory is on disk when the directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
