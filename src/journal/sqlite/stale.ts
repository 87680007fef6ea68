/** Thrown inside a transaction to find out which member is stale; never leaves this adapter. */
export interface Stale {
  readonly stale: string;
}

export function staleness(stale: string): Stale {
  return { stale };
}

export function isStale(thrown: unknown): thrown is Stale {
  return typeof thrown === 'object' && thrown !== null && Object.hasOwn(thrown, 'stale');
}
