/**
 * Source of a function `peakMib` for a program of its own: the most memory that it ever had, in MiB. Not the `maxRSS` of its resource
 * usage: Linux counts there what the process had from which this one was started, which in a test is more than all that it needs.
 */
export const PEAK_MIB = `
  const { readFileSync: readStatus } = await import('node:fs');
  function peakMib() {
    try {
      return Number(/^VmHWM:\\s+(\\d+) kB$/m.exec(readStatus('/proc/self/status', 'utf8'))[1]) / 1024;
    } catch {
      return process.resourceUsage().maxRSS / 1024;
    }
  }
`;
