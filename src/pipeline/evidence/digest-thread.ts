import { createHash, type Hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../platform/errors.ts';
import type { DigestAnswer, DigestRequest, DigestThreadData } from './digest-messages.ts';

/**
 * The program of a thread that takes one kind of digest, of several contents at a time. It ends with the first thing that it
 * does not understand: who asked hears that, and a digest of half of a content is never given out as that of the whole.
 */
const { algorithm } = workerData as DigestThreadData; // by `startDigestThread`, the only one who starts it
const contents = new Map<number, { readonly hash: Hash; size: number }>();
const port = parentPort;

function answerTo(request: DigestRequest): DigestAnswer | null {
  const { content, say } = request;
  if (say === 'begin') {
    invariant(!contents.has(content), 'a content begins once');
    contents.set(content, { hash: createHash(algorithm), size: 0 });
    return null;
  }
  const known = contents.get(content);
  if (say === 'drop') {
    contents.delete(content);
    return null;
  }
  invariant(known !== undefined, 'a content was begun in this thread');
  if (say === 'add') {
    known.hash.update(request.block);
    known.size += request.block.length;
    return { content, said: 'added' };
  }
  contents.delete(content);
  return { content, said: 'finished', size: known.size, digest: known.hash.digest('hex') };
}

port?.on('message', (request: DigestRequest) => {
  const answer = answerTo(request);
  if (answer !== null) port.postMessage(answer);
});
