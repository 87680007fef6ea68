/**
 * What the server has told somebody outside, and the position of the log of writes when that was heard: a power cut at
 * that position or later must leave it. It was told a moment earlier, so this asks for a little too little, never too much.
 */
export interface Told {
  /** An acknowledged account, key, playbook or execution (by its id), an event, or a call that reached a target (by its key). */
  readonly kind: 'account' | 'playbook' | 'execution' | 'event' | 'call';
  readonly id: string;
  readonly position: number;
}

export interface Ledger {
  /** Of the file that is being written now. */
  note(kind: Told['kind'], ids: readonly string[]): void;
  /** Everything that was told up to a position, earlier lives included. */
  until(position: number): readonly Told[];
  /** Positions at which something was told in this life. */
  positions(): readonly number[];
  /** The server lives again on what its end left: the log begins anew, and everything was told before. */
  nextLife(): void;
}

/** @param position of the log now. */
export function openLedger(position: () => number): Ledger {
  let told: Told[] = [];
  return {
    note(kind, ids) {
      const now = position();
      for (const id of ids) told.push({ kind, id, position: now });
    },
    until: (latest) => told.filter((each) => each.position <= latest),
    positions: () => [...new Set(told.map((each) => each.position))].filter((each) => each > 0),
    nextLife() {
      told = told.map((each) => ({ ...each, position: 0 }));
    },
  };
}
