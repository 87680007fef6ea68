import { readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** What figures are made of: quantiles, CPU time of a process, the machine. */

export interface Latency {
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** Nearest-rank quantiles of durations in ms, to a hundredth; zeros when there are none. */
export function latencyOf(durations: readonly number[]): Latency {
  const sorted = [...durations].sort((left, right) => left - right);
  const at = (share: number): number => rounded(sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0, 2);
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

/** `value` with at most `digits` decimals. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Clock ticks of `/proc/PID/stat` in a second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU time (user and system, all threads) of a process so far, in ms; null where there is no `/proc`. */
export function cpuMsOf(pid: number): number | null {
  return timesOf(pid)?.ownMs ?? null;
}

/**
 * CPU time of a process and its children so far, in ms, those that have ended included and those named left out; null
 * where there is no `/proc`. Of grandchildren it knows nothing: PostgreSQL has none.
 */
export function familyCpuMs(parent: number, without: ReadonlySet<number>): number | null {
  const times = timesOf(parent);
  if (times === null) return null;
  let ms = times.ownMs + times.endedChildrenMs;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || without.has(pid)) continue;
    const child = timesOf(pid);
    if (child?.parent === parent) ms += child.ownMs;
  }
  return ms;
}

/** What `/proc/PID/stat` says, or null when there is no such process (any more). */
function timesOf(pid: number): { parent: number; ownMs: number; endedChildrenMs: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name of the program stands in brackets and may hold spaces: count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ms = (first: number): number =>
      ((Number(fields[first]) + Number(fields[first + 1])) * 1_000) / TICKS_PER_SECOND;
    return { parent: Number(fields[1]), ownMs: ms(11), endedChildrenMs: ms(13) };
  } catch {
    return null;
  }
}

/** Where the figures come from: they say little without it. */
export function machine(): Record<string, string | number> {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
