import { z } from 'zod';
import type { Program, Processes } from '../cli/processes.ts';

/** The three questions after the run, each put to a program of its own. */

/** What can run a program to its end. */
type Runs = Pick<Processes, 'run'>;

const VERDICT = z.object({
  scenarios: z.record(z.string(), z.object({ verifiedAtTarget: z.boolean(), why: z.string() })),
  falseAlarms: z.int(),
  details: z.array(z.string()),
});
export type Verdict = z.infer<typeof VERDICT>;

/** What the independent witness saw at the sandbox company. @throws Error when it could not look. */
export async function askVerifier(
  processes: Runs,
  sandbox: { readonly url: string; readonly token: string },
  labelsFile: string,
): Promise<Verdict> {
  const args = ['--sandbox', sandbox.url, '--labels', labelsFile];
  const program: Program = { module: 'demo/verifier', args, env: { SANDBOX_TOKEN: sandbox.token } };
  const { code, stdout, stderr } = await processes.run(program);
  if (code !== 0 && code !== 1) throw new Error(`The verifier could not look: ${stderr}`);
  return VERDICT.parse(JSON.parse(stdout));
}

export interface Answer {
  readonly holds: boolean;
  /** What the program said, for the reader when it does not hold. */
  readonly said: string;
}

/** `firebreak audit verify` over the whole journal. */
export async function verifyAudit(processes: Runs, dataDir: string): Promise<Answer> {
  const { code, stdout, stderr } = await processes.run(firebreak('audit', 'verify', '--data', dataDir, '--json'));
  return { holds: code === 0, said: stdout || stderr };
}

const REPLAYED = z.looseObject({ identical: z.boolean(), records: z.int() });

export interface Replay extends Answer {
  /** Records of the execution and of those it started for single accounts; 0 when that is not known. */
  readonly records: number;
}

/** `firebreak replay`: the execution and its children decided again from their inputs, byte for byte the same. */
export async function replayExecution(processes: Runs, dataDir: string, id: string | null): Promise<Replay> {
  if (id === null) return { holds: false, said: 'there is no execution', records: 0 };
  const { code, stdout, stderr } = await processes.run(firebreak('replay', id, '--data', dataDir, '--json'));
  const said = stdout || stderr;
  try {
    const { identical, records } = REPLAYED.parse(JSON.parse(stdout));
    return { holds: identical && code === 0, said, records };
  } catch {
    return { holds: false, said, records: 0 };
  }
}

function firebreak(...args: readonly string[]): Program {
  return { module: 'main', args, env: {} };
}
