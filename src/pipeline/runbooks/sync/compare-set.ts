import { sha256Hex } from '../../../platform/hash.ts';
import type { StoredView } from '../../../journal/journal.ts';
import { runbookOf } from '../stored-runbook.ts';
import type { SetRunbook } from './judge-set.ts';

/** One runbook that differs between Git and here. */
export interface Difference {
  readonly id: string;
  /** In the repository; null: it is not there. */
  readonly path: string | null;
  /** The version here; null: it is not here. */
  readonly version: number | null;
  readonly why: string;
}

export interface Drift {
  /** In Git only. */
  readonly onlyThere: readonly Difference[];
  readonly different: readonly Difference[];
  /** Here only, and once taken from Git, or Git is the only way: it would be retired. */
  readonly onlyHere: readonly Difference[];
  /** Here only, and put by people: it stays. */
  readonly byHand: readonly Difference[];
  readonly same: number;
}

/**
 * What a sync would change. A file that is there is a runbook that runs: one that was switched off here is different.
 * @param managed ids that the last sync took from Git
 * @param readOnly Git is the only way: what is here and not there goes, whoever put it
 */
export function compareSet(
  there: readonly SetRunbook[],
  here: readonly StoredView[],
  managed: readonly string[],
  readOnly: boolean,
): Drift {
  const views = new Map(here.map((view) => [view.id, view]));
  const ids = new Set(there.map(({ id }) => id));
  const missing = here.filter(({ id }) => !ids.has(id));
  const goes = ({ id }: StoredView): boolean => readOnly || managed.includes(id);
  const compared = there.map((runbook) => ({
    runbook,
    difference: differenceOf(runbook, views.get(runbook.id) ?? null),
  }));
  const different = compared.flatMap(({ difference }) => difference ?? []);
  return {
    onlyThere: different.filter(({ version }) => version === null),
    different: different.filter(({ version }) => version !== null),
    onlyHere: missing.filter(goes).map((view) => onlyHere(view, 'it is not in Git')),
    byHand: missing.filter((view) => !goes(view)).map((view) => onlyHere(view, 'people put it here')),
    same: compared.filter(({ difference }) => difference === null).length,
  };
}

function differenceOf({ id, file }: SetRunbook, view: StoredView | null): Difference | null {
  if (view === null) return { id, path: file.path, version: null, why: 'it is not here' };
  const { document, version } = runbookOf(view);
  const there = { id, path: file.path, version };
  if (document.sha256 !== sha256Hex(file.text)) {
    const why = document.git === undefined ? 'people put another text here' : 'its text has changed';
    return { ...there, why };
  }
  if (!document.enabled) return { ...there, why: 'it is switched off here' };
  return document.git === undefined ? { ...there, why: 'the same text was put by people' } : null;
}

function onlyHere(view: StoredView, why: string): Difference {
  const { document, version } = runbookOf(view);
  return { id: view.id, path: document.git?.path ?? null, version, why };
}

/** Whether Git and the server say the same; what people put beside Git, where they may, does not count. */
export function isInStep({ onlyThere, different, onlyHere: gone }: Drift): boolean {
  return onlyThere.length === 0 && different.length === 0 && gone.length === 0;
}
