import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** Stands between the server and the sandbox company and hears the key of each changing call when it arrives. */
export interface Door {
  readonly url: string;
  close(): Promise<void>;
}

export async function openDoor(target: string, heard: (key: string) => void): Promise<Door> {
  const server = createServer((incoming, outgoing) => {
    const key = incoming.headers['idempotency-key'];
    if (typeof key === 'string' && incoming.method !== 'GET') heard(key);
    pass(target, incoming, outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function pass(target: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers, url = '/' } = incoming;
  const host = new URL(target).host;
  const onward = request(new URL(url, target), { method, headers: { ...headers, host } }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    pipeline(reply, outgoing, () => undefined);
  });
  // Who called may have been killed by now; the call goes on to its end.
  outgoing.on('error', () => undefined);
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
