import { describe, expect, it } from 'vitest';
import { createHealthService } from '../health.ts';
import { MAX_UNSTAMPED_MS } from '../timestamps/stamping.ts';
import { MAX_UNWITNESSED_MS, openWitnessing } from './witnessing.ts';

const journal = { listViews: async () => ({ items: [], total: 0 }), view: async () => null };
const keeper = { keep: async () => undefined, state: () => ({ size: 0, signedSize: 0 }) };

function health(unwitnessedMs: number | null, unstampedMs: number | null = null, stuck = 0) {
  const witness = { unwitnessedMs: () => unwitnessedMs };
  const [committer, wall] = [{ ailing: false }, { jumpMs: () => 0 }];
  const timeStamps = { unstampedMs: () => unstampedMs };
  const evidenceStore = { ailing: false };
  return createHealthService({
    journal,
    committer,
    keeper,
    witness,
    timeStamps,
    evidenceStore,
    wall,
    setBack: null,
    runner: { stuck },
    fromGit: { failure: () => null },
  });
}

describe('health', () => {
  it.each([
    [null, true],
    [0, true],
    [MAX_UNWITNESSED_MS, true],
    [MAX_UNWITNESSED_MS + 1, false],
  ])('with %j ms unwitnessed is healthy: %j, and requests go on', async (unwitnessedMs, healthy) => {
    const { models, ...shown } = await health(unwitnessedMs).playbooks();
    expect(shown).toMatchObject({ healthy, unwitnessedMs });
    expect(models.playbookActionAudit).toBe(healthy);
    expect((await health(unwitnessedMs).ready()).ready).toBe(true);
  });

  it('is unwell when nobody has stamped the log with the time for long, and requests go on', async () => {
    expect(await health(null, MAX_UNSTAMPED_MS).playbooks()).toMatchObject({ healthy: true });
    const late = health(null, MAX_UNSTAMPED_MS + 1);
    expect(await late.playbooks()).toMatchObject({ healthy: false, unstampedMs: MAX_UNSTAMPED_MS + 1 });
    expect((await late.ready()).ready).toBe(true);
  });

  it('is unwell while an execution cannot be gone on with, and requests go on', async () => {
    const unwell = health(null, null, 2);
    expect(await unwell.playbooks()).toMatchObject({ healthy: false, stuck: 2 });
    expect((await unwell.ready()).ready).toBe(true);
  });

  it('owes nothing without a witness', async () => {
    const log = { leafHashes: async () => [], checkpoints: async () => [] };
    const machine = { turn: async () => undefined, sleep: async () => undefined, after: () => () => undefined };
    const none = await openWitnessing(null, { log, machine, monotonic: () => 0, onError: () => undefined });
    await none.run(new AbortController().signal);
    await none.close();
    expect([none.anchors, none.unwitnessedMs()]).toEqual([[], null]);
  });
});
