import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

/** The whole demo as a user starts it: the compiled program in processes of its own. */
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const built = existsSync(MAIN);
if (!built)
  process.stderr.write('SKIPPED: the demo is not tested end to end, because dist/main.js is missing (npm run build)\n');

/** One run takes 6 to 10 s on two cores; far more is a hang. */
const RUN_MS = 180_000;

const RESULT = z.strictObject({
  scenario: z.string(),
  contained: z.boolean(),
  verifiedAtTarget: z.boolean(),
  auditVerified: z.boolean(),
  replayIdentical: z.boolean(),
  falseAlarms: z.int(),
  mttcMs: z.int().nullable(),
  realMs: z.int().nullable(),
  records: z.int(),
});
type Result = z.infer<typeof RESULT>;

let temporary: string;
let children: ChildProcess[] = [];

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'demo-test-'));
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
  await rm(temporary, { recursive: true, force: true });
});

function launch(...args: readonly string[]): { child: ChildProcess; output: () => string } {
  // Its temporary files go where this test can see whether it cleaned up.
  const env = { ...process.env, TMPDIR: temporary, NO_COLOR: '' };
  const child = spawn(process.execPath, [MAIN, 'demo', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { child, output: () => text };
}

async function finished(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null]; // 'close' has (code, signal)
  return code;
}

async function runJson(...args: readonly string[]): Promise<{ code: number | null; results: Map<string, Result> }> {
  const { child, output } = launch('--once', '--json', ...args);
  const code = await finished(child);
  const lines = output().trim().split('\n');
  const results = lines.map((line) => RESULT.parse(JSON.parse(line)));
  expect(await readdir(temporary)).toEqual([]);
  return { code, results: new Map(results.map((result) => [result.scenario, result])) };
}

const ALL_GOOD = {
  contained: true,
  verifiedAtTarget: true,
  auditVerified: true,
  replayIdentical: true,
  falseAlarms: 0,
};

describe.skipIf(!built)('the demo end to end', () => {
  it('contains four attacks, proves it, and ends with 0', { timeout: RUN_MS }, async () => {
    const { code, results } = await runJson('--seed', '1');
    expect([...results.keys()]).toEqual(['impossible-travel', '2fa-bypass', 'privilege-action', 'campaign']);
    for (const result of results.values()) {
      expect(result).toMatchObject(ALL_GOOD);
      expect(result.records).toBeGreaterThan(5);
      expect(result.mttcMs).toBeGreaterThanOrEqual(0);
    }
    expect(code).toBe(0);
  });

  it('notices a session kill that kills nothing', { timeout: RUN_MS }, async () => {
    const { code, results } = await runJson('--seed', '2', '--sabotage', 'lying-kill');
    for (const id of ['impossible-travel', 'campaign']) {
      expect(results.get(id)).toMatchObject({ ...ALL_GOOD, contained: false, verifiedAtTarget: false });
    }
    for (const id of ['2fa-bypass', 'privilege-action']) expect(results.get(id)).toMatchObject(ALL_GOOD);
    expect(code).toBe(1);
  });

  it('notices a record that was tampered with', { timeout: RUN_MS }, async () => {
    const { code, results } = await runJson('--seed', '3', '--sabotage', 'tampered-record');
    expect(results.size).toBe(4);
    for (const result of results.values()) {
      expect(result).toMatchObject({ contained: true, verifiedAtTarget: true, auditVerified: false, falseAlarms: 0 });
    }
    expect(code).toBe(1);
  });

  it('notices an attack that nobody saw', { timeout: RUN_MS }, async () => {
    const { code, results } = await runJson('--seed', '4', '--sabotage', 'missed-event');
    const missed = [...results.values()].filter(({ contained }) => !contained);
    expect(missed).toHaveLength(1);
    expect(missed[0]).toMatchObject({ verifiedAtTarget: false, mttcMs: null, realMs: null, records: 0 });
    expect([...results.values()].filter((result) => result.contained && result.verifiedAtTarget)).toHaveLength(3);
    expect(code).toBe(1);
  });

  it(
    'stays up without --once, says where, and leaves nothing behind when interrupted',
    { timeout: RUN_MS },
    async () => {
      const { child, output } = launch('--seed', '5');
      await expect.poll(output, { timeout: RUN_MS / 2, interval: 200 }).toContain('Ctrl-C ends it');
      // No terminal, so no escape sequence.
      expect(output()).not.toContain('\u001b');
      const url = /The server stays up at (http:\S+) /.exec(output())?.[1] ?? '';
      const key = /Key of the administrator: (\S+)/.exec(output())?.[1] ?? '';
      const company = /people at (http:\/\/[\d.]+:\d+)/.exec(output())?.[1] ?? '';
      const reply = await fetch(`${url}/api/incidents`, { headers: { authorization: `Bearer ${key}` } });
      expect(reply.status).toBe(200);
      await expect(fetch(`${company}/healthz`).then(({ status }) => status)).resolves.toBe(200);
      child.kill('SIGINT');
      expect(await finished(child)).toBe(0);
      await expect(fetch(`${url}/healthz`)).rejects.toThrow();
      await expect(fetch(`${company}/healthz`)).rejects.toThrow();
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it('refuses a data directory that is in use, and a seed that is none', { timeout: RUN_MS }, async () => {
    const data = await mkdtemp(join(tmpdir(), 'demo-test-data-'));
    try {
      expect((await runJson('--seed', '6', '--data', data)).code).toBe(0);
      expect(await readdir(data)).toContain('journal.sqlite');
      const again = launch('--once', '--seed', '6', '--data', data);
      expect(await finished(again.child)).toBe(1);
      expect(again.output()).toContain('in use already');
    } finally {
      await rm(data, { recursive: true, force: true });
    }
    const wrong = launch('--once', '--seed', 'many');
    expect(await finished(wrong.child)).toBe(1);
    expect(wrong.output()).toContain('--seed is a whole number');
  });
});
