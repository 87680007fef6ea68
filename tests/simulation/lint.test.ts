import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The rule that keeps clock, chance, timers, network and files out of what is simulated, on files that break it. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-lint-'));
  copyFileSync('.oxlintrc.json', join(folder, '.oxlintrc.json'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function lint(file: string, text: string): string {
  const path = join(folder, file);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  const oxlint = resolve('node_modules/oxlint/bin/oxlint');
  return spawnSync(process.execPath, [oxlint, '.'], { cwd: folder, encoding: 'utf8' }).stdout;
}

const FORBIDDEN = {
  'a timer': 'export const wake = (act: () => void): unknown => setTimeout(act, 5);',
  'the wall clock': 'export const now = (): number => Date.now();',
  chance: 'export const luck = (): number => Math.random();',
  'machine time': 'export const now = (): number => performance.now();',
  'the environment': "export const home = (): unknown => process.env['HOME'];",
  'the network': "import { connect } from 'node:net';\nexport const dial = (): unknown => connect(1);",
  files: "import { readFileSync } from 'node:fs';\nexport const read = (): unknown => readFileSync('x');",
};

describe('what is simulated', () => {
  it.each(Object.entries(FORBIDDEN))('may not use %s', (_name, text) => {
    expect(lint('src/pipeline/executions/outlaw.ts', text)).toContain('Simulated code waits through Machine');
    expect(lint('src/journal/group-commit.ts', text)).toContain('Simulated code waits through Machine');
  });

  it('is not everything', () => {
    expect(lint('src/platform/anything.ts', FORBIDDEN.chance)).not.toContain('Simulated code');
  });
});
