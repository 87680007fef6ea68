import type { JournalRecord } from '../pipeline/audit/record.ts';
import { formatOpening, openingsOf } from '../pipeline/persons/openings.ts';
import { TAKEN } from '../pipeline/persons/personal-texts.ts';
import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { logRows } from '../journal/log-reading.ts';
import type { Journal } from '../journal/journal.ts';
import type { PersonalJournal } from '../journal/persons/personal-journal.ts';
import { appendedNotes } from '../pipeline/audit/anchor-file.ts';
import { openCheckpoint, type Checkpoint } from '../pipeline/audit/checkpoint.ts';
import { EXPORT_FORMAT, parseKeys } from '../pipeline/audit/export.ts';
import {
  CONFIG_STREAM,
  GENERATION_BEGUN,
  generationsIn,
  isKnownLost,
  logKeysOf,
  readGenerations,
  type Generation,
} from '../pipeline/audit/generations.ts';
import { firstOtherFile, openExport, writeExport } from '../pipeline/audit/export-files.ts';
import type { LogKey } from '../pipeline/audit/verify-checkpoints.ts';
import { verifyLog, type Verification } from '../pipeline/audit/verify.ts';
import { withObjects } from '../pipeline/executions/exported-objects.ts';
import { FirebreakError, invariant } from '../platform/errors.ts';
import { formatVerifierKey } from '../pipeline/audit/signed-note.ts';
import { joinArchives, type JoinedArchives } from '../archive/join.ts';
import type { Io } from './io.ts';
import { openExistingJournal } from './open-journal.ts';
import { firstForgedRow } from './verify-rows.ts';
import { scanVotes, type VoteScan } from './verify-votes.ts';
import { notesIn, witnessedCheckpoints, type WitnessSource } from './witnessed.ts';

export interface AuditVerifyOptions extends WitnessSource {
  readonly directory?: string | undefined;
  readonly data?: string;
  readonly keys?: string;
  readonly anchor?: string;
  /** Directories of archives whose records are verified with the others. */
  readonly archive?: readonly string[];
  readonly json: boolean;
}

/** Verifies a journal (`--data`), with the rows that the API shows, or an export. Exit code 0 when intact, 1 for every other verdict. */
export async function auditVerifyCommand(options: AuditVerifyOptions, io: Io): Promise<number> {
  const anchors = options.anchor === undefined ? [] : notesIn(io.readTextSync(options.anchor));
  const { generations, ...result } = await (options.directory === undefined
    ? verifyJournal(options, io, anchors)
    : verifyExport(options.directory, options, io, anchors));
  const intact = result.verdict === 'intact';
  io.stdout.write(
    options.json
      ? `${JSON.stringify({ ...result, generations: generations.slice(1), intact })}\n`
      : `${sentence(result)}${generations.slice(1).map(inWords).join('')}\n`,
  );
  return intact ? 0 : 1;
}

/** What people agreed to do without; the rest of the verdict is about what is there. */
function inWords({ generation, signedSize, lost }: Generation): string {
  const published = Math.max(...lost.map(({ size }) => size));
  return `; generation ${generation} began behind record ${signedSize}, without what was published up to record ${published}`;
}

type Verified = Verification & { readonly generations: readonly Generation[] };

async function verifyJournal(options: AuditVerifyOptions, io: Io, anchors: readonly string[]): Promise<Verified> {
  if (options.data === undefined)
    throw new FirebreakError('invalid_request', 'name an export directory, or a journal with --data');
  const journal = await openExistingJournal(options.data, io);
  try {
    const rows = logRows(journal);
    const archives = await joinArchives(options.archive ?? []);
    const votes = scanVotes();
    const log = {
      records: votes.through(archives.join(rows.records())),
      leaves: rows.leaves(),
      unsequenced: await rows.unsequenced(),
      checkpoints: (await rows.checkpoints()).map(({ note }) => note),
    };
    const generations = await generationsAsStored(journal);
    const keys =
      options.keys === undefined ? await ownKeys(options.data, journal, io) : parseKeys(io.readTextSync(options.keys));
    const own = ownAnchors(options.data, io).filter((note) => !isNoteKnownLost(note, generations));
    const witnessed = stillOwed(await witnessedCheckpoints(options, originsOf(keys), io), generations);
    const verified = await verifyLog(log, { keys, anchors: [...anchors, ...own], witnessed, now: Date.now() });
    const result = await withVotes(await withArchives(verified, archives), votes);
    // Rows are judged by the records, so only by records that nobody changed.
    return { ...(result.verdict === 'intact' ? await withRows(result, journal) : result), generations };
  } finally {
    await journal.close();
  }
}

/** Without them nobody can say what rows should hold. @throws FirebreakError `store_unavailable`. */
async function requireKeys(journal: PersonalJournal): Promise<void> {
  const { total } = await journal.listViews({ kind: 'person-stream', limit: 1, skip: 0 });
  if (total === 0 || (await journal.keys.count()) > 0) return;
  const message =
    'The keys of persons are missing: the log fits together, but rows cannot be compared with it. Put person-keys.sqlite back';
  throw new FirebreakError('store_unavailable', message);
}

/** The verdict on the rows that the API shows; an export holds none. */
async function withRows(result: Verification, journal: PersonalJournal): Promise<Verification> {
  await requireKeys(journal);
  const forged = await firstForgedRow(journal);
  if (forged === null) return result;
  const { kind, id, stream, problem } = forged;
  const firstBad = { stream, seq: null, position: null };
  return { ...result, verdict: 'changed', firstBad, problem: `The row of ${kind} ${id} ${problem}.` };
}

async function verifyExport(
  directory: string,
  options: AuditVerifyOptions,
  io: Io,
  anchors: readonly string[],
): Promise<Verified> {
  const { log, keys, archive } = await openExport(directory);
  const trusted = options.keys === undefined ? keys : parseKeys(io.readTextSync(options.keys));
  const generations = trusted.length > 1 ? await generationsInExport(directory) : generationsIn([]);
  const witnessed = stillOwed(await witnessedCheckpoints(options, originsOf(trusted), io), generations);
  const trust = { keys: trusted, anchors, witnessed, now: Date.now() };
  const votes = scanVotes();
  if (archive === null) {
    const archives = await joinArchives(options.archive ?? []);
    const verified = await verifyLog({ ...log, records: votes.through(archives.join(log.records)) }, trust);
    return { ...(await withVotes(await withArchives(verified, archives), votes)), generations };
  }
  const records = votes.through(log.records);
  const verified = await verifyLog({ ...log, records }, { ...trust, held: archive.streams });
  const result = await withVotes(verified, votes);
  const other = result.verdict === 'intact' ? await firstOtherFile(directory, archive.contents) : null;
  const problem = `${other} is not the file that the archive's manifest names.`;
  return { ...(other === null ? result : changed(result, problem)), generations };
}

/** The verdict on what passkeys signed, where the records fit together: whoever forges the log anew has no passkey. */
async function withVotes(result: Verification, votes: VoteScan): Promise<Verification> {
  const isWhole = result.verdict === 'intact' || result.verdict === 'not_anchored';
  const unproven = isWhole ? await votes.firstUnproven() : null;
  if (unproven === null) return result;
  const { stream, seq, problem } = unproven;
  return {
    ...result,
    verdict: 'changed',
    firstBad: { stream, seq, position: null },
    problem: `The record ${problem}.`,
  };
}

/** The verdict on the archives themselves, once all records fit together. */
async function withArchives(result: Verification, archives: JoinedArchives): Promise<Verification> {
  const problem = result.verdict === 'intact' ? await archives.problem() : null;
  return problem === null ? result : changed(result, problem);
}

function changed(result: Verification, problem: string): Verification {
  return { ...result, verdict: 'changed', firstBad: null, problem };
}

/** Without the checkpoints of records that two people have taken for lost. */
function stillOwed(witnessed: readonly Checkpoint[], generations: readonly Generation[]): readonly Checkpoint[] {
  return witnessed.filter((checkpoint) => !isKnownLost(checkpoint, generations));
}

function isNoteKnownLost(note: string, generations: readonly Generation[]): boolean {
  const opened = openCheckpoint(note, []);
  return opened.status !== 'malformed' && isKnownLost(opened.checkpoint, generations);
}

/** As the export's own records say: they are judged with all others, so whoever made them up is found. */
async function generationsInExport(directory: string): Promise<readonly Generation[]> {
  const { log } = await openExport(directory);
  const about: unknown[] = [];
  for await (const { bytes } of log.records) {
    const text = Buffer.from(bytes).toString('utf8');
    if (text.includes(GENERATION_BEGUN)) about.push(parsed(text));
  }
  return generationsIn(z.array(RECORD).parse(about.filter((record) => RECORD.safeParse(record).success)));
}

const RECORD = z.looseObject({ type: z.string(), data: z.record(z.string(), z.json()) });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A key is named after the log that it signs. */
function originsOf(keys: readonly LogKey[]): ReadonlySet<string> {
  return new Set(keys.map(({ name }) => name));
}

/** Prints the key that signs the journal's log, as witnesses and auditors are given it when the log is set up. */
export async function auditKeyCommand({ data }: { readonly data: string }, io: Io): Promise<number> {
  const journal = await openExistingJournal(data, io);
  try {
    const present = (await ownKeys(data, journal, io)).at(-1);
    invariant(present !== undefined, 'a journal has a generation');
    io.stdout.write(`${formatVerifierKey(present)}\n`);
    return 0;
  } finally {
    await journal.close();
  }
}

export interface AuditExportOptions {
  readonly directory: string;
  readonly data: string;
  /** Whether whoever gets it can read the personal texts. */
  readonly open?: boolean;
}

/** Writes an export of the whole journal. @throws FirebreakError `conflict` when the directory holds one already. */
export async function auditExportCommand(
  { directory, data, open = false }: AuditExportOptions,
  io: Io,
): Promise<number> {
  const journal = await openExistingJournal(data, io);
  try {
    const rows = logRows(journal);
    await writeExport(directory, {
      manifest: {
        format: EXPORT_FORMAT,
        exportedAt: Date.now(),
        journalId: journal.id,
        generation: (await readGenerations(journal)).at(-1)?.generation ?? 1,
        accelerated: journal.accelerated,
      },
      ...withObjects(journal, bytesOf(rows.records())),
      ...(open ? { openings: openingLines(rows.records(), journal.persons) } : {}),
      leaves: rows.leaves(),
      unsequenced: await rows.unsequenced(),
      checkpoints: await rows.checkpoints(),
      keys: await ownKeys(data, journal, io),
    });
    io.stdout.write(`exported to ${directory}; check it with: firebreak audit verify ${directory}\n`);
    return 0;
  } finally {
    await journal.close();
  }
}

async function* openingLines(
  records: AsyncIterable<{ readonly bytes: string }>,
  persons: PersonalJournal['persons'],
): AsyncGenerator<string> {
  for await (const { bytes } of records) {
    // The journal's own bytes.
    const openings = bytes.includes(TAKEN) ? await openingsOf(JSON.parse(bytes) as JournalRecord, persons) : [];
    for (const opening of openings) yield formatOpening(opening);
  }
}

async function* bytesOf(records: AsyncIterable<{ readonly bytes: string }>): AsyncGenerator<string> {
  for await (const { bytes } of records) yield bytes;
}

/**
 * The key that signs the log, as each generation of it was signed: in `LOG_KEY_FILE`, else beside the journal. Who can change the
 * journal can change it too: an auditor brings their own copy.
 */
export async function ownKeys(
  dataDir: string,
  journal: Pick<Journal, 'id' | 'accelerated' | 'log'>,
  io: Io,
): Promise<readonly LogKey[]> {
  const file = io.env['LOG_KEY_FILE']?.trim() || join(dataDir, 'log-key.pem');
  const { id: journalId, accelerated } = journal;
  return logKeysOf(
    { journalId, accelerated },
    await generationsAsStored(journal),
    createPublicKey(io.readTextSync(file)),
  );
}

/** Of a journal that somebody may have changed: a record that cannot be read is for the verification to name. */
async function generationsAsStored({ log }: Pick<Journal, 'log'>): Promise<readonly [Generation, ...Generation[]]> {
  const rows = await log.recordRows(CONFIG_STREAM);
  return generationsIn(rows.flatMap(({ bytes }) => RECORD.safeParse(parsed(bytes)).data ?? []));
}

/** The checkpoints that were published beside the journal, but for one that a power cut left unfinished. */
export function ownAnchors(dataDir: string, io: Io): readonly string[] {
  const file = join(dataDir, 'checkpoints.txt');
  return existsSync(file) ? appendedNotes(io.readTextSync(file)).notes : [];
}

/** A verdict in one sentence. */
export function sentence(verification: Verification): string {
  const { verdict, problem, firstBad, counts, coveredSize, anchoredSize, archivedStreams } = verification;
  const elsewhere = anchoredSize === 0 ? '' : `, ${anchoredSize} under one from elsewhere`;
  const archived = archivedStreams === 0 ? '' : `, ${archivedStreams} streams in archives`;
  const what = `${counts.records} records in ${counts.streams} streams, ${counts.leaves} in the log, ${coveredSize} of them under a signed checkpoint${elsewhere}${archived}`;
  if (verdict === 'intact') return `intact: ${what}`;
  const where =
    firstBad === null
      ? ''
      : ` First at ${firstBad.stream ?? 'unknown stream'} #${firstBad.seq ?? '?'} (position ${firstBad.position ?? '?'}).`;
  return `${verdict}: ${problem ?? ''}${where} (${what})`;
}
