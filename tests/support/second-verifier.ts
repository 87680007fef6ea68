import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The verifier in `tools/`, which shares no code with ours. Only tests import this file. */
const SCRIPT = fileURLToPath(new URL('../../tools/verify-audit.py', import.meta.url));

export const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) process.stderr.write('SKIPPED: no python3 here, so the second verifier is not asked\n');

/** What is verified, in the words of the script's options. */
export interface VerifierTask {
  readonly export?: string;
  readonly data?: string;
  readonly keys?: string;
  readonly anchor?: string;
  readonly witness?: string;
  readonly witness_key?: string;
}

/** What both verifiers must agree on. */
export interface Answer {
  readonly verdict: string;
  readonly firstBad: {
    readonly stream: string | null;
    readonly seq: number | null;
    readonly position: number | null;
  } | null;
  readonly coveredSize: number;
  readonly anchoredSize: number;
}

/** The second verifier's answers to many tasks, from one process. @throws when it ends otherwise than with a verdict. */
export function secondAnswers(tasks: readonly VerifierTask[], listFile: string): readonly Answer[] {
  writeFileSync(listFile, tasks.map((task) => JSON.stringify(task)).join('\n'));
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT, '--batch', listFile], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0 && status !== 1) throw new Error(`the second verifier ended with ${status}: ${stderr}`);
  const lines = stdout.trim().split('\n');
  if (lines.length !== tasks.length) throw new Error(`it answered ${lines.length} of ${tasks.length}: ${stderr}`);
  return lines.map((line) => JSON.parse(line) as Answer); // the script's own output
}
