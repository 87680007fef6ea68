/*
 * The threads of a SQLite journal from their source, of which each page of views waits inside its read until the test
 * lets it go on, or ends the thread there.
 */
import { createRequire } from 'node:module';
import { BroadcastChannel, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { register } from 'tsx/esm/api';

const channel = new BroadcastChannel(`reads of ${workerData.file}`);
channel.unref();
const asleep = new Int32Array(new SharedArrayBuffer(4));

function wait() {
  channel.postMessage('held');
  for (;;) {
    const told = receiveMessageOnPort(channel)?.message;
    if (told === 'go on') return;
    if (told === 'end') process.exit();
    // Asleep, as in a long read; looks up every 2 ms.
    if (told === undefined) Atomics.wait(asleep, 0, 0, 2);
  }
}

const { prototype } = createRequire(import.meta.url)('better-sqlite3');
const { prepare } = prototype;
prototype.prepare = function (text) {
  if (text.includes('offset @skip')) wait();
  return prepare.call(this, text);
};
register();
await import('../../src/journal/sqlite/store-thread.ts');
