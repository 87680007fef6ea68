import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { randomFrom, type Random } from '../../src/demo/random.ts';
import { loadLogKey, type LogKeyPair } from '../../src/journal/log-key.ts';
import { openLogKeeper } from '../../src/journal/log-keeper.ts';
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts';
import { origin } from '../../src/pipeline/audit/checkpoint.ts';
import { formatKeys } from '../../src/pipeline/audit/export.ts';
import { leafHash } from '../../src/pipeline/audit/merkle.ts';
import { noteKey } from '../../src/pipeline/audit/signed-note.ts';
import { steeredClock } from '../../src/platform/clock.ts';
import { sha256, sha256Hex } from '../../src/platform/hash.ts';
import { at, LOG_START } from './generated-log.ts';
import { witnessedNote } from './tampered-exports.ts';
import {
  byteChanged,
  forgedBytes,
  rangeStart,
  type Expected,
  type Kind,
  type Tampered,
  type Victim,
} from './tampering.ts';

/** A real journal, written by the journal's own adapter and signed by the log's own keeper. Only tests import this file. */

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (file: string) => Database;
const FILE = 'journal.sqlite';

export interface JournalShape {
  /** Times at which the log is signed; each is also a moment to which the file is set back. */
  readonly stages: number;
  readonly recordsEach: number;
  readonly streams: number;
}

interface Row {
  readonly no: number;
  readonly name: string;
  readonly seq: number;
  readonly bytes: string;
  readonly position: number;
}

/** A journal in `directory`, to be spoiled in copies. */
export async function journalVictim(
  { stages, recordsEach, streams }: JournalShape,
  directory: string,
): Promise<Victim> {
  mkdirSync(directory, { recursive: true });
  const key = loadLogKey(join(directory, 'log-key.pem'));
  const birth = { id: 'jrn_victim', at: LOG_START, accelerated: false };
  const random = randomFrom(stages);
  const stageFile = (stage: number): string => join(directory, `stage-${stage}.sqlite`);
  for (let stage = 0; stage < stages; stage += 1) {
    await grow(join(directory, FILE), birth, key, { recordsEach, streams, mark: stage }, random);
    copyFileSync(join(directory, FILE), stageFile(stage));
  }
  const forkFile = join(directory, 'fork.sqlite');
  copyFileSync(stageFile(stages - 2), forkFile);
  await grow(forkFile, birth, key, { recordsEach: recordsEach + 5, streams, mark: -1 }, random);

  const database = new Driver(join(directory, FILE));
  const rows = database
    .prepare<[], Row>(
      `select r.no, s.name, r.seq, r.bytes, l.position from records r join streams s on s.no = r.stream
       join leaves l on l.stream = r.stream and l.seq = r.seq order by s.name, r.seq`,
    )
    .all();
  const checkpoints = database
    .prepare<[], { size: number; note: string }>('select size, note from checkpoints order by size')
    .all();
  database.close();
  const keys = join(directory, 'keys.json');
  const name = origin(birth.id, { accelerated: false, generation: 1 });
  writeFileSync(keys, formatKeys([{ ...noteKey(name, key.publicKey), fromSize: 0, toSize: null }]));
  const witnessed = witnessedNote(at(checkpoints, -1).note);
  const witness = join(directory, 'witness.checkpoint');
  writeFileSync(witness, witnessed.note);
  const sizes = checkpoints.map(({ size }) => size);
  return {
    name: 'journal',
    witness,
    witnessKey: witnessed.key,
    options: (copy) => ({ data: copy, keys }),
    spoil(kind, copy, draw) {
      mkdirSync(copy);
      const file = join(copy, FILE);
      if (kind === 'roll back') {
        const stage = draw.integer(0, stages - 1);
        const forked = stage === stages - 1;
        copyFileSync(forked ? forkFile : stageFile(stage), file);
        // Gone on with other records and signed with the log's own key: only the witness contradicts, and of everything.
        if (forked) return { kind, what: 'forked', expected: { verdict: /^changed$/, position: 0 } };
        const cutTo = at(sizes, stage);
        return { kind, what: `set back to ${cutTo}`, expected: { verdict: /^truncated$/, position: cutTo } };
      }
      copyFileSync(join(directory, FILE), file);
      const copied = new Driver(file);
      copied.pragma('synchronous = OFF');
      copied.exec('drop trigger records_are_immutable; drop trigger records_are_kept');
      const spoiled = spoilRows(kind, copied, { rows, sizes }, draw);
      copied.close();
      return { kind, ...spoiled };
    },
  };
}

async function grow(
  file: string,
  birth: { readonly id: string; readonly at: number; readonly accelerated: boolean },
  key: LogKeyPair,
  { recordsEach, streams, mark }: { recordsEach: number; streams: number; mark: number },
  random: Random,
): Promise<void> {
  const journal = openSqliteJournal({ file, birth });
  const keeper = await openLogKeeper(journal, key, steeredClock(LOG_START), []);
  for (let count = 0; count < recordsEach; count += 1) {
    const stream = `ingest/s${random.integer(1, streams)}`;
    const head = await journal.streamHead(stream);
    const data = { n: count, stage: mark, text: 'Zoë "№" \u2028 \\', was: head?.hash ?? null };
    const records = [{ type: 'events.accepted', v: 1, at: LOG_START + mark * 1_000 + count, data }];
    const [result] = await journal.commit([{ appends: [{ stream, expectedSeq: head?.seq ?? 0, records }] }]);
    if (result?.status !== 'applied') throw new Error('the record was written');
  }
  await keeper.keep(true);
  await journal.close();
}

type Log = { readonly rows: readonly Row[]; readonly sizes: readonly number[] };
type Spoil = Omit<Tampered, 'kind'>;

function named({ name, seq }: Row, verdict = /^changed$/): Expected {
  return { verdict, stream: name, seq };
}

function spoilRows(kind: Exclude<Kind, 'roll back'>, database: Database, log: Log, random: Random): Spoil {
  const row = random.pick(log.rows);
  const label = `${row.name} #${row.seq}`;
  switch (kind) {
    case 'byte':
      return spoilByte(database, row, random);
    case 'delete':
      database.prepare('delete from records where no = ?').run(row.no);
      return { what: `took out ${label}`, expected: named(row, /^(changed|truncated)$/) };
    case 'duplicate': {
      const last = log.rows.filter(({ name }) => name === row.name).at(-1) ?? row;
      database
        .prepare(
          `insert into records (stream, seq, bytes, hash)
           select stream, ?, bytes, hash from records where no = ?`,
        )
        .run(last.seq + 1, row.no);
      return { what: `doubled ${label}`, expected: named({ ...row, seq: last.seq + 1 }) };
    }
    case 'swap':
      return swap(database, row, log, random);
    case 'forge':
      return forge(database, row, log, random);
    case 'truncate':
      return truncate(database, random.integer(1, log.rows.length - 1), log);
  }
}

function spoilByte(database: Database, row: Row, random: Random): Spoil {
  const bytes = Buffer.from(row.bytes);
  const place = random.integer(0, bytes.length + 63);
  const what = `byte ${place} of ${row.name} #${row.seq}`;
  if (place < bytes.length) {
    // Stored as text again: what is not UTF-8 any more is what a damaged file would hold.
    const changed = byteChanged(bytes, place, random);
    database.prepare('update records set bytes = cast(? as text) where no = ?').run(changed, row.no);
  } else if (place < bytes.length + 32) {
    const hash = byteChanged(sha256(row.bytes), place - bytes.length, random);
    database.prepare('update records set hash = ? where no = ?').run(hash, row.no);
  } else {
    const leaf = byteChanged(Buffer.from(leafHash(row.bytes), 'hex'), place - bytes.length - 32, random);
    database.prepare('update leaves set hash = ? where position = ?').run(leaf, row.position);
  }
  return { what, expected: named(row) };
}

function swap(database: Database, row: Row, log: Log, random: Random): Spoil {
  const next = log.rows.find(({ name, seq }) => name === row.name && seq === row.seq + 1);
  const place = database.prepare('update records set seq = ? where no = ?');
  if (next !== undefined && random.chance(50)) {
    place.run(-1, row.no);
    place.run(row.seq, next.no);
    place.run(next.seq, row.no);
    return { what: `swapped ${row.name} #${row.seq} with the next`, expected: named(row) };
  }
  const other = random.pick(log.rows.filter(({ no }) => no !== row.no));
  const put = database.prepare('update records set bytes = ?, hash = ? where no = ?');
  put.run(other.bytes, sha256(other.bytes), row.no);
  put.run(row.bytes, sha256(row.bytes), other.no);
  const first = other.position < row.position ? other : row;
  return { what: `exchanged ${row.name} #${row.seq} and ${other.name} #${other.seq}`, expected: named(first) };
}

/** A record is forged with its hash and leaf, alone or with all that are chained to it. */
function forge(database: Database, row: Row, { rows, sizes }: Log, random: Random): Spoil {
  const whole = random.chance(50);
  const rest = rows.filter(({ name, seq }) => name === row.name && seq >= row.seq);
  let prev: string | null = null;
  for (const one of whole ? rest : rest.slice(0, 1)) {
    const bytes = forgedBytes(one.bytes, prev, row.no);
    prev = sha256Hex(bytes);
    database
      .prepare('update records set bytes = ?, hash = ? where no = ?')
      .run(bytes, Buffer.from(prev, 'hex'), one.no);
    database
      .prepare('update leaves set hash = ? where position = ?')
      .run(Buffer.from(leafHash(bytes), 'hex'), one.position);
  }
  const what = `${whole ? 'rewrote the stream from' : 'forged'} ${row.name} #${row.seq}`;
  if (!whole && rest.length > 1) return { what, expected: named(row) };
  return { what, expected: { verdict: /^changed$/, position: rangeStart(sizes, row.position) } };
}

function truncate(database: Database, size: number, { rows, sizes }: Log): Spoil {
  const gone = database.prepare('delete from records where no = ?');
  for (const row of rows) if (row.position >= size) gone.run(row.no);
  database.prepare('delete from leaves where position >= ?').run(size);
  database.prepare('delete from checkpoints where size > ?').run(size);
  const signed = rangeStart(sizes, size);
  return { what: `cut off after ${size} (signed: ${signed})`, expected: { verdict: /^truncated$/, position: size } };
}
