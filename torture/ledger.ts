import { closeSync, openSync, writeSync } from 'node:fs';

/** One thing that the server has acknowledged with 2xx, and therefore must never lose. */
export type Acknowledged =
  | { readonly kind: 'execution'; readonly id: string; readonly playbookId: string; readonly userId: string }
  | { readonly kind: 'vote'; readonly approvalId: string; readonly voterId: string; readonly vote: string }
  | { readonly kind: 'events'; readonly batch: number; readonly count: number }
  /** All events that make up an attack were accepted: this playbook has to run for this account, once. */
  | { readonly kind: 'attack'; readonly playbookId: string; readonly userId: string };

/** What was acknowledged, outside of the server: one JSON line each. */
export interface AckLedger {
  /**
   * In the hands of the kernel when it returns. It does not wait for the disk: nobody kills this process, and whoever waits here
   * would be late to see the calls that arrive meanwhile.
   */
  note(entry: Acknowledged): void;
  readonly size: number;
  close(): void;
}

/** @param file is made; @throws Error when it exists. */
export function openLedger(file: string): AckLedger {
  const handle = openSync(file, 'wx');
  let size = 0;
  return {
    note(entry) {
      writeSync(handle, `${JSON.stringify(entry)}\n`);
      size += 1;
    },
    get size() {
      return size;
    },
    close: () => closeSync(handle),
  };
}
