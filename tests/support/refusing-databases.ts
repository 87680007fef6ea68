import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** FAKES of databases that let nobody in: they speak just as much of PostgreSQL's protocol as it takes to be turned away. */

export interface RefusingDatabase {
  /** Its address, with a password that no error may show. */
  readonly url: string;
  close(): Promise<void>;
}

/** One that shows this certificate. */
export function databaseWithCertificate(certificate: {
  readonly key: string;
  readonly cert: string;
}): Promise<RefusingDatabase> {
  return refusing('?sslmode=verify-full', (socket) => {
    socket.write('S');
    new TLSSocket(socket, { isServer: true, ...certificate }).on('error', () => undefined);
  });
}

/** One that agrees to TLS and goes on with something else, as a wrong port or a broken proxy does. */
export function databaseWithoutTls(): Promise<RefusingDatabase> {
  return refusing('?sslmode=verify-full', (socket) => {
    socket.write('S');
    socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  });
}

/** One for which the password is wrong. */
export function databaseWithOtherPassword(): Promise<RefusingDatabase> {
  const fields = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "firebreak"', ''];
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(''));
  const head = Buffer.alloc(5, 'E');
  head.writeInt32BE(4 + body.length, 1);
  return refusing('', (socket) => socket.end(Buffer.concat([head, body])));
}

/** @param refuse called when the first bytes of a client are there. */
async function refusing(parameters: string, refuse: (socket: Socket) => unknown): Promise<RefusingDatabase> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => refuse(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is no path
  return {
    url: `postgres://firebreak:not%20to%20be%20shown@127.0.0.1:${port}/firebreak${parameters}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
