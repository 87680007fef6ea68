import type { SealedRecord } from '../../src/pipeline/audit/record.ts';
import type { Call } from '../world/targets.ts';
import type { Store } from '../world/store.ts';
import type { Broken } from './model.ts';

/** The figure that is promised (ADR 0021), in µs: written down a second time. */
const BOUND_US = 2_000_000;

export interface PauseRule {
  /** A process has answered that everything is paused. */
  answered(host: string): void;
  read(sealed: SealedRecord): void;
  sent(call: Call): void;
}

/** While everything is paused no changing call begins: at once where it was said, soon everywhere else. */
export function createPauseRule({
  store,
  now,
  broken,
}: {
  readonly store: Store;
  /** Time of the world, in µs. */
  now(): number;
  readonly broken: Broken;
}): PauseRule {
  let paused: { readonly since: number; readonly heardBy: Set<string> } | null = null;
  return {
    answered(host) {
      if (!isPausedIn(store)) return; // Somebody has resumed before the answer came.
      paused ??= { since: now(), heardBy: new Set() };
      paused.heardBy.add(host);
    },
    read({ record }) {
      if (record.type === 'guard.resumed') paused = null;
    },
    sent({ kind, tag, host }) {
      if (paused === null || (kind !== 'perform' && kind !== 'undo')) return;
      if (paused.heardBy.has(host) || now() - paused.since > BOUND_US)
        broken('pauses', `${kind} ${tag} is sent by ${host} while everything is paused`);
    },
  };
}

/** What the row says to everybody. */
export function isPausedIn(store: Store): boolean {
  const row = store.views.get('guard')?.get('pause');
  if (row === undefined) return false;
  const { document } = JSON.parse(row.body) as { readonly document: { readonly paused: object | null } }; // the engine's
  return document.paused !== null;
}
