import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { MAX_REQUEST_BYTES } from './add-checkpoint.ts';
import type { Witness, WitnessAnswer } from './witness.ts';

/** Open connections: one for each log and a few auditors. */
const MAX_CONNECTIONS = 256;
/** The whole request, in ms: who sends slowly must not hold a connection. */
const REQUEST_TIMEOUT_MS = 10_000;

export interface RunningWitness {
  readonly url: string;
  stop(): Promise<void>;
}

const NEWEST = /^\/checkpoint\/([0-9a-f]{64})$/;
const TEXT = 'text/plain; charset=utf-8';

/**
 * Serves a witness over HTTP: `POST /add-checkpoint` (c2sp.org/tlog-witness), and `GET /checkpoint/<SHA-256 of the
 * origin, hexadecimal>` for auditors, which no specification asks for. Anybody may call: what counts are signatures.
 *
 * @throws Error when the port is taken.
 */
export async function serveWitness(
  witness: Witness,
  options: { readonly host: string; readonly port: number; readonly onError: (thrown: unknown) => void },
): Promise<RunningWitness> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    answer(witness, request).then(
      (given) => send(response, given),
      (thrown: unknown) => {
        options.onError(thrown);
        // Nothing was answered for a checkpoint that could not be kept.
        send(response, { status: 500, type: TEXT, body: 'the witness cannot keep checkpoints now\n' });
      },
    );
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(witness: Witness, request: IncomingMessage): Promise<WitnessAnswer> {
  const path = request.url ?? '';
  const [, hash] = NEWEST.exec(path) ?? [];
  if (hash !== undefined && request.method === 'GET') return witness.newest(hash);
  if (path !== '/add-checkpoint') return { status: 404, type: TEXT, body: 'not found\n' };
  if (request.method !== 'POST') return { status: 405, type: TEXT, body: 'use POST\n' };
  const body = await readBody(request);
  if (body === null) return { status: 413, type: TEXT, body: `at most ${MAX_REQUEST_BYTES} bytes\n` };
  return witness.addCheckpoint(body);
}

/** The body, or null when it is too large. @throws Error when the request was cut off. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    // A request without an encoding gives buffers.
    length += chunk.length;
    if (length > MAX_REQUEST_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, type, body }: WitnessAnswer): void {
  // After an early answer the rest of the request is not read.
  if (status === 413) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
