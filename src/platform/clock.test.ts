import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { steeredClock, systemClock } from './clock.ts';

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('is the wall clock', () => {
    const clock = systemClock();
    expect(clock.now()).toBe(1_000_000);
    vi.setSystemTime(1_000_250);
    expect(clock.now()).toBe(1_000_250);
    expect(clock.accelerated).toBe(false);
  });

  it('stands still while the wall clock is set back, and goes on when it has caught up', () => {
    const clock = systemClock();
    vi.setSystemTime(2_000_000);
    expect(clock.now()).toBe(2_000_000);
    vi.setSystemTime(1_500_000);
    expect(clock.now()).toBe(2_000_000);
    vi.setSystemTime(2_000_001);
    expect(clock.now()).toBe(2_000_001);
  });

  it('measures with machine time, which the wall clock does not move', () => {
    const clock = systemClock();
    const before = clock.monotonic();
    vi.setSystemTime(0);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
  });
});

describe('steeredClock', () => {
  it('moves only when told to, and only forward', () => {
    const clock = steeredClock(500);
    expect(clock.now()).toBe(500);
    clock.advanceTo(700);
    clock.advanceTo(600);
    expect(clock.now()).toBe(700);
    expect(clock.accelerated).toBe(true);
    expect(clock.monotonic()).toBeGreaterThanOrEqual(0);
  });
});
