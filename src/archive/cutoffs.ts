import { RETENTION_CLASSES, type RetentionClass, type RetentionTerms } from '../platform/retention-config.ts';

export const DAY_MS = 24 * 3_600_000;

/** Business time, ms: what ended before it goes; null: what is of this class stays. */
export type Cutoffs = Readonly<Record<RetentionClass, number | null>>;

/** One time for some classes; the others stay. */
export function cutoffsOf(classes: readonly RetentionClass[], before: number): Cutoffs {
  return byClass((name) => (classes.includes(name) ? before : null));
}

/** As many days before `now` as are set for each of these classes. */
export function cutoffsOfTerms(
  terms: RetentionTerms,
  now: number,
  classes: readonly RetentionClass[] = RETENTION_CLASSES,
): Cutoffs {
  return byClass((name) => {
    const days = classes.includes(name) ? terms[name] : null;
    return days === null ? null : now - days * DAY_MS;
  });
}

function byClass(of: (name: RetentionClass) => number | null): Cutoffs {
  return { events: of('events'), incidents: of('incidents'), notices: of('notices'), tasks: of('tasks') };
}

/** The latest of them; null: nothing goes. */
export function latestCutoff(cutoffs: Cutoffs): number | null {
  const all = RETENTION_CLASSES.map((name) => cutoffs[name]).filter((each) => each !== null);
  return all.length === 0 ? null : Math.max(...all);
}
