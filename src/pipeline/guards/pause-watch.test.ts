import { describe, expect, it } from 'vitest';
import { StoreUnavailableError, type StoredView } from '../../journal/journal.ts';
import type { PauseState } from './pause.ts';
import { createPauseWatch, PAUSE_BOUND_MS, PAUSE_POLL_MS } from './pause-watch.ts';

const OPEN: PauseState = { paused: null, proposal: null };
const PAUSED: PauseState = { paused: { by: 'usr_1', reason: 'drill', since: 0 }, proposal: null };

/** A row that others write, read over a store that can be slow or away; machine time is set by the test. */
function watched(shared: boolean) {
  const world = {
    now: 0,
    row: { document: OPEN, version: 1 },
    isAway: false,
    slow: null as Promise<void> | null,
    resumes: 0,
    reads: 0,
  };
  const closing = new AbortController();
  const watch = createPauseWatch({
    journal: {
      shared,
      async view(): Promise<StoredView | null> {
        world.reads += 1;
        const body = JSON.parse(JSON.stringify({ ...world.row, updatedAt: 0, savedBy: 'usr_1' })) as StoredView['body'];
        await world.slow;
        if (world.isAway) throw new StoreUnavailableError('away', false);
        return { id: 'pause', version: world.row.version, at: 0, body };
      },
    },
    clock: { monotonic: () => world.now },
    machine: {
      async sleep(ms) {
        world.now += ms;
        if (world.now >= 1_000) closing.abort();
      },
    },
    closing: closing.signal,
    onResumed: () => {
      world.resumes += 1;
    },
  });
  return { world, watch };
}

describe('what a process knows about the pause', () => {
  it('is nothing before it could read, and then what the row says', async () => {
    const { world, watch } = watched(false);
    world.isAway = true;
    await expect(watch.look()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(watch.standing()).toBe('unknown');
    world.isAway = false;
    await watch.look();
    expect(watch.standing()).toBe('open');
  });

  it('never grows old where nobody else can pause, and is never older than the bound where others can', async () => {
    const [own, shared] = [watched(false), watched(true)];
    for (const { world, watch } of [own, shared]) {
      await watch.look();
      world.now = PAUSE_BOUND_MS - 1;
      expect(watch.standing()).toBe('open');
      world.now = PAUSE_BOUND_MS;
    }
    expect([own.watch.standing(), shared.watch.standing()]).toEqual(['open', 'unknown']);
    await shared.watch.look();
    expect(shared.watch.standing()).toBe('open');
  });

  it('counts from when a read began, however late it ends', async () => {
    const { world, watch } = watched(true);
    let end = (): void => undefined;
    world.slow = new Promise((resolve) => {
      end = resolve;
    });
    const looked = watch.look();
    world.now = PAUSE_BOUND_MS;
    end();
    await looked;
    expect(watch.standing()).toBe('unknown');
  });

  it('stays paused while the store is away, for ever', async () => {
    const { world, watch } = watched(true);
    world.row = { document: PAUSED, version: 2 };
    await watch.look();
    world.isAway = true;
    world.now = 90 * 24 * 3_600_000;
    await expect(watch.look()).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(watch.standing()).toBe('paused');
  });

  it('is not set back by a read that began before somebody said otherwise', async () => {
    const { world, watch } = watched(false);
    await watch.look();
    let end = (): void => undefined;
    world.slow = new Promise((resolve) => {
      end = resolve;
    });
    const looked = watch.look();
    watch.learn({ document: PAUSED, version: 2 });
    end();
    await looked;
    expect([watch.standing(), world.resumes]).toEqual(['paused', 0]);
  });

  it('says once that everything goes on, whoever has said so', async () => {
    const { world, watch } = watched(true);
    world.row = { document: PAUSED, version: 2 };
    await watch.look();
    world.row = { document: OPEN, version: 3 };
    await watch.look();
    await watch.look();
    expect([watch.standing(), world.resumes]).toEqual(['open', 1]);
  });

  it('is nothing after a commit of which nobody heard, until a read that began later', async () => {
    const { world, watch } = watched(false);
    await watch.look();
    let end = (): void => undefined;
    world.slow = new Promise((resolve) => {
      end = resolve;
    });
    const before = watch.look();
    watch.doubt();
    end();
    await before;
    expect(watch.standing()).toBe('unknown');
    world.row = { document: PAUSED, version: 2 };
    world.slow = null;
    await watch.look();
    expect(watch.standing()).toBe('paused');
  });

  it('is looked at four times a second, also after reads that failed', async () => {
    const { world, watch } = watched(true);
    world.isAway = true;
    await watch.keepLooking();
    expect(world.reads).toBe(1_000 / PAUSE_POLL_MS);
  });
});
