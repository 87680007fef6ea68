import type { Answer, Replay, Verdict } from './checks.ts';
import { isContained, type Progress } from './follow.ts';
import { duration, titleOf } from './live-view.ts';

/** What the demo found out about one attack. */
export interface Result {
  readonly scenario: string;
  readonly contained: boolean;
  readonly verifiedAtTarget: boolean;
  readonly auditVerified: boolean;
  readonly replayIdentical: boolean;
  /** Of the whole run: people and addresses that were hit although nobody attacked them. */
  readonly falseAlarms: number;
  /** Business time to contain, ms; null when it was not contained. */
  readonly mttcMs: number | null;
  /** Real time from sending the attack to the end of its execution, ms; null when it did not end. */
  readonly realMs: number | null;
  /** Records of the execution and of those it started for single accounts. */
  readonly records: number;
}

/** Puts together what the four answers say about one attack. */
export function resultOf(progress: Progress, verdict: Verdict, audit: Answer, replay: Replay): Result {
  const contained = isContained(progress);
  return {
    scenario: progress.label.id,
    contained,
    verifiedAtTarget: verdict.scenarios[progress.label.id]?.verifiedAtTarget ?? false,
    auditVerified: audit.holds,
    replayIdentical: replay.holds,
    falseAlarms: verdict.falseAlarms,
    mttcMs: contained ? progress.businessMs : null,
    realMs: progress.realMs,
    records: replay.records,
  };
}

/** True when the demo shows what it promises: anything else is exit code 1. */
export function holds(result: Result): boolean {
  const { contained, verifiedAtTarget, auditVerified, replayIdentical, falseAlarms } = result;
  return contained && verifiedAtTarget && auditVerified && replayIdentical && falseAlarms === 0;
}

const COLUMNS = [
  'scenario',
  'contained',
  'at sandbox',
  'business time',
  'real time',
  'false alarms',
  'records',
  'audit',
  'replay',
] as const;

/** The closing table, in plain text. */
export function resultTable(results: readonly Result[], progress: readonly Progress[]): string {
  const rows = results.map((result, index) => {
    const own = progress[index];
    return [
      own === undefined ? result.scenario : titleOf(own),
      yesNo(result.contained),
      yesNo(result.verifiedAtTarget),
      duration(result.mttcMs),
      duration(result.realMs),
      String(result.falseAlarms),
      String(result.records),
      result.auditVerified ? 'verified' : 'BROKEN',
      result.replayIdentical ? 'identical' : result.records === 0 ? 'NOTHING' : 'DIFFERS',
    ];
  });
  const widths = COLUMNS.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(COLUMNS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'NO';
}
