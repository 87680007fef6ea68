import { createHash } from 'node:crypto';
import type { ContentDigests } from './vault.ts';

/** Takes content in block by block and says in the end what it was. */
export interface DigestTaker {
  /**
   * The block may be used again when the promise resolves; blocks are taken in the order of calling. Undefined: it is done
   * already.
   */
  add(block: Uint8Array): Promise<void> | undefined;
  /** Ends it. */
  finish(): Promise<ContentDigests>;
  /** Gives up without an answer. */
  drop(): void;
}

/** Both digests, in this thread. */
export function takeDigestsHere(): DigestTaker {
  const sha256 = createHash('sha256');
  const sha512 = createHash('sha512');
  let size = 0;
  return {
    add(block) {
      sha256.update(block);
      sha512.update(block);
      size += block.length;
      return undefined;
    },
    finish: async () => ({ size, sha256: sha256.digest('hex'), sha512: sha512.digest('hex') }),
    drop: () => undefined,
  };
}
