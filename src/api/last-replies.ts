import type { ApiServer } from './server.ts';

/**
 * Replies that are sent while the server closes end their connection. Without this, one that a request was still under
 * way on stayed open for as long as an idle one may (72 s), and the process with it.
 */
export function endConnectionsOnClosing(server: ApiServer): void {
  let closing = false;
  server.addHook('preClose', async () => {
    closing = true;
  });
  server.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
}
