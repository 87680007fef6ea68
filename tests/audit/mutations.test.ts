import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutateBytes, referenceLog } from '../support/byte-mutations.ts';
import { generateLog } from '../support/generated-log.ts';
import { hasPython, secondAnswers } from '../support/second-verifier.ts';
import { exportVictim } from '../support/tampered-exports.ts';
import { journalVictim } from '../support/tampered-journals.ts';
import { firstAnswer, tamper } from '../support/tampering-run.ts';
import type { Victim } from '../support/tampering.ts';

/** The short version; `npm run verify:mutations` changes every byte of the reference log and spoils a hundred times as often. */
const PLACES = 40_000;
const COUNTS = { byte: 100, delete: 20, duplicate: 20, swap: 20, forge: 20, truncate: 20, 'roll back': 20 };

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-mutations-'));
const victims: Victim[] = [];
beforeAll(async () => {
  const log = generateLog({ streams: 12, records: 140, batch: 15, unsequenced: 6 });
  victims.push(await exportVictim(log, join(scratch, 'export')));
  victims.push(await journalVictim({ stages: 8, recordsEach: 16, streams: 9 }, join(scratch, 'journal')));
});
afterAll(() => rmSync(scratch, { recursive: true }));

describe('a record and its successor', () => {
  it('tell of a byte that was changed in a log of 1 MB, wherever it is', () => {
    const { bytes, mutations, missed } = mutateBytes(referenceLog(1_000_000), 1, PLACES);
    expect({ mutations, missed }).toEqual({ mutations: PLACES, missed: [] });
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });
});

describe('an export without its last records', () => {
  it('is cut off, by both verifiers, also when the last had no leaf yet', async () => {
    const log = generateLog({ streams: 4, records: 20, batch: 5, unsequenced: 3 });
    const victim = await exportVictim(log, join(scratch, 'short'));
    const last = log.unsequenced.at(-1);
    const whole = join(scratch, 'short', 'whole');
    const file = join(whole, 'records.ndjson');
    const index = log.records.findIndex(({ record }) => record.stream === last?.stream && record.seq === last.seq);
    const lines = readFileSync(file, 'utf8').split('\n');
    writeFileSync(file, lines.toSpliced(index, 1).join('\n'));
    const first = await firstAnswer(victim, whole);
    expect(first).toMatchObject({
      verdict: 'truncated',
      firstBad: { stream: last?.stream, seq: last?.seq, position: null },
    });
    if (!hasPython) return;
    const task = { export: whole, witness: victim.witness, witness_key: victim.witnessKey };
    expect(secondAnswers([task], join(scratch, 'list'))).toEqual([first]);
  });
});

describe.each(['export', 'journal'] as const)('a spoiled %s', (name) => {
  const victim = (): Victim => {
    const found = victims.find((each) => each.name === name);
    if (found === undefined) throw new Error('it was made before');
    return found;
  };
  /** Where the unspoiled one lies: beside the copies. */
  const whole = join(scratch, name === 'export' ? 'export/whole' : 'journal');

  it('is intact before', async () => {
    const first = await firstAnswer(victim(), whole);
    expect(first).toMatchObject({ verdict: 'intact', firstBad: null });
    expect(first.anchoredSize).toBeGreaterThan(100);
    if (!hasPython) return;
    const { directory, ...rest } = victim().options(whole);
    const { witness, witnessKey } = victim();
    const task = { ...rest, ...(directory === undefined ? {} : { export: directory }), witness };
    expect(secondAnswers([{ ...task, witness_key: witnessKey }], join(scratch, 'list'))).toEqual([first]);
  });

  it('is found, the first bad record is named, and the second verifier agrees', async () => {
    const report = await tamper(victim(), COUNTS, 1);
    expect({ missed: report.missed, disagreed: report.disagreed }).toEqual({ missed: [], disagreed: [] });
  });
});
