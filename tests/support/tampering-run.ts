import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditVerifyCommand } from '../../src/cli/audit.ts';
import { processIo } from '../../src/cli/io.ts';
import { randomFrom } from '../../src/demo/random.ts';
import { hasPython, secondAnswers, type Answer } from './second-verifier.ts';
import { KINDS, type Expected, type Kind, type Tampered, type Victim } from './tampering.ts';

/** Spoils a log in every way, asks `firebreak audit verify` and the second verifier, and counts. Only tests import this file. */
export interface TamperingReport {
  readonly runs: Readonly<Record<Kind, number>>;
  /** Spoiled logs that were called intact, or in which another record was named. */
  readonly missed: readonly string[];
  /** Where the second verifier said something else. */
  readonly disagreed: readonly string[];
  readonly seconds: { readonly first: number; readonly second: number };
}

/** Spoiled copies that lie on disk at a time. */
const CHUNK = 100;
const MAX_LISTED = 10;

export async function tamper(
  victim: Victim,
  counts: Readonly<Record<Kind, number>>,
  seed: number,
): Promise<TamperingReport> {
  const random = randomFrom(seed);
  const missed: string[] = [];
  const disagreed: string[] = [];
  const seconds = { first: 0, second: 0 };
  const kinds = KINDS.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  for (let start = 0; start < kinds.length; start += CHUNK) {
    const scratch = mkdtempSync(join(tmpdir(), 'firebreak-tampered-'));
    const answered: { readonly tampered: Tampered; readonly directory: string; readonly answer: Answer }[] = [];
    for (const [index, kind] of kinds.slice(start, start + CHUNK).entries()) {
      const directory = join(scratch, `${index}`);
      const tampered = victim.spoil(kind, directory, random);
      const from = performance.now();
      const answer = await firstAnswer(victim, directory);
      seconds.first += (performance.now() - from) / 1_000;
      answered.push({ tampered, directory, answer });
      if (!fits(answer, tampered.expected))
        missed.push(`${tampered.kind}: ${tampered.what}: ${JSON.stringify(answer)}`);
    }
    if (hasPython) {
      const from = performance.now();
      const tasks = answered.map(({ directory }) => {
        const { directory: exported, ...rest } = victim.options(directory);
        const source = exported === undefined ? rest : { ...rest, export: exported };
        return { ...source, witness: victim.witness, witness_key: victim.witnessKey };
      });
      for (const [index, second] of secondAnswers(tasks, join(scratch, 'list')).entries()) {
        const one = answered[index];
        if (one === undefined || same(one.answer, second)) continue;
        disagreed.push(`${one.tampered.what}: ${JSON.stringify(one.answer)} but ${JSON.stringify(second)}`);
      }
      seconds.second += (performance.now() - from) / 1_000;
    }
    rmSync(scratch, { recursive: true });
  }
  return { runs: counts, missed: missed.slice(0, MAX_LISTED), disagreed: disagreed.slice(0, MAX_LISTED), seconds };
}

/** The real entry point: what `firebreak audit verify --json` says of the copy. */
export async function firstAnswer(victim: Victim, directory: string): Promise<Answer> {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  const io = { ...processIo(), stdout: { write } };
  const { witness, witnessKey } = victim;
  await auditVerifyCommand({ ...victim.options(directory), witness, witnessKey, json: true }, io);
  const { verdict, firstBad, coveredSize, anchoredSize } = JSON.parse(said) as Answer; // the command's own output
  return { verdict, firstBad, coveredSize, anchoredSize };
}

function fits({ verdict, firstBad }: Answer, expected: Expected): boolean {
  if (!expected.verdict.test(verdict) || firstBad === null) return false;
  const { stream, seq, position } = expected;
  return (
    (stream === undefined || firstBad.stream === stream) &&
    (seq === undefined || firstBad.seq === seq) &&
    (position === undefined || firstBad.position === position)
  );
}

function same(a: Answer, b: Answer): boolean {
  const key = ({ verdict, firstBad, coveredSize, anchoredSize }: Answer): string =>
    JSON.stringify([verdict, firstBad?.stream, firstBad?.seq, firstBad?.position, coveredSize, anchoredSize]);
  return key(a) === key(b);
}
