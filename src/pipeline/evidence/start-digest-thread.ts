import { Worker } from 'node:worker_threads';
import { invariant, messageOf } from '../../platform/errors.ts';
import type { DigestAlgorithm, DigestAnswer, DigestRequest, DigestThreadData } from './digest-messages.ts';
import { VaultError } from './vault.ts';

/** The threads' program; null where this runs uncompiled, because a thread loads no TypeScript by itself. */
export const DIGEST_THREAD = import.meta.url.endsWith('.js') ? new URL('./digest-thread.js', import.meta.url) : null;

/**
 * Memory of one thread, in MiB: a thread that counts no objects needs a few. What it hashes is shared and not its own.
 */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

/** One thread, which takes one kind of digest of any number of contents. */
export interface DigestThread {
  /** Contents that are under way in it. */
  readonly busy: number;
  /** Another content. */
  begin(): ThreadedDigest;
  /** Ends it; what is under way fails. */
  close(): Promise<void>;
}

/** The digest of one content. Once the thread has died it stays failed: another thread has not seen what came before. */
export interface ThreadedDigest {
  /** @param block in shared memory; in use until the promise resolves. @throws VaultError `unavailable`. */
  add(block: Uint8Array): Promise<void>;
  /** @throws VaultError `unavailable`. */
  finish(): Promise<{ readonly size: number; readonly digest: string }>;
  drop(): void;
}

interface Waiting {
  readonly resolve: (answer: DigestAnswer) => void;
  readonly reject: (error: VaultError) => void;
}

/** Starts a thread. One that dies fails what was under way in it, and does nothing any more. @param onLost called once when it has died */
export function startDigestThread(program: URL, algorithm: DigestAlgorithm, onLost: () => void): DigestThread {
  const workerData: DigestThreadData = { algorithm };
  const worker = new Worker(program, { workerData, name: algorithm, resourceLimits: THREAD_LIMITS });
  /** It gives its answers in the order of asking. */
  const waiting: Waiting[] = [];
  const open = new Set<number>();
  let last = 0;
  let lost: VaultError | null = null;

  function lose(cause: unknown): void {
    if (lost !== null) return;
    lost = new VaultError('unavailable', `The thread that takes digests is gone: ${messageOf(cause)}`, cause);
    open.clear();
    onLost();
    for (const { reject } of waiting.splice(0)) reject(lost);
  }

  function settle(answer: DigestAnswer): void {
    waiting.shift()?.resolve(answer);
    // Nobody waits: the process may end as far as this thread is concerned.
    if (waiting.length === 0) worker.unref();
  }

  function say(request: DigestRequest): void {
    if (lost === null) worker.postMessage(request);
  }

  function ask(request: DigestRequest): Promise<DigestAnswer> {
    return new Promise((resolve, reject) => {
      if (lost !== null) {
        reject(lost);
        return;
      }
      if (waiting.push({ resolve, reject }) === 1) worker.ref();
      say(request);
    });
  }

  worker.unref();
  worker.on('message', settle);
  worker.on('error', lose);
  worker.on('exit', () => lose(new Error('it ended')));
  return {
    get busy() {
      return open.size;
    },
    begin() {
      last += 1;
      const content = last;
      open.add(content);
      say({ content, say: 'begin' });
      return {
        async add(block) {
          await ask({ content, say: 'add', block });
        },
        async finish() {
          const answer = await ask({ content, say: 'finish' });
          open.delete(content);
          invariant(answer.said === 'finished' && answer.content === content, 'answers come in the order of asking');
          return { size: answer.size, digest: answer.digest };
        },
        drop() {
          if (open.delete(content)) say({ content, say: 'drop' });
        },
      };
    },
    async close() {
      await worker.terminate();
    },
  };
}
