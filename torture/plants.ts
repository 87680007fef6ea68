import type { StoreKind } from './stores.ts';

/**
 * Bugs that are planted in a copy of the compiled program, so that it is known that this harness would find them. The
 * product has no switch for them.
 */

/** `find` stands in `file` (below dist) exactly once. */
export interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** How long the planted commit comes after its effect, in ms: what a slow disk takes. */
const COMMIT_LATE_MS = 25;

const RUNNER = 'pipeline/executions/runner.js';
const DUE_TIMERS = 'pipeline/executions/due-timers.js';
/** The line after which an input is decided and not yet committed. */
const DECIDED = 'const { change, newEffects, tells } = changeOf(plan, known, seq, steps, trace, teller !== undefined);';
const TIMERS = 'pipeline/executions/core/timers.js';

const PLANTS: ReadonlyMap<string, readonly Edit[]> = new Map([
  [
    // A second process may write to a journal that somebody writes already.
    'fence-off',
    [{ file: 'journal/sqlite/process-fence.js', find: `database.exec('begin exclusive');`, replace: '' }],
  ],
  [
    // What is to be done is begun before it is on disk.
    'effect-first',
    [
      {
        file: RUNNER,
        find: DECIDED,
        replace: `${DECIDED}
            for (const effect of newEffects)
                launcher.launch({ ...before, state: steps.at(-1).decision.state, seq: before.seq + steps.length }, effect);
            await new Promise((resolve) => setTimeout(resolve, ${COMMIT_LATE_MS}));`,
      },
      {
        file: RUNNER,
        find: 'return { answers, loaded, newEffects, tells, holder };',
        replace: 'return { answers, loaded, newEffects: [], tells, holder };',
      },
    ],
  ],
  [
    // A timer fires twice, and is believed both times.
    'timer-twice',
    [
      {
        file: DUE_TIMERS,
        find: 'return due.length;',
        replace: `await Promise.all(due.map(({ execution, name, generation }) => ports.submit(execution, { type: 'timer', name, generation })));
            return due.length;`,
      },
      { file: TIMERS, find: 'if (held === undefined)', replace: 'if (false)' },
      { file: TIMERS, find: 'if (held.due > input.at)', replace: 'if (false)' },
      { file: TIMERS, find: `case 'backoff':`, replace: `case 'performing':\n        case 'backoff':` },
    ],
  ],
]);

/** With replicas the fence is the lease: who was taken for dead goes on calling. */
const LEASE_OFF: readonly Edit[] = [
  {
    file: 'pipeline/executions/call-target.js',
    find: 'if (members.processId !== holder || !members.holds())',
    replace: 'if (false)',
  },
];

export const PLANT_NAMES: readonly string[] = [...PLANTS.keys()];

/** The edits that plant a bug. @throws Error for a name that there is none of. */
export function plantsOf(name: string, store: StoreKind): readonly Edit[] {
  const edits = name === 'fence-off' && store === 'postgres' ? LEASE_OFF : PLANTS.get(name);
  if (edits === undefined) throw new Error(`--planted must be one of ${PLANT_NAMES.join(', ')}`);
  return edits;
}
