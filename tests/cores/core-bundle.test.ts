import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleCore } from '../../scripts/bundle-core.js';
import { hash } from '../../scripts/core-sha256.js';
import { runCore } from '../../src/cli/run-core.ts';
import type { JournalRecord } from '../../src/pipeline/audit/record.ts';
import { stepOf } from '../../src/pipeline/executions/core/fold.ts';
import type { Plan } from '../../src/pipeline/playbooks/plan.ts';
import { PasskeyPlay } from '../passkeys/core-play.ts';
import { edited } from '../support/edited-core.ts';

/** The core as journals keep it: one text that needs nothing but the language. */

const FOLDER = join(import.meta.dirname, '../fixtures/golden');
const records: readonly JournalRecord[] = readFileSync(join(FOLDER, 'records.ndjson'), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as JournalRecord); // our own fixture
const plans = JSON.parse(readFileSync(join(FOLDER, 'plans.json'), 'utf8')) as Record<string, Plan>; // our own fixture
const streams = [...new Set(records.map(({ stream }) => stream))].map((name) =>
  records.filter(({ stream }) => stream === name),
);

async function replayAll(code: string) {
  return Promise.all(
    streams.map((stream) => {
      const [first] = stream;
      const input = first === undefined ? null : stepOf(first).input;
      const plan = input?.type === 'start' ? plans[input.planHash] : undefined;
      if (plan === undefined) throw new Error('a stream begins with a start');
      const seqs = stream.map(({ seq }) => seq);
      return runCore('a core', code, { plan, records: stream.map((record) => ({ record })), seqs });
    }),
  );
}

describe('the core in one text', () => {
  let code: string;
  beforeAll(async () => {
    code = await bundleCore();
  });

  it('is the same whenever it is made, and names no place of the machine that made it', async () => {
    expect(await bundleCore()).toBe(code);
    expect(code).not.toContain(process.cwd());
    expect(code).not.toMatch(/\brequire\(|\bprocess\.|\bfetch\(|import\(/);
  });

  it('decides as the program does: records of an earlier day come out of it again', async () => {
    expect(streams.length).toBeGreaterThan(3);
    for (const replay of await replayAll(code)) expect(replay).toMatchObject({ identical: true });
  });

  it('decides about what passkeys signed as the program does', async () => {
    const play = new PasskeyPlay(2, [true], { ana: 'SECURITY_ADMIN', ben: 'SECURITY_ADMIN', cleo: 'SECURITY_ADMIN' });
    const answers = (['none', 'other site', 'right'] as const).map((form) =>
      play.vote({ who: 'ana', decision: 'APPROVE', form }),
    );
    expect(answers).toEqual(['passkey_needed', 'passkey_refused', 'counted']);
    expect(play.vote({ who: 'ben', decision: 'APPROVE', form: 'right' })).toBe('counted');
    const written = play.records.map(({ input, facts }, index) => ({
      record: {
        stream: 'execution/exe_passkeys',
        seq: index + 1,
        type: 'execution.advanced',
        v: 1,
        at: input.at,
        data: { facts, input },
      } as unknown as JournalRecord, // what is replayed of a record
    }));
    const task = { plan: play.plan, records: written, seqs: written.map(({ record }) => record.seq) };
    const replay = await runCore('a core', code, task);
    expect(replay).toMatchObject({ identical: true, records: written.length });
  });

  it('is another one where something is decided otherwise', async () => {
    const edit = {
      from: 'generation: generation + 1,\n      attempt: 0',
      to: 'generation: generation + 2,\n      attempt: 0',
    };
    const other = await bundleCore({ plugins: [edited('src/pipeline/executions/core/evolve.ts', edit)] });
    expect(other).not.toBe(code);
  });

  it('hashes as Node does', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 300 }), fc.uint8Array()),
        fc.constantFrom('hex', 'base64url'),
        (data, encoding) => {
          expect(hash('sha256', data, encoding)).toBe(createHash('sha256').update(data).digest(encoding));
        },
      ),
    );
  });
});
