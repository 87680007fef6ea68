import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Workshop } from './children.ts';
import { latencyOf, pause, rounded, type Latency } from './measure.ts';
import { CannotRunError, type BenchOptions } from './options.ts';
import { startProduct } from './product.ts';
import { openStorage } from './storage.ts';

const MIB = 1024 * 1024;
/** What is read of the file and handed to the socket at a time, in bytes. */
const PIECE_BYTES = MIB;
/** How often the server is asked something small meanwhile, in ms: what it lets that wait is what others notice. */
const ASK_EVERY_MS = 20;
/** How long that is done before anything else is, to compare with, in ms. */
const QUIET_MS = 2_000;

interface Kept {
  readonly id: string;
  readonly sha256: string;
  readonly sha512: string;
}

const KEPT = z.looseObject({
  data: z.looseObject({
    id: z.string(),
    alarm: z.unknown(),
    integrity: z.looseObject({ size: z.int(), sha256: z.string(), sha512: z.string() }),
  }),
});

/** One figure of a size: how long it took, and what part of the reference's speed that is. */
interface Timed {
  readonly seconds: number;
  readonly ratioToOpenssl: number;
}

/**
 * Large artefacts: handed in over HTTP, read again for a verification, and downloaded; each beside what `openssl` needs for both digests of
 * the same file. Sizes are taken one after the other by one server, whose memory has to be the same for all of them.
 * @throws CannotRunError without openssl; Error when a digest is not that of openssl.
 */
export async function benchEvidence(workshop: Workshop, options: BenchOptions): Promise<Record<string, unknown>> {
  const { program, profileDir, sizesMiB, settle } = options;
  requireOpenssl();
  const storage = await openStorage(workshop, 'sqlite');
  const place = await storage.newPlace();
  const product = await startProduct(workshop, { program, profileDir, targetUrl: null, keys: 1, place });
  const { url, pid } = product.service;
  const key = product.admin;
  const folder = workshop.directory();
  // What only the start needed is given back by the engine some 40 s later, and a server usually runs for longer than that.
  await pause(settle * 1_000);
  await forgetPeak(pid);
  const quiet = await askedMeanwhile(url, () => pause(QUIET_MS));
  const quietRssMiB = await peakMiB(pid);
  const sizes: Record<string, unknown>[] = [];
  for (const sizeMiB of sizesMiB) {
    const file = await fileOf(folder, sizeMiB);
    const reference = opensslOf(file);
    const timed = (seconds: number): Timed => ({
      seconds: rounded(seconds, 2),
      ratioToOpenssl: rounded(reference.seconds / seconds, 2),
    });
    await forgetPeak(pid);
    const preserved = await askedMeanwhile(url, () => handIn(url, key, file, sizeMiB * MIB));
    const peakRssMiB = await peakMiB(pid);
    const { id, ...digests } = preserved.answer;
    if (digests.sha256 !== reference.sha256 || digests.sha512 !== reference.sha512)
      throw new Error(`the server says other digests of ${file} than openssl`);
    await forgetPeak(pid);
    const verified = await askedMeanwhile(url, () => verify(url, key, id));
    const downloaded = await askedMeanwhile(url, () => download(url, key, id, sizeMiB * MIB));
    sizes.push({
      sizeMiB,
      opensslSeconds: rounded(reference.seconds, 2),
      preserve: { ...timed(preserved.seconds), peakRssMiB, others: preserved.others },
      verify: { ...timed(verified.seconds), others: verified.others },
      download: { ...timed(downloaded.seconds), others: downloaded.others },
      laterPeakRssMiB: await peakMiB(pid),
      load: rounded(loadavg()[0] ?? 0, 2),
    });
  }
  await product.service.stop();
  return { bench: 'evidence', valid: true, quiet: quiet.others, quietRssMiB, sizes };
}

function requireOpenssl(): void {
  if (spawnSync('openssl', ['version']).status !== 0) throw new CannotRunError('there is no openssl to compare with');
}

/** A file of bytes that nothing can make smaller. */
async function fileOf(folder: string, sizeMiB: number): Promise<string> {
  const file = join(folder, 'artefact');
  const block = randomFillSync(Buffer.alloc(MIB));
  const handle = await open(file, 'w');
  for (let index = 0; index < sizeMiB; index += 1) {
    block.writeUInt32BE(index);
    await handle.write(block);
  }
  await handle.sync();
  await handle.close();
  return file;
}

/** Both digests by openssl, one after the other, and how long that took; the file is in the memory of the machine. */
function opensslOf(file: string): { readonly seconds: number; readonly sha256: string; readonly sha512: string } {
  const digest = (name: string): string => {
    const { stdout, status } = spawnSync('openssl', ['dgst', '-r', `-${name}`, file], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl dgst -${name} failed`);
    return stdout.split(' ')[0] ?? '';
  };
  const start = performance.now();
  const [sha256, sha512] = [digest('sha256'), digest('sha512')];
  return { seconds: (performance.now() - start) / 1_000, sha256, sha512 };
}

/** Does something, and asks the server something small all the while. */
async function askedMeanwhile<Answer>(
  url: string,
  work: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly seconds: number; readonly others: Latency }> {
  const latencies: number[] = [];
  let isDone = false;
  const asking = (async () => {
    while (!isDone) {
      const asked = performance.now();
      await (await fetch(`${url}/healthz`)).arrayBuffer();
      latencies.push(performance.now() - asked);
      await pause(ASK_EVERY_MS);
    }
  })();
  const start = performance.now();
  try {
    const answer = await work();
    return { answer, seconds: (performance.now() - start) / 1_000, others: latencyOf(latencies) };
  } finally {
    isDone = true;
    await asking;
  }
}

function send(url: string, key: string, type: string, length: number): ReturnType<typeof httpRequest> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': type, 'content-length': length };
  return httpRequest(url, { method: 'POST', headers });
}

async function answerTo(sent: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const reply = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once('response', resolve).once('error', reject);
  });
  if ((reply.statusCode ?? 500) < 300) return reply;
  throw new Error(`the server answered ${reply.statusCode}: ${(await text(reply)).slice(0, 1_000)}`);
}

async function handIn(url: string, key: string, file: string, bytes: number): Promise<Kept> {
  const sent = send(`${url}/api/evidence?kind=disk-image&name=disk.img`, key, 'application/octet-stream', bytes);
  const answered = answerTo(sent);
  createReadStream(file, { highWaterMark: PIECE_BYTES }).pipe(sent);
  const { data } = KEPT.parse(JSON.parse(await text(await answered)));
  if (data.integrity.size !== bytes) throw new Error('the server kept another size than was sent');
  return { id: data.id, ...data.integrity };
}

async function verify(url: string, key: string, id: string): Promise<void> {
  const sent = send(`${url}/api/evidence/${id}/verify`, key, 'application/json', 0);
  const answered = answerTo(sent);
  sent.end();
  const { data } = KEPT.parse(JSON.parse(await text(await answered)));
  if (data.alarm !== null) throw new Error('the server says that the evidence is not as it was left');
}

async function download(url: string, key: string, id: string, bytes: number): Promise<void> {
  const body = JSON.stringify({ reason: 'a benchmark' });
  const sent = send(`${url}/api/evidence/${id}/download`, key, 'application/json', body.length);
  const answered = answerTo(sent);
  sent.end(body);
  let read = 0;
  for await (const piece of await answered) read += Buffer.byteLength(piece);
  if (read !== bytes) throw new Error('the server sent another size than it keeps');
}

/** The most that a process had in memory since `forgetPeak`, in MiB; null where there is no `/proc`. */
async function peakMiB(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return kib === undefined ? null : Math.round(Number(kib) / 1_024);
}

/** Where the system does not let us, the peak is that of the whole run: never a figure that is too good. */
async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined);
}
