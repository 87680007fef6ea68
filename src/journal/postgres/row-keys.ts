/** One key for two names, whatever characters they hold. */
export function pairKey(first: string, second: string): string {
  return `${first.length}:${first}${second}`;
}

/** A name that PostgreSQL would not keep as it is given. It concerns one change; the batch is split to find it. */
export class UnstorableNameError extends Error {
  constructor(what: string) {
    super(`${what} holds a NUL character or half a surrogate pair, which PostgreSQL does not store`);
    this.name = 'UnstorableNameError';
  }
}

/** Whether PostgreSQL keeps a text as it is given, where it is not written as JSON. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** @throws UnstorableNameError: replaced silently, two different names would become one. */
export function requireStorable(what: string, ...names: readonly (string | null | undefined)[]): void {
  for (const name of names) {
    if (typeof name === 'string' && !isStorable(name)) throw new UnstorableNameError(what);
  }
}
