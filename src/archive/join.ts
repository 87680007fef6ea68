import { ARCHIVED_IN, ARCHIVED_TYPE } from '../pipeline/audit/archived.ts';
import { firstOtherFile, openExport } from '../pipeline/audit/export-files.ts';
import { compareNames, type RecordName } from '../pipeline/audit/sequencer.ts';
import type { LogToVerify } from '../pipeline/audit/verify.ts';
import { examineRecord, type StoredRecord } from '../pipeline/audit/verify-record.ts';
import { FirebreakError } from '../platform/errors.ts';

type Records = LogToVerify['records'];

export interface JoinedArchives {
  /** The records of a log with those of the archives in their places. */
  join(records: Records): Records;
  /** What is wrong with the archives besides their records, or null. Only after all records were read. */
  problem(): Promise<string | null>;
}

/**
 * Puts archives beside the log that they were taken from.
 * @throws FirebreakError as `openExport`, and `invalid_request` for an export that is no archive.
 */
export async function joinArchives(directories: readonly string[]): Promise<JoinedArchives> {
  const archives = await Promise.all(
    directories.map(async (directory) => {
      const { archive, log } = await openExport(directory);
      if (archive !== null) return { directory, archive, records: log.records };
      throw new FirebreakError('invalid_request', `${directory} is a whole export, not an archive`);
    }),
  );
  const named = new Set<string>();
  return {
    join: (records) =>
      archives.length === 0 ? records : merged([noting(records, named), ...archives.map((each) => each.records)]),
    async problem() {
      for (const { directory, archive } of archives) {
        if (!named.has(archive.hash)) return `No record of the journal names the archive ${directory}.`;
        const other = await firstOtherFile(directory, archive.contents);
        if (other !== null) return `${other} of ${directory} is not the file that the archive's manifest names.`;
      }
      return null;
    },
  };
}

/** Passes records on and keeps the names of the archives that they speak of. */
async function* noting(records: Records, named: Set<string>): AsyncGenerator<StoredRecord> {
  for await (const stored of records) {
    const { name, text } = examineRecord(stored);
    if (name?.stream === ARCHIVED_IN && text !== null) {
      const hash = archiveIn(text);
      if (hash !== null) named.add(hash);
    }
    yield stored;
  }
}

function archiveIn(text: string): string | null {
  try {
    const record = JSON.parse(text) as { type?: unknown; data?: { archive?: unknown } | null } | null; // looked at below
    const archive = record?.type === ARCHIVED_TYPE ? record.data?.archive : null;
    return typeof archive === 'string' ? archive : null;
  } catch {
    return null;
  }
}

interface Head {
  readonly stored: StoredRecord;
  readonly name: RecordName | null;
  readonly rest: AsyncIterator<StoredRecord>;
}

/** Merges records that are in order each. The same record in two places, where a removal was interrupted, comes once. */
async function* merged(sources: readonly Records[]): AsyncGenerator<StoredRecord> {
  const heads: Head[] = [];
  for (const source of sources) await push(heads, passed(source));
  let last: Head | null = null;
  for (let head = heads.shift(); head !== undefined; head = heads.shift()) {
    if (last === null || !isSame(last, head)) yield head.stored;
    last = head;
    await push(heads, head.rest);
  }
}

function isSame(a: Head, b: Head): boolean {
  if (a.name === null || b.name === null || compareNames(a.name, b.name) !== 0) return false;
  return textOf(a.stored) === textOf(b.stored);
}

/** Puts the next record of a source in its place among the heads; one without a name goes first, to be judged. */
async function push(heads: Head[], rest: AsyncIterator<StoredRecord>): Promise<void> {
  const { value, done } = await rest.next();
  if (done === true) return;
  const stored: StoredRecord = value;
  const { name } = examineRecord(stored);
  const behind = heads.findIndex((head) => name === null || (head.name !== null && compareNames(name, head.name) < 0));
  heads.splice(behind === -1 ? heads.length : behind, 0, { stored, name, rest });
}

async function* passed(records: Records): AsyncGenerator<StoredRecord> {
  yield* records;
}

function textOf({ bytes }: StoredRecord): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
}
