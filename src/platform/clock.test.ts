import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { steeredClock, systemClock, wallClock } from './clock.ts';

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

describe('wallClock', () => {
  function rig() {
    const time = { wall: 1_000_000, mono: 5, offset: 0 };
    const clock = wallClock(
      () => time.offset,
      () => time.wall,
      () => time.mono,
    );
    const pass = (ms: number): void => {
      time.wall += ms;
      time.mono += ms;
    };
    return { time, clock, pass };
  }

  it('follows the wall clock, also where it is corrected by less than a minute', () => {
    const { time, clock, pass } = rig();
    pass(500);
    time.wall += 59_000;
    expect([clock.now(), clock.jumpMs()]).toEqual([1_059_500, 0]);
  });

  it('goes on by the monotonic clock after a jump forward, says so, and follows again when it is set back', () => {
    const { time, clock, pass } = rig();
    time.wall += 3_600_000;
    pass(1_000);
    expect([clock.now(), clock.jumpMs()]).toEqual([1_001_000, 3_600_000]);
    pass(1_000);
    expect(clock.now()).toBe(1_002_000);
    time.wall -= 3_600_000;
    expect([clock.now(), clock.jumpMs()]).toEqual([1_002_000, 0]);
  });

  it('does not stand still when the wall clock is set back by an hour', () => {
    const { time, clock, pass } = rig();
    time.wall -= 3_600_000;
    pass(2_000);
    expect([clock.now(), clock.jumpMs()]).toEqual([1_002_000, -3_600_000]);
  });

  it('never goes backwards when it is corrected by less than a minute', () => {
    const { time, clock, pass } = rig();
    pass(10_000);
    const before = clock.now();
    time.wall -= 5_000;
    expect(clock.now()).toBe(before);
    pass(1_000);
    expect(clock.now()).toBeGreaterThanOrEqual(before);
  });

  it('counts from the store where that has another clock', () => {
    const { time, clock } = rig();
    time.offset = 2_000;
    expect(clock.now()).toBe(1_002_000);
  });
});
