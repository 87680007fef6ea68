import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Replay } from '../pipeline/executions/core/replay.ts';
import type { ReplayTask } from '../pipeline/executions/core/replay-text.ts';
import { FirebreakError } from '../platform/errors.ts';

/** How long a kept core may take for one execution, in ms: thousands of records take a second. */
const TIMEOUT_MS = 60_000;
/** Memory of the process it runs in, in MiB: many times the largest execution. */
const MEMORY_MIB = 512;

/**
 * The code comes out of a journal, so whoever could write there could have written it. It runs in a process of its own
 * that may not touch files or start anything and knows no environment, and there in a realm that holds nothing but the
 * language: text in, text out, and no object of Node that leads out of it.
 */
const HOST = `
const vm = require('node:vm');
let given = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (part) => { given += part; });
process.stdin.on('end', () => {
  const { code, task } = JSON.parse(given);
  const realm = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
  vm.runInContext(code, realm);
  const said = vm.runInContext('String(firebreakCore.replayText(' + JSON.stringify(task) + '))', realm);
  process.stdout.write(said);
});
`;

const REPLAY = z.discriminatedUnion('identical', [
  z.looseObject({ identical: z.literal(true), records: z.int(), decisions: z.int() }),
  z.looseObject({
    identical: z.literal(false),
    records: z.int(),
    seq: z.int(),
    recorded: z.string(),
    derived: z.string(),
  }),
]);

/** What a kept core derives. @throws FirebreakError `conflict` when it says nothing that is a replay, or not in time. */
export async function runCore(hash: string, code: string, task: ReplayTask, timeoutMs = TIMEOUT_MS): Promise<Replay> {
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const args = [permission, '--no-warnings', `--max-old-space-size=${MEMORY_MIB}`, '-e', HOST];
  const child = spawn(process.execPath, args, { env: {}, stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
  const exited = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  // A core that ends before it has read everything is judged by what it said.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify({ code, task: JSON.stringify(task) }));
  const [said, fault] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  const parsed = REPLAY.safeParse(parsedJson(said));
  if (parsed.success) return parsed.data;
  const why = fault.split('\n').find((line) => /^\S*Error/.test(line)) ?? 'no answer in time';
  throw new FirebreakError('conflict', `The core ${hash} did not replay the execution: ${why.slice(0, 300)}`);
}

function parsedJson(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return null;
  }
}
