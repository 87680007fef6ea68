import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explore } from '../../simulation/explore/explorer.ts';
import { declarationOf, DEFAULT_SETTING } from '../../simulation/explore/setting.ts';
import { smallSettings } from '../../simulation/explore/settings.ts';
import { applyWrite, newCell, verify, type WriteCall } from '../../simulation/explore/target.ts';
import { PLANTED_BUGS } from '../../simulation/planted/bugs.ts';
import { plantedCopy } from '../../simulation/planted/copy.ts';
import { cellsOf, CONTAINED, MARKS } from '../../simulation/world/cells.ts';

import { seededRandom } from '../../simulation/world/random.ts';
import { scheduler } from '../../simulation/world/scheduler.ts';
import type { Call } from '../../simulation/world/targets.ts';
import { hashedTrace } from '../../simulation/world/trace.ts';

/** Every way through small worlds in which executions meet at one target: see simulation/explore/. */

/**
 * States that the smallest setting of each name must visit at least, so that an exploration that has become blind is noticed.
 * About two thirds of what they were when this was written.
 */
const FLOORS: ReadonlyMap<string, number> = new Map([
  ['faults 0, deaths 0, acts 2', 500],
  ['faults 1, deaths 0, acts 0', 4_000],
  ['faults 0, deaths 1, acts 1', 1_600],
  ['faults 1, deaths 0, acts 1', 5_500],
  ['faults 0, deaths 1, acts 2', 8_000],
]);

describe('every way through a small world', () => {
  it.each(smallSettings())('%s', async (name, setting) => {
    const { broken, complete, states, transitions, ends } = await explore(setting);
    expect(broken).toBe(null);
    expect(complete).toBe(true);
    const [floor = Infinity] = [...FLOORS].flatMap(([bounds, count]) => (name.endsWith(bounds) ? [count] : []));
    expect(states).toBeGreaterThan(floor);
    expect(transitions).toBeGreaterThan(states);
    // One alone, both, shared, undone, left to the other: at least.
    expect(ends.size).toBeGreaterThan(5);
  });
});

describe('a bug that is put in on purpose', () => {
  it.each([
    'released-too-early',
    'shared-hold-undone-as-own',
    'sharer-unrecognised',
    'shared-hold-not-kept',
    'no-straggler-margin',
    'prior-of-one-that-has-left',
    'foreign-taken-for-final',
  ])('%s is found', async (name) => {
    const bug = PLANTED_BUGS.find((each) => each.name === name);
    if (bug === undefined) throw new Error(`there is no planted bug ${name}`);
    const copy = plantedCopy(bug);
    try {
      expect(await told(copy.folder)).toMatch(/BROKEN (excuse|holds|rows|left|stuck|stragglers): /);
    } finally {
      copy.remove();
    }
  });
});

/** What `--explore` says in a folder, up to the first broken promise. */
function told(folder: string): Promise<string> {
  const options = ['--import', 'tsx', 'simulation/main.ts', '--explore', '--stop'];
  const child = spawn(process.execPath, options, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

describe('the target of the small worlds', () => {
  const keys = ['a', 'b'] as const;
  const stepOf = fc.oneof(
    fc.record({ kind: fc.constant('perform' as const), key: fc.constantFrom(...keys) }),
    fc.record({
      kind: fc.constant('undo' as const),
      key: fc.constantFrom('undo a', 'undo b'),
      effectKey: fc.constantFrom(...keys),
      prior: fc.constantFrom('open', CONTAINED),
      changed: fc.constantFrom(true, false, null),
    }),
  );

  it('answers as the targets of the simulation do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MARKS),
        fc.constantFrom('native-key' as const, 'state' as const),
        fc.array(stepOf, { maxLength: 12 }),
        (marks, idempotency, steps) => {
          const setting = { ...DEFAULT_SETTING, marks, idempotency };
          const trace = hashedTrace();
          const world = cellsOf({ scheduler: scheduler(seededRandom(1), trace), trace, wall: () => 0, marks });
          const declaration = declarationOf(setting);
          const target = { type: 'user', id: 'alice' } as const;
          const { signal } = new AbortController();
          const callOf = (kind: Call['kind'], key: string, effectKey: string): Call => {
            return { kind, tag: 'tag', key, effectKey, target, declaration, host: 'host', signal };
          };
          let cell = newCell('open');
          for (const step of steps) {
            const reply = step.kind === 'undo' && step.changed !== null ? { changed: step.changed } : null;
            const prior = step.kind === 'undo' ? { value: step.prior } : null;
            const effectKey = step.kind === 'undo' ? step.effectKey : step.key;
            const call: WriteCall = { kind: step.kind, key: step.key, effectKey, prior, reply };
            const theirs = callOf(step.kind, step.key, effectKey);
            const effects = world.done.length;
            const expected = step.kind === 'perform' ? world.perform(theirs) : world.undo(theirs, step.prior, reply);
            const written = applyWrite(cell, call, setting);
            cell = written.cell;
            expect(written.answer).toEqual(expected);
            expect(written.effect).toBe(world.done.length > effects);
            expect(cell.value).toBe(world.read(callOf('observe', 'a', 'a')));
            for (const key of keys)
              expect(verify(cell, key, marks).says).toBe(world.verify(callOf('verify', key, key), 0));
          }
        },
      ),
    );
  });
});
