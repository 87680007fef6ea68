import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

function simulate(...options: readonly string[]) {
  const command = ['--import', 'tsx', 'simulation/main.ts', '--steps', '10', ...options];
  const { status, stdout } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  return { status, totals: lines.at(-2)?.split(', ').sort(), figures: lines.at(-1) };
}

/** The worlds of a run are the same wherever they are lived. */
describe('a run in several processes', () => {
  it('adds up to what one process gives, each seed once', () => {
    const alone = simulate('--seeds', '60', '--processes', '1');
    const shared = simulate('--seeds', '60', '--processes', '2');
    expect(alone.status).toBe(0);
    expect(shared.status).toBe(0);
    expect(shared.totals).toEqual(alone.totals);
    expect(shared.figures).toMatch(/^60 seeds, 0 failed, [\d.]+ seeds\/s, [\d.]+ worlds\/s, [\d.]+ minutes$/);
  });
});
