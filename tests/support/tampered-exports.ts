import { generateKeyPairSync } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../src/demo/random.ts';
import { signCheckpoint } from '../../src/pipeline/audit/checkpoint.ts';
import { cosign, formatWitnessKey, witnessKey } from '../../src/pipeline/audit/cosignature.ts';
import {
  EXPORT_FILES,
  EXPORT_FORMAT,
  formatKeys,
  formatLeaf,
  type ExportManifest,
} from '../../src/pipeline/audit/export.ts';
import { writeExport } from '../../src/pipeline/audit/export-files.ts';
import { leafHash, treeRoot } from '../../src/pipeline/audit/merkle.ts';
import { parseNote } from '../../src/pipeline/audit/signed-note.ts';
import { sha256Hex } from '../../src/platform/hash.ts';
import { at, LOG_ORIGIN, LOG_START, signingKey, type GeneratedLog } from './generated-log.ts';
import {
  byteChanged,
  forgedBytes,
  rangeStart,
  type Expected,
  type Kind,
  type Tampered,
  type Victim,
} from './tampering.ts';

interface Files {
  records: Buffer[];
  leaves: string[];
  unsequenced: string[];
  checkpoints: string[];
  keys: string | null;
}

/** The note as a witness cosigned it, with the witness's public key line. */
export function witnessedNote(note: string): { readonly note: string; readonly key: string } {
  const pair = generateKeyPairSync('ed25519');
  const key = witnessKey('witness.example/w1', pair.publicKey);
  const text = parseNote(note)?.text ?? '';
  return { note: `${note}${cosign(text, LOG_START / 1_000, key, pair.privateKey)}`, key: formatWitnessKey(key) };
}

/** An export of the log in `directory`, to be spoiled in copies. */
export async function exportVictim(log: GeneratedLog, directory: string): Promise<Victim> {
  const whole = join(directory, 'whole');
  const manifest: ExportManifest = {
    format: EXPORT_FORMAT,
    journalId: 'jrn_test',
    generation: 1,
    accelerated: false,
    exportedAt: LOG_START,
  };
  await writeExport(whole, { ...log, manifest, objects: [], records: log.records.map(({ bytes }) => bytes) });
  const witnessed = witnessedNote(at(log.checkpoints, -1).note);
  const witness = join(directory, 'witness.checkpoint');
  writeFileSync(witness, witnessed.note);
  const rows = (file: keyof typeof EXPORT_FILES): string[] =>
    readFileSync(join(whole, EXPORT_FILES[file]), 'utf8').split('\n').slice(0, -1);
  const original: Files = {
    records: log.records.map(({ bytes }) => Buffer.from(bytes)),
    leaves: rows('leaves'),
    unsequenced: rows('unsequenced'),
    checkpoints: rows('checkpoints'),
    keys: null,
  };
  const spoiler = createSpoiler(log, original);
  return {
    name: 'export',
    witness,
    witnessKey: witnessed.key,
    options: (copy) => ({ directory: copy }),
    spoil(kind, copy, random) {
      const files: Files = { ...original };
      const raw = new Map<string, Buffer>();
      const { what, expected } = spoiler(kind, files, raw, random);
      mkdirSync(copy);
      const put = (file: keyof typeof EXPORT_FILES, changed: boolean, text: () => Buffer | string): void => {
        const name = EXPORT_FILES[file];
        const bytes = raw.get(name);
        if (bytes === undefined && !changed) return linkSync(join(whole, name), join(copy, name));
        return writeFileSync(join(copy, name), bytes ?? text());
      };
      const lines = (rest: readonly string[]) => (): string => rest.map((line) => `${line}\n`).join('');
      put('records', files.records !== original.records, () =>
        Buffer.concat(files.records.flatMap((bytes) => [bytes, Buffer.from('\n')])),
      );
      put('leaves', files.leaves !== original.leaves, lines(files.leaves));
      put('unsequenced', files.unsequenced !== original.unsequenced, lines(files.unsequenced));
      put('checkpoints', files.checkpoints !== original.checkpoints, lines(files.checkpoints));
      put('keys', files.keys !== null, () => files.keys ?? '');
      put('manifest', false, () => '');
      return { kind, what, expected };
    },
  };
}

type Spoil = Omit<Tampered, 'kind'>;

function createSpoiler(log: GeneratedLog, original: Files) {
  const positions = new Map(log.leaves.map((leaf) => [`${leaf.stream} ${leaf.seq}`, leaf.position]));
  const nameOf = (index: number) => at(log.records, index).record;
  const placeOf = (index: number): number =>
    positions.get(`${nameOf(index).stream} ${nameOf(index).seq}`) ?? Number.MAX_SAFE_INTEGER;
  const sizes = log.checkpoints.map(({ size }) => size);
  const recordsFile = Buffer.concat(original.records.flatMap((bytes) => [bytes, Buffer.from('\n')]));
  const leavesFile = Buffer.from(original.leaves.map((line) => `${line}\n`).join(''));
  const named = (index: number, verdict = /^changed$/): Expected => {
    const { stream, seq } = nameOf(index);
    return { verdict, stream, seq };
  };
  const pickRecord = (random: Random): number => random.integer(0, log.records.length - 1);

  function byte(_: Files, raw: Map<string, Buffer>, random: Random): Spoil {
    if (random.chance(80)) {
      const place = random.integer(0, recordsFile.length - 1);
      raw.set(EXPORT_FILES.records, byteChanged(recordsFile, place, random));
      let index = 0;
      let end = 0;
      while ((end += at(original.records, index).length + 1) <= place) index += 1;
      // A newline that is lost joins two records: the first of both, in the order of the log.
      const joins = place === end - 1 && index + 1 < log.records.length;
      const first = joins && placeOf(index + 1) < placeOf(index) ? index + 1 : index;
      return { what: `byte ${place} of the records`, expected: named(first) };
    }
    const place = random.integer(0, leavesFile.length - 1);
    raw.set(EXPORT_FILES.leaves, byteChanged(leavesFile, place, random));
    const position = leavesFile.subarray(0, place).filter((one) => one === 0x0a).length;
    return { what: `byte ${place} of the leaves`, expected: { verdict: /^changed$/, position } };
  }

  /** A placed record is forged with its leaf; `whole`: everything chained to it as well. */
  function forge(files: Files, random: Random): Spoil {
    let index = pickRecord(random);
    while (placeOf(index) >= log.leaves.length) index = pickRecord(random);
    const { stream, seq } = nameOf(index);
    const whole = random.chance(50);
    files.records = [...files.records];
    files.leaves = [...files.leaves];
    let prev: string | null = null;
    let last = index;
    for (let one = index; log.records[one]?.record.stream === stream && placeOf(one) < log.leaves.length; one += 1) {
      const bytes = forgedBytes(at(log.records, one).bytes, prev, index);
      prev = sha256Hex(bytes);
      files.records[one] = Buffer.from(bytes);
      const position = placeOf(one);
      files.leaves[position] = formatLeaf({ ...nameOf(one), position, leafHash: leafHash(bytes) }).slice(0, -1);
      last = one;
      if (!whole) break;
    }
    const what = `${whole ? 'rewrote the stream from' : 'forged'} ${stream} #${seq} with its leaf`;
    // A record behind that was left as it is points to the old one before it: it names the last that was rewritten.
    // The checkpoints tell only a range, and the first of both counts.
    const start = rangeStart(sizes, placeOf(index));
    const followed = log.records[last + 1]?.record.stream === stream;
    const sameRange = start === rangeStart(sizes, placeOf(last));
    return { what, expected: followed && sameRange ? named(last) : { verdict: /^changed$/, position: start } };
  }

  function cut(files: Files, size: number): void {
    const gone = new Set([...log.records.keys()].filter((index) => placeOf(index) >= size));
    files.records = files.records.filter((_, index) => !gone.has(index));
    files.leaves = files.leaves.slice(0, size);
    files.unsequenced = [];
    files.checkpoints = files.checkpoints.filter((_, index) => at(sizes, index) <= size);
  }

  /** The whole export as it was at an earlier checkpoint; or that, gone on with otherwise and signed by a stolen key. */
  function rollBack(files: Files, random: Random): Spoil {
    const size = at(sizes, random.integer(0, sizes.length - 2));
    if (random.chance(50)) {
      cut(files, size);
      return { what: `set back to size ${size}`, expected: { verdict: /^truncated$/, position: size } };
    }
    const index = log.records.findIndex((_, candidate) => placeOf(candidate) === log.leaves.length - 1);
    const bytes = forgedBytes(at(log.records, index).bytes, null, size);
    const last = placeOf(index);
    cut(files, log.leaves.length);
    files.records = files.records.map((kept) => (kept.equals(at(original.records, index)) ? Buffer.from(bytes) : kept));
    const hash = leafHash(bytes);
    files.leaves = files.leaves.with(
      last,
      formatLeaf({ ...nameOf(index), position: last, leafHash: hash }).slice(0, -1),
    );
    const hashes = [...log.leaves.map((leaf) => leaf.leafHash).slice(0, -1), hash];
    const { signing, key } = signingKey();
    const resigned = sizes.map((each) => {
      const note = signCheckpoint({ origin: LOG_ORIGIN, size: each, root: treeRoot(hashes.slice(0, each)) }, signing);
      return JSON.stringify({ at: LOG_START, note, size: each });
    });
    files.checkpoints = resigned;
    files.keys = formatKeys([key]);
    // Only the witness contradicts, and of everything.
    return { what: 'another last record, signed with another key', expected: { verdict: /^changed$/, position: 0 } };
  }

  return (kind: Kind, files: Files, raw: Map<string, Buffer>, random: Random): Spoil => {
    const index = pickRecord(random);
    const { stream, seq } = nameOf(index);
    const label = `${stream} #${seq}`;
    switch (kind) {
      case 'byte':
        return byte(files, raw, random);
      case 'delete':
        files.records = files.records.toSpliced(index, 1);
        return { what: `took out ${label}`, expected: named(index, /^(changed|truncated)$/) };
      case 'duplicate':
        files.records = files.records.toSpliced(index, 0, at(files.records, index));
        return { what: `doubled ${label}`, expected: named(index) };
      case 'swap': {
        const first = Math.min(index, log.records.length - 2);
        files.records = files.records
          .with(first, at(files.records, first + 1))
          .with(first + 1, at(files.records, first));
        return { what: `swapped ${label} with the next`, expected: named(first) };
      }
      case 'forge':
        return forge(files, random);
      case 'truncate': {
        const size = random.integer(1, log.leaves.length - 1);
        cut(files, size);
        return { what: `cut off after ${size}`, expected: { verdict: /^truncated$/, position: size } };
      }
      case 'roll back':
        return rollBack(files, random);
    }
  };
}
