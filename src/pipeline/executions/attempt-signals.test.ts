import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { realMachine } from '../../platform/machine.ts';
import { attemptSignals } from './attempt-signals.ts';

describe('attemptSignals', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('aborts when the time is over, and not before', () => {
    const { signal } = attemptSignals(new AbortController().signal, realMachine).begin(1_000);
    vi.advanceTimersByTime(999);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('aborts every attempt under way when the process closes, and those that begin after', () => {
    const closing = new AbortController();
    const signals = attemptSignals(closing.signal, realMachine);
    const [first, second] = [signals.begin(1_000), signals.begin(1_000)];
    closing.abort(new Error('closing'));
    const late = signals.begin(1_000);
    for (const { signal } of [first, second, late]) expect(signal.reason).toMatchObject({ message: 'closing' });
  });

  it('leaves an attempt alone that has ended', () => {
    const closing = new AbortController();
    const { signal, release } = attemptSignals(closing.signal, realMachine).begin(1_000);
    release();
    vi.advanceTimersByTime(2_000);
    closing.abort();
    expect(signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
