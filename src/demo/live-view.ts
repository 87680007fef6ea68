import picocolors from 'picocolors';
import { isContained, type Progress } from './follow.ts';
import type { Terminal } from './terminal.ts';

/** The live view: one row for each attack. On a terminal it is painted again and again; elsewhere each change is a line. */
export interface LiveView {
  /** Something that happened, above the rows. */
  say(text: string): void;
  show(progress: readonly Progress[]): void;
}

/** Paints nothing: for `--json`. */
export const SILENT_VIEW: LiveView = { say: () => undefined, show: () => undefined };

/** How an attack is called in front of people. */
export const TITLES: ReadonlyMap<string, string> = new Map([
  ['impossible-travel', 'impossible travel'],
  ['2fa-bypass', '2FA bypass'],
  ['privilege-action', 'privilege action'],
  ['campaign', 'campaign'],
]);

export function createLiveView(terminal: Terminal): LiveView {
  return terminal.styled ? paintedView(terminal) : plainView(terminal);
}

function paintedView(terminal: Terminal): LiveView {
  const colors = picocolors.createColors(true);
  let painted: readonly string[] = [];
  let height = 0;
  const paint = (lines: readonly string[]): void => {
    const up = height === 0 ? '' : `\u001b[${height}A\u001b[0J`;
    terminal.write(`${up}${lines.map((line) => `${line}\n`).join('')}`);
    height = lines.length;
    painted = lines;
  };
  return {
    say(text) {
      const rows = painted;
      if (height > 0) terminal.write(`\u001b[${height}A\u001b[0J`);
      height = 0;
      terminal.write(`${colors.dim(text)}\n`);
      if (rows.length > 0) paint(rows);
    },
    show(progress) {
      const header = colors.bold(cut(HEADER, terminal.columns));
      const rows = progress.map((each) => {
        const row = cut(rowText(each), terminal.columns);
        if (each.execution === null) return colors.dim(row);
        return isContained(each)
          ? colors.green(row)
          : each.execution.endedAt === null
            ? colors.yellow(row)
            : colors.red(row);
      });
      paint([header, ...rows]);
    },
  };
}

function plainView(terminal: Terminal): LiveView {
  const last = new Map<string, string>();
  return {
    say: (text) => terminal.write(`${text}\n`),
    show(progress) {
      for (const each of progress) {
        const text = statusText(each);
        if (last.get(each.label.id) === text) continue;
        last.set(each.label.id, text);
        if (each.execution !== null) terminal.write(`${titleOf(each)}: ${text}\n`);
      }
    },
  };
}

/** The two clocks stand before what is long, so that a narrow terminal shows them. */
const WIDTHS = [17, 5, 8, 12, 7, 48, 44] as const;
const HEADER = columns(['scenario', 'stage', 'verified', 'business', 'real', 'action', 'approvals']);

function rowText(progress: Progress): string {
  const { votes, soFar } = progress;
  const { stage, doing, verified } = stateOf(progress);
  const clocks = [duration(soFar.businessMs), duration(soFar.realMs)];
  return columns([titleOf(progress), stage, verified, ...clocks, doing, votes.join(', ')]);
}

function statusText(progress: Progress): string {
  const { stage, doing, verified } = stateOf(progress);
  const votes = progress.votes.length === 0 ? '' : `; ${progress.votes.join(', ')}`;
  return `stage ${stage}, ${doing}, verified ${verified}${votes}`;
}

interface Shown {
  readonly stage: string;
  readonly doing: string;
  readonly verified: string;
}

function stateOf({ execution }: Progress): Shown {
  if (execution === null) return { stage: '-', doing: 'quiet', verified: '-' };
  const { stages } = execution;
  const actions = stages.flatMap((stage) => stage.actions);
  const open = stages.findIndex((stage) => stage.actions.some(({ phase }) => phase !== 'settled'));
  const present = open === -1 ? stages.length - 1 : open;
  const current = (stages[present]?.actions ?? []).filter(({ phase }) => phase !== 'settled');
  const performed = actions.filter(({ status, children }) => status === 'SUCCESS' || children.length > 0);
  const verified = performed.filter(({ verification, children }) => verification === 'holds' || children.length > 0);
  return {
    stage: `${present + 1}/${stages.length}`,
    doing: execution.endedAt === null ? current.map(actionText).join(', ') : execution.status.toLowerCase(),
    verified: `${verified.length}/${performed.length}`,
  };
}

const PHASES: ReadonlyMap<string, string> = new Map([
  ['awaiting_approval', 'asks people'],
  ['waiting', 'waits for the user'],
  ['children', 'on every account'],
]);

function actionText({ actionType, phase }: { readonly actionType: string; readonly phase: string }): string {
  // Only the challenge is answered by the user; whatever else waits is a question to the security team.
  const isQuestion = phase === 'waiting' && actionType !== 'STEP_UP_CHALLENGE';
  const shown = isQuestion ? 'awaiting_approval' : phase;
  return `${actionType.toLowerCase().replaceAll('_', ' ')} (${PHASES.get(shown) ?? shown})`;
}

export function titleOf({ label }: Progress): string {
  return TITLES.get(label.id) ?? label.id;
}

/** `850 ms`, `2.4 s`, `15 min 3 s`; `-` when there is none. */
export function duration(ms: number | null): string {
  if (ms === null) return '-';
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function columns(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cut(cell, WIDTHS[index] ?? 10).padEnd(WIDTHS[index] ?? 0))
    .join('  ')
    .trimEnd();
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}
