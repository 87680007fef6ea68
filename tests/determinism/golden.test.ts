import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/platform/canonical-json.ts';
import { contentHash, sha256Hex } from '../../src/platform/hash.ts';
import { FIRST_PREV, type JournalRecord, type SealedRecord } from '../../src/pipeline/audit/record.ts';
import { stepOf } from '../../src/pipeline/executions/core/fold.ts';
import { replayRecords } from '../../src/pipeline/executions/core/replay.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';

/**
 * Records that were written once and are kept. Whatever Node version runs this has to derive the same bytes from the
 * same inputs; needs no database. `FIREBREAK_WRITE_GOLDEN=1` writes them anew, which is only right before the first
 * release or for a new record version beside the old ones.
 */

const FOLDER = join(import.meta.dirname, '../fixtures/golden');
const RECORDS = join(FOLDER, 'records.ndjson');
const PLANS = join(FOLDER, 'plans.json');

if (process.env['FIREBREAK_WRITE_GOLDEN'] === '1') await write();

async function write(): Promise<void> {
  const { testEngine } = await import('../support/engine.ts');
  const { richAccounts, richPlan } = await import('../support/rich-plan.ts');
  const engine = testEngine();
  engine.target.failNext('perform', 'error');
  engine.target.failNext('perform', 'lost_reply');
  await engine.start(richPlan, 'exe_golden', richAccounts);
  await engine.runUntilQuiet();
  const plans: Record<string, unknown> = {};
  const lines: string[] = [];
  for (const stream of await engine.journal.streams('execution/')) {
    for (const { bytes, record } of await engine.journal.readStream(stream)) {
      lines.push(bytes);
      const { input } = stepOf(record);
      if (input.type === 'start') plans[input.planHash] = await engine.journal.object(input.planHash);
    }
  }
  await engine.close();
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(RECORDS, `${lines.join('\n')}\n`);
  writeFileSync(PLANS, `${JSON.stringify(plans, null, 1)}\n`);
}

function streams(): ReadonlyMap<string, readonly SealedRecord[]> {
  const all = new Map<string, SealedRecord[]>();
  for (const bytes of readFileSync(RECORDS, 'utf8').trimEnd().split('\n')) {
    const record = JSON.parse(bytes) as JournalRecord; // our own fixture
    all.set(record.stream, [...(all.get(record.stream) ?? []), { record, bytes, hash: sha256Hex(bytes) }]);
  }
  return all;
}

describe('records of an earlier day', () => {
  it('are there', () => {
    expect(existsSync(RECORDS)).toBe(true);
    expect(streams().size).toBeGreaterThan(3);
  });

  it('have the same canonical bytes and form chains', () => {
    for (const records of streams().values()) {
      let prev = FIRST_PREV;
      for (const { record, bytes, hash } of records) {
        expect(canonicalJson(record)).toBe(bytes);
        expect(record.prev).toBe(prev);
        prev = hash;
      }
    }
  });

  it('come out of the core again, byte for byte', () => {
    const plans = JSON.parse(readFileSync(PLANS, 'utf8')) as Record<string, Plan>; // our own fixture
    for (const [stream, records] of streams()) {
      const [first] = records;
      const input = first === undefined ? null : stepOf(first.record).input;
      if (input?.type !== 'start') throw new Error(`${stream} does not begin with a start`);
      const plan = plans[input.planHash];
      expect(contentHash(plan)).toBe(input.planHash);
      if (plan !== undefined) expect({ stream, ...replayRecords(plan, records) }).toMatchObject({ identical: true });
    }
  });
});
