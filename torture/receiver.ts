import { appendFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Draw } from './draw.ts';

/**
 * A target that knows no idempotency keys and cannot be read back: what arrives twice is done twice. It writes each call
 * to a file, and can say when the next one arrives, which is when a process is best killed.
 */
export interface Receiver {
  readonly url: string;
  /** Resolves when the next call arrives, before it is answered. */
  nextCall(): Promise<void>;
  /** Carries calls out from now on without answering them, so that more of them queue up; until it is called again. */
  stall(stalled: boolean): void;
  /** Switches its faults off. */
  behave(): void;
  close(): Promise<void>;
}

const CALL = z.looseObject({ order: z.string(), step: z.string() });

/** @param file one JSON line for each call that was carried out. */
export async function openReceiver(file: string, draw: Draw): Promise<Receiver> {
  let behaves = false;
  let stalled: (() => void)[] | null = null;
  let waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    request.on('end', () => {
      for (const tell of waiting) tell();
      waiting = [];
      const lot = behaves ? 99 : draw.integer(0, 99);
      // Not done, and the caller knows it: it has to come again after a pause.
      if (lot < 20) return void response.writeHead(lot < 10 ? 429 : 503, { 'retry-after': '0' }).end();
      const { order, step } = CALL.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      const key = request.headers['idempotency-key'] ?? null;
      appendFileSync(file, `${JSON.stringify({ order, step, key, at: Date.now() })}\n`);
      const done = (): void => void response.writeHead(204).end();
      if (stalled !== null) return void stalled.push(done);
      // Done, but nobody hears of it.
      if (lot < 25) return void request.socket.destroy();
      setTimeout(done, lot < 60 ? 0 : draw.integer(5, 120));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    nextCall: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    stall(now) {
      const waited = stalled ?? [];
      stalled = now ? waited : null;
      if (!now) for (const answer of waited) answer();
    },
    behave: () => {
      behaves = true;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
