import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutateBytes, referenceLog } from '../support/byte-mutations.ts';
import { hasPython } from '../support/second-verifier.ts';
import { exportVictim } from '../support/tampered-exports.ts';
import { journalVictim } from '../support/tampered-journals.ts';
import { tamper } from '../support/tampering-run.ts';
import { KINDS } from '../support/tampering.ts';

/**
 * The long version of `mutations.test.ts`, as a command: every byte of a log of 1 MB, and 2,000 + 6 x 200 spoiled
 * exports and as many journals. Arguments: seed (1), bytes of records in each of the spoiled logs (100,000).
 */
const COUNTS = { byte: 2_000, delete: 200, duplicate: 200, swap: 200, forge: 200, truncate: 200, 'roll back': 200 };
const BYTES = 1_000_000;
/** The limit for the first part, in seconds. */
const LIMIT_SECONDS = 60;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seed = Number(process.argv[2] ?? 1);
const spoiledBytes = Number(process.argv[3] ?? 100_000);
let failed = false;

const from = performance.now();
const bytes = mutateBytes(referenceLog(BYTES), seed, 'every');
const took = (performance.now() - from) / 1_000;
say(
  `every byte: ${bytes.mutations} mutations of ${bytes.bytes} bytes in ${took.toFixed(1)} s, missed ${bytes.missed.length}`,
);
for (const missed of bytes.missed) say(`  ${missed}`);
failed ||= bytes.missed.length > 0 || bytes.mutations < BYTES || took > LIMIT_SECONDS;

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-mutations-'));
try {
  const log = referenceLog(spoiledBytes, 20);
  const stages = 20;
  const recordsEach = Math.ceil(log.records.length / stages);
  const shape = { stages, recordsEach, streams: Math.ceil(log.records.length / 10) };
  const victims = [
    await exportVictim(log, join(scratch, 'export')),
    await journalVictim(shape, join(scratch, 'journal')),
  ];
  for (const victim of victims) {
    const { runs, missed, disagreed, seconds } = await tamper(victim, COUNTS, seed);
    const counts = KINDS.map((kind) => `${kind} ${runs[kind]}`).join(', ');
    const second = hasPython ? `second verifier disagreed ${disagreed.length}` : 'second verifier NOT ASKED';
    const times = `${seconds.first.toFixed(0)} s and ${seconds.second.toFixed(0)} s`;
    say(`${victim.name}: ${counts}: missed ${missed.length}, ${second} (${times})`);
    for (const line of [...missed, ...disagreed]) say(`  ${line}`);
    failed ||= missed.length > 0 || disagreed.length > 0 || !hasPython;
  }
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = failed ? 1 : 0;
