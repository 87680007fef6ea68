import type { CallContext } from '../../src/pipeline/access/principal.ts';
import { callOf } from '../../tests/support/person.ts';
import { isPausedIn } from '../oracle/pauses.ts';
import type { Engine } from '../world/engine.ts';
import type { Random } from '../world/random.ts';
import type { Store } from '../world/store.ts';

/** People who stop everything, and let it go on. */
export interface Pausers {
  readonly isPaused: boolean;
  pause(engine: Engine): void;
  /** One of three people says so; it takes two of them. */
  resume(engine: Engine): void;
  /** Called with the name of the process that has answered that everything is paused. */
  onPaused: (host: string) => void;
}

export interface PauserPorts {
  readonly random: Random;
  readonly store: Store;
  /** Business time, ms since 1970. */
  now(): number;
  onBug(thrown: unknown): void;
}

export function createPausers({ random, store, now, onBug }: PauserPorts): Pausers {
  function said(work: Promise<unknown>, then: () => void): void {
    work.then(then, (thrown: unknown) => {
      // Refused (the same person again), or the store is away: whoever asked was told so.
      if (thrown instanceof Error && !EXPECTED.has(thrown.name)) onBug(thrown);
    });
  }
  const somebody = (): CallContext => callOf(`usr_${random.between(1, 3)}`, now());

  const pausers: Pausers = {
    get isPaused() {
      return isPausedIn(store);
    },
    pause(engine) {
      said(engine.pause.pause(somebody(), { reason: 'drill' }), () => pausers.onPaused(engine.host.name));
    },
    resume(engine) {
      said(engine.pause.resume(somebody(), { reason: 'over' }), () => undefined);
    },
    onPaused: () => undefined,
  };
  return pausers;
}

const EXPECTED = new Set(['StoreUnavailableError', 'FirebreakError']);
