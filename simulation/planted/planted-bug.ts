/**
 * Bugs that are put in on purpose, each as a change of the text of one file. They are applied to a copy of the sources,
 * never to the sources, so that everything that runs (a replay, too) runs with the bug.
 */
export interface PlantedBug {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A bug by its parts. */
export function bug(kind: string, name: string, file: string, find: string, replace: string): PlantedBug {
  return { kind, name, file, find, replace };
}
