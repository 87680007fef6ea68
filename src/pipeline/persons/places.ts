/**
 * Places in data that patterns name, made ready: which patterns still may match is known from one name to the next, and no record has to
 * go through all of them again.
 */
export interface Place {
  /** The first of the patterns that end here; undefined: none does. */
  readonly label: number | undefined;
  /** Where members of these names lead. */
  readonly byName: ReadonlyMap<string, Place>;
  /** Where items and all other members lead; null: to nothing that is named. */
  readonly any: Place | null;
}

export interface LabelledPattern {
  /** Names of members from the outside to the inside; `*`: any one member or item. */
  readonly parts: readonly string[];
  readonly label: number;
}

/** A JSON pointer pattern without escapes as its names. */
export function partsOf(pattern: string): readonly string[] {
  return pattern.split('/').slice(1);
}

/** @param patterns of those that match the same place, the first counts. */
export function placeOf(patterns: readonly LabelledPattern[]): Place {
  const names = new Set(
    patterns.flatMap(({ parts: [first] }) => (first === undefined || first === '*' ? [] : [first])),
  );
  const byName = new Map<string, Place>();
  for (const name of names) byName.set(name, placeOf(below(patterns, (first) => first === '*' || first === name)));
  const any = below(patterns, (first) => first === '*');
  return {
    label: patterns.find(({ parts }) => parts.length === 0)?.label,
    byName,
    any: any.length === 0 ? null : placeOf(any),
  };
}

function below(
  patterns: readonly LabelledPattern[],
  matches: (first: string | undefined) => boolean,
): readonly LabelledPattern[] {
  return patterns.flatMap(({ parts: [first, ...rest], label }) => (matches(first) ? [{ parts: rest, label }] : []));
}

/** The place of a member or an item of what is at a place. */
export function placeBelow(place: Place | null, name: string | number): Place | null {
  return place === null ? null : (place.byName.get(`${name}`) ?? place.any);
}
