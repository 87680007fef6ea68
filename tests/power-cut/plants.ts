import type { Edit } from '../../torture/plants.ts';
import type { Lie } from './preload.ts';

/** Bugs that lose what was acknowledged when the power is cut, and that a mere kill never shows: each must be found. */
export interface Plant {
  readonly name: string;
  /** Of the disk; null: it is honest. */
  readonly lie: Lie | null;
  /** In a copy of the compiled server. */
  readonly edits: readonly Edit[];
}

const OPEN = 'journal/sqlite/open.js';

/**
 * No bug: SQLite copies its log back after 100 pages instead of 4,000, so that a short life has many of the moments at
 * which the order of syncs matters most.
 */
export const SHORT_LOG: Edit = {
  file: OPEN,
  find: 'const CHECKPOINT_PAGES = 4_000;',
  replace: 'const CHECKPOINT_PAGES = 100;',
};

const FULL = `database.pragma('synchronous = FULL');`;
const COMMIT = 'const result = await ports.committer.submit(outcome.change);';

export const PLANTS: readonly Plant[] = [
  { name: 'a disk that omits syncs', lie: 'omitted', edits: [] },
  { name: 'a disk that syncs a little later than it says', lie: 'late', edits: [] },
  {
    name: 'a server that lets SQLite commit without a sync',
    lie: null,
    edits: [{ file: OPEN, find: FULL, replace: FULL.replace('FULL', 'NORMAL') }],
  },
  {
    name: 'a server that acknowledges events before they are committed',
    lie: null,
    edits: [
      {
        file: 'pipeline/intake/intake.js',
        find: COMMIT,
        replace: `ports.committer.submit(outcome.change).catch(() => undefined); const result = { status: 'applied' };`,
      },
    ],
  },
];
