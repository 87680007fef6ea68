import { createPublicKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { logRows } from '../journal/log-reading.ts';
import type { Journal } from '../journal/journal.ts';
import { origin } from '../pipeline/audit/checkpoint.ts';
import { EXPORT_FORMAT, keyFromPem, parseKeys } from '../pipeline/audit/export.ts';
import { openExport, writeExport } from '../pipeline/audit/export-files.ts';
import type { LogKey } from '../pipeline/audit/verify-checkpoints.ts';
import { verifyLog, type Verification } from '../pipeline/audit/verify.ts';
import { FirebreakError } from '../platform/errors.ts';
import type { Io } from './io.ts';
import { openExistingJournal } from './open-journal.ts';
import { firstForgedRow } from './verify-rows.ts';

export interface AuditVerifyOptions {
  readonly directory?: string | undefined;
  readonly data?: string;
  readonly keys?: string;
  readonly anchor?: string;
  readonly json: boolean;
}

/** Verifies a journal (`--data`), with the rows that the API shows, or an export. Exit code 0 when intact, 1 for every other verdict. */
export async function auditVerifyCommand(options: AuditVerifyOptions, io: Io): Promise<number> {
  const anchors = options.anchor === undefined ? [] : anchorsIn(io.readTextSync(options.anchor));
  const result = await (options.directory === undefined
    ? verifyJournal(options, io, anchors)
    : verifyExport(options.directory, options, io, anchors));
  io.stdout.write(
    options.json ? `${JSON.stringify({ ...result, intact: result.verdict === 'intact' })}\n` : `${sentence(result)}\n`,
  );
  return result.verdict === 'intact' ? 0 : 1;
}

async function verifyJournal(options: AuditVerifyOptions, io: Io, anchors: readonly string[]): Promise<Verification> {
  if (options.data === undefined)
    throw new FirebreakError('invalid_request', 'name an export directory, or a journal with --data');
  const journal = openExistingJournal(options.data);
  try {
    const rows = logRows(journal);
    const log = {
      records: rows.records(),
      leaves: rows.leaves(),
      unsequenced: await rows.unsequenced(),
      checkpoints: (await rows.checkpoints()).map(({ note }) => note),
    };
    const keys =
      options.keys === undefined ? [ownKey(options.data, journal, io)] : parseKeys(io.readTextSync(options.keys));
    const own = ownAnchors(options.data, io);
    const result = await verifyLog(log, { keys, anchors: [...anchors, ...own], now: Date.now() });
    // Rows are judged by the records, so only by records that nobody changed.
    return result.verdict === 'intact' ? await withRows(result, journal) : result;
  } finally {
    await journal.close();
  }
}

/** The verdict on the rows that the API shows; an export holds none. */
async function withRows(result: Verification, journal: Journal): Promise<Verification> {
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
): Promise<Verification> {
  const { log, keys } = await openExport(directory);
  const trusted = options.keys === undefined ? keys : parseKeys(io.readTextSync(options.keys));
  return verifyLog(log, { keys: trusted, anchors, now: Date.now() });
}

export interface AuditExportOptions {
  readonly directory: string;
  readonly data: string;
}

/** Writes an export of the whole journal. @throws FirebreakError `conflict` when the directory holds one already. */
export async function auditExportCommand({ directory, data }: AuditExportOptions, io: Io): Promise<number> {
  const journal = openExistingJournal(data);
  try {
    const rows = logRows(journal);
    await writeExport(directory, {
      manifest: {
        format: EXPORT_FORMAT,
        exportedAt: Date.now(),
        journalId: journal.id,
        generation: 1,
        accelerated: journal.accelerated,
      },
      records: bytesOf(rows.records()),
      leaves: rows.leaves(),
      unsequenced: await rows.unsequenced(),
      checkpoints: await rows.checkpoints(),
      keys: [ownKey(data, journal, io)],
    });
    io.stdout.write(`exported to ${directory}; check it with: firebreak audit verify ${directory}\n`);
    return 0;
  } finally {
    await journal.close();
  }
}

async function* bytesOf(records: AsyncIterable<{ readonly bytes: string }>): AsyncGenerator<string> {
  for await (const { bytes } of records) yield bytes;
}

/** The key beside the journal. Who can change the journal can change it too: an auditor brings their own copy. */
function ownKey(dataDir: string, journal: Pick<Journal, 'id' | 'accelerated'>, io: Io): LogKey {
  const pem = createPublicKey(io.readTextSync(join(dataDir, 'log-key.pem'))).export({ format: 'pem', type: 'spki' });
  return keyFromPem(pem.toString(), origin(journal.id, { accelerated: journal.accelerated, generation: 1 }));
}

function ownAnchors(dataDir: string, io: Io): readonly string[] {
  const file = join(dataDir, 'checkpoints.txt');
  return existsSync(file) ? anchorsIn(io.readTextSync(file)) : [];
}

/** Notes in a file, each as it was published; an empty line and the next origin part them. */
function anchorsIn(text: string): readonly string[] {
  return text
    .split(/\n\n(?=firebreak\/)/)
    .map((note) => `${note.trimEnd()}\n`)
    .filter((note) => note.trim() !== '');
}

function sentence({ verdict, problem, firstBad, counts, coveredSize }: Verification): string {
  const what = `${counts.records} records in ${counts.streams} streams, ${counts.leaves} in the log, ${coveredSize} of them under a signed checkpoint`;
  if (verdict === 'intact') return `intact: ${what}`;
  const where =
    firstBad === null
      ? ''
      : ` First at ${firstBad.stream ?? 'unknown stream'} #${firstBad.seq ?? '?'} (position ${firstBad.position ?? '?'}).`;
  return `${verdict}: ${problem ?? ''}${where} (${what})`;
}
