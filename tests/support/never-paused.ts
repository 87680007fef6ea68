import type { PauseWatch } from '../../src/pipeline/guards/pause-watch.ts';

/** For what is tested apart from pauses: nobody ever pauses. */
export const NOTHING_PAUSED: Pick<PauseWatch, 'standing' | 'look'> = {
  standing: () => 'open',
  look: async () => undefined,
};
