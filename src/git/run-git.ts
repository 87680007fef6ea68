import { spawn } from 'node:child_process';
import { FirebreakError, messageOf } from '../platform/errors.ts';
import { printable } from '../platform/printable.ts';

/** Longest that one call of git may take, in ms: a first fetch over a slow line. */
const MAX_CALL_MS = 120_000;
/** Most that is kept of what git complains of, in bytes: its first lines say it. */
const MAX_COMPLAINT_BYTES = 4_096;

export interface GitCall {
  /** Fixed words of this program, and values that were checked; never a shell. */
  readonly args: readonly string[];
  /** The environment: nothing of ours is handed on that is not named. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads. */
  readonly input?: string;
  /** Most that it may answer, in bytes. */
  readonly maxBytes: number;
}

export interface GitAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  /** What it complained of, in printable characters. */
  readonly complaint: string;
}

/**
 * Calls the git of this machine. The call ends by itself, with an error, when it takes too long or says too much.
 * @throws FirebreakError `invalid_request` when there is no git, or it was ended
 */
export function runGit({ args, env, input = '', maxBytes }: GitCall): Promise<GitAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', [...args], { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: MAX_CALL_MS, shell: false });
    const chunks: Buffer[] = [];
    let size = 0;
    let complaint = '';
    let ended: string | null = null;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else {
        ended = `it answered more than ${maxBytes} bytes`;
        child.kill('SIGKILL');
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < MAX_COMPLAINT_BYTES) complaint += chunk.toString('utf8').slice(0, MAX_COMPLAINT_BYTES);
    });
    // It may have ended before it read: how it ended says why.
    child.stdin.on('error', () => undefined);
    child.on('error', (thrown) => reject(gitFault(`git cannot be called: ${messageOf(thrown)}`)));
    child.on('close', (code, signal) => {
      if (ended !== null) reject(gitFault(`git was ended: ${ended}`));
      else if (signal !== null) reject(gitFault(`git was ended after ${MAX_CALL_MS / 1_000} s (${signal})`));
      else resolve({ code: code ?? 1, stdout: Buffer.concat(chunks), complaint: oneLine(complaint) });
    });
    child.stdin.end(input);
  });
}

/** @throws FirebreakError `invalid_request` with `what` and git's own words when it did not succeed */
export async function mustRunGit(what: string, call: GitCall): Promise<Buffer> {
  const { code, stdout, complaint } = await runGit(call);
  if (code !== 0) throw gitFault(`${what}: ${complaint === '' ? `git ended with ${code}` : complaint}`);
  return stdout;
}

export function gitFault(message: string, pointer = '/repository'): FirebreakError {
  return new FirebreakError('invalid_request', message, [{ pointer, detail: message }]);
}

function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return printable(lines.filter((line) => line !== '' && !line.startsWith('hint:')).join('; '));
}
