import { z } from 'zod';
import type { JournalReader } from '../journal/journal.ts';
import { FirebreakError } from '../platform/errors.ts';

/** What stands in a journal in place of a stream that lies in an archive. */
const MARKER = z.looseObject({ archive: z.string() });

/** @throws FirebreakError `archived`, with the archive's SHA-256, when the records of the stream lie in an archive. */
export async function refuseArchived(journal: Pick<JournalReader, 'view'>, stream: string): Promise<void> {
  const marker = await journal.view('archived', stream);
  if (marker === null) return;
  const { archive } = MARKER.parse(marker.body);
  const day = new Date(marker.at).toISOString();
  throw new FirebreakError('archived', `${stream} lies since ${day} in the archive with the SHA-256 ${archive}`);
}
