import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// Casts of replies in this file are safe: where a shape is wrong the expectation that follows fails.
const PROCESS = fileURLToPath(new URL('./process.ts', import.meta.url));

function run(environment: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', 'tsx', PROCESS], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return { child, errors: () => errors };
}

describe('the sandbox process', () => {
  it('prints its URL as one JSON line, serves, and ends on SIGTERM', async () => {
    const { child } = run({
      SANDBOX_TOKEN: 'a token for tests only',
      SANDBOX_NOW: '1772323200000',
      SANDBOX_EMPTY: '1',
    });
    try {
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      const line = JSON.parse(chunk.toString()) as { url: string; pid: number };
      expect(chunk.toString()).toMatch(/^\{.*\}\n$/);
      expect(line.pid).toBe(child.pid);
      const reply = await fetch(`${line.url}/clock`, { headers: { authorization: 'Bearer a token for tests only' } });
      expect(await reply.json()).toEqual({ now: 1_772_323_200_000 });
    } finally {
      child.kill('SIGTERM');
    }
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('does not start without a token or with a wrong number', async () => {
    const wrong: Record<string, string>[] = [{}, { SANDBOX_TOKEN: 'a token for tests only', SANDBOX_PORT: 'http' }];
    for (const environment of wrong) {
      const { child, errors } = run(environment);
      expect(await once(child, 'exit')).toEqual([1, null]);
      expect(errors()).toMatch(/^SANDBOX_(TOKEN|PORT) has to be/);
    }
  });
});
