import type { IncomingMessage } from 'node:http';
import { Refusal } from './company.ts';

/** Biggest body, in bytes: a seed of 50,000 users with one session each is about 8 MB. */
export const MAX_SANDBOX_BODY_BYTES = 16 * 1024 * 1024;

/** The whole body as text. @throws Refusal 413 as soon as it is too large */
export function readBody(request: IncomingMessage): Promise<string> {
  if (request.method === 'GET') {
    request.resume();
    return Promise.resolve('');
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_SANDBOX_BODY_BYTES) {
        reject(new Refusal(413, 'body_too_large', `at most ${MAX_SANDBOX_BODY_BYTES} bytes`));
        request.pause();
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
    request.on('aborted', () => reject(new Refusal(400, 'aborted', 'the request was cut off')));
  });
}
