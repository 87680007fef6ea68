/*
 * The thread that takes digests, from its source: a thread loads TypeScript only once it was told how. It dies of a block
 * that begins with the byte 0xDD, and with `?dies=finish` when it is asked for a digest after such a block.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { register } from 'tsx/esm/api';

const FATAL = 0xdd;
const diesAtFinish = new URL(import.meta.url).searchParams.get('dies') === 'finish';
const { createHash } = crypto;
crypto.createHash = (algorithm) => {
  const hash = createHash(algorithm);
  let isHit = false;
  return {
    update(block) {
      isHit ||= block[0] === FATAL;
      if (isHit && !diesAtFinish) process.exit(9);
      hash.update(block);
    },
    digest(encoding) {
      if (isHit) process.exit(9);
      return hash.digest(encoding);
    },
  };
};
syncBuiltinESMExports();
register();
await import('../../src/pipeline/evidence/digest-thread.ts');
