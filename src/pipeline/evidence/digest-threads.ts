import { invariant } from '../../platform/errors.ts';
import { DIGEST_ALGORITHMS } from './digest-messages.ts';
import { takeDigestsHere, type DigestTaker } from './digests.ts';
import { sharedBlocks } from './shared-blocks.ts';
import { startDigestThread, type DigestThread, type ThreadedDigest } from './start-digest-thread.ts';
import { VaultError } from './vault.ts';

/** Content up to this size is hashed where it is asked for, in bytes: under half a millisecond, and no threads for a log file. */
export const SMALL_BYTES = 256 * 1024;

/** Takes both digests of content in threads, so that the one that serves requests never computes them. */
export interface DigestThreads {
  take(): DigestTaker;
  /** Ends the threads; what is under way fails. */
  close(): Promise<void>;
}

/** A thread for each kind of digest. */
type Lane = readonly DigestThread[];

export interface DigestThreadsOptions {
  readonly program: URL;
  /** Pairs of threads at most: as many contents are hashed side by side, further ones share. */
  readonly lanes: number;
}

/** How many pairs this many processors can keep busy, beside the thread that serves: four of them hash 2.5 GiB a second. */
export function lanesFor(processors: number): number {
  return Math.min(4, Math.max(1, Math.floor(processors / 2)));
}

/** Digests in threads where there is a program for them, else in this thread. @param processors of this machine */
export function openDigests(program: URL | null, processors: number): DigestThreads {
  if (program === null) return { take: takeDigestsHere, close: async () => undefined };
  return openDigestThreads({ program, lanes: lanesFor(processors) });
}

/** Threads start with the first content that is not small, a further pair when all others have something to do. */
export function openDigestThreads({ program, lanes: most }: DigestThreadsOptions): DigestThreads {
  let lanes: readonly Lane[] = [];

  function freest(): Lane {
    const [least] = [...lanes].sort((left, right) => busyIn(left) - busyIn(right));
    if (least !== undefined && (busyIn(least) === 0 || lanes.length >= most)) return least;
    return started();
  }

  /** Where one thread of a pair dies, the other one has nothing left to do: all contents of theirs have failed. */
  function started(): Lane {
    const onLost = (): void => {
      lanes = lanes.filter((lane) => lane !== fresh);
      for (const thread of fresh) void thread.close();
    };
    const fresh: Lane = DIGEST_ALGORITHMS.map((algorithm) => startDigestThread(program, algorithm, onLost));
    lanes = [...lanes, fresh];
    return fresh;
  }

  return {
    take: () => smallHere(() => inThreads(freest().map((thread) => thread.begin()))),
    async close() {
      await Promise.all(lanes.flat().map((thread) => thread.close()));
    },
  };
}

function busyIn(lane: Lane): number {
  return Math.max(0, ...lane.map(({ busy }) => busy));
}

/** Keeps what comes until it is known not to be small. */
function smallHere(large: () => DigestTaker): DigestTaker {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let taker: DigestTaker | null = null;
  return {
    add(block) {
      if (taker !== null) return taker.add(block);
      if (keptBytes + block.length <= SMALL_BYTES) {
        kept.push(block.slice());
        keptBytes += block.length;
        return undefined;
      }
      const begun = large();
      taker = begun;
      const before = kept;
      kept = [];
      return before.length === 0 ? begun.add(block) : all([...before, block].map(async (each) => begun.add(each)));
    },
    async finish() {
      if (taker !== null) return taker.finish();
      const here = takeDigestsHere();
      for (const each of kept) await here.add(each);
      return here.finish();
    },
    drop() {
      kept = [];
      taker?.drop();
    },
  };
}

/** The same blocks go to each thread. What lies in shared memory goes as it is, anything else through blocks of our own. */
function inThreads(threads: readonly ThreadedDigest[]): DigestTaker {
  let size = 0;
  const toThreads = (block: Uint8Array): Promise<void> => all(threads.map((thread) => thread.add(block)));
  const copies = sharedBlocks(toThreads);
  return {
    add(block) {
      size += block.length;
      const isShared = block.buffer instanceof SharedArrayBuffer;
      return isShared && copies.isEmpty ? toThreads(block) : copies.add(block);
    },
    async finish() {
      await copies.flush();
      const taken = await Promise.all(threads.map((thread) => thread.finish()));
      const [sha256, sha512] = taken;
      invariant(sha256 !== undefined && sha512 !== undefined, 'there is a thread for each digest');
      // What did not see all of it must never be believed.
      if (taken.some((each) => each.size !== size))
        throw new VaultError('unavailable', 'A thread that takes digests has not seen all of the content');
      return { size, sha256: sha256.digest, sha512: sha512.digest };
    },
    drop() {
      for (const thread of threads) thread.drop();
    },
  };
}

async function all(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.all(promises);
}
