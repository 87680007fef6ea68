/**
 * Several results of one bench as one: of every number the median (of an even count the lower middle one), of what is
 * not a number the first; `valid` only when each of them is.
 */
export function medianOf(results: readonly Record<string, unknown>[]): Record<string, unknown> {
  const [first = {}] = results;
  return Object.fromEntries(
    Object.keys(first).map((name) => {
      const values = results.map((result) => result[name]);
      return [name, name === 'valid' ? values.every((value) => value === true) : middle(values)];
    }),
  );
}

function middle(values: readonly unknown[]): unknown {
  const [first] = values;
  const numbers = values.filter((value) => typeof value === 'number').sort((left, right) => left - right);
  if (typeof first === 'number') return numbers[(numbers.length - 1) >> 1];
  if (Array.isArray(first)) {
    return first.map((_item: unknown, index) =>
      middle(values.map((value) => (Array.isArray(value) ? value[index] : null))),
    );
  }
  return isRecord(first) ? medianOf(values.filter(isRecord)) : first;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
