import type { IncomingMessage, Server } from 'node:http';

/** Listens on any port of the loopback, prints the ready line, and ends when asked to. */
export function announce(server: Server, beforeEnd: () => void = () => undefined): void {
  // Longer than any slice of a run: connections that are closed while idle would be measured as failures.
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`);
  });
  process.once('SIGTERM', () => {
    beforeEnd();
    process.exit(0);
  });
}

/** The whole body as text. */
export async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  request.setEncoding('utf8');
  for await (const chunk of request) text += String(chunk);
  return text;
}
