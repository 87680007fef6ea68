import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from '../../simulation/planted/bugs.ts';
import { withBug } from '../../simulation/planted/copy.ts';
import { hunt } from '../../simulation/planted/hunt.ts';

/** The bugs that are found within a few worlds; `npm run simulate -- --planted` hunts all of them. */
const CHEAP: readonly string[] = [
  'seq-not-checked',
  'living-robbed',
  'stale-told-as-applied',
  'effect-before-commit',
  'stage-after-stop',
  'timer-row-kept',
  'timer-twice',
  'vote-twice',
  'deny-ignored',
  'oldest-first',
  'key-with-attempt',
  'undo-under-the-perform-key',
  'released-too-early',
  'parent-not-told',
  'one-retry-too-many',
  'resume-not-heard',
];

describe('planted bugs', () => {
  it('are at least thirty, two of each kind, and stand where they are meant to', () => {
    expect(PLANTED_BUGS.length).toBeGreaterThanOrEqual(30);
    for (const { kind } of PLANTED_BUGS)
      expect(PLANTED_BUGS.filter((bug) => bug.kind === kind).length, kind).toBeGreaterThanOrEqual(2);
    for (const bug of PLANTED_BUGS) {
      const text = readFileSync(bug.file, 'utf8');
      expect(withBug(bug, text), bug.name).not.toBe(text);
    }
  });

  it.each(CHEAP)('%s is found', async (name) => {
    const bug = PLANTED_BUGS.find((each) => each.name === name);
    if (bug === undefined) throw new Error(`there is no planted bug ${name}`);
    const { rule } = await hunt(bug, 600, 1);
    expect(rule, 'nothing was noticed').not.toBe(null);
  });
});
