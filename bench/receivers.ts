import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { announce, textOf } from './serve.ts';

/**
 * Who is told, in a process of its own: a receiver in Slack's place, and a real mail server. Keeps nothing but when the first byte of
 * the first message about each person of the bench came, in ns of the clock that all processes of a machine share.
 */
const SUBJECT = /people-\d+-/g;
const slack = new Map<string, string>();
const mail = new Map<string, string>();

function note(times: Map<string, string>, text: string, at: bigint): void {
  for (const [who] of text.matchAll(SUBJECT)) if (!times.has(who)) times.set(who, String(at));
}

const smtp = new SMTPServer({
  authOptional: true,
  logger: false,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, done) {
    let at = 0n;
    let text = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      if (at === 0n) at = process.hrtime.bigint();
      text += chunk;
    });
    stream.on('end', () => {
      note(mail, text, at);
      done();
    });
  },
});
smtp.on('error', () => undefined);
await new Promise<void>((resolve) => {
  smtp.listen(0, '127.0.0.1', resolve);
});

const server = createServer((request, response) => void answer(request, response));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const at = process.hrtime.bigint();
  const text = await textOf(request);
  if (request.method === 'POST') {
    note(slack, text, at);
    return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok');
  }
  const { port } = smtp.server.address() as AddressInfo; // it listens on a port, so it is no path
  const said = { smtpPort: port, slack: Object.fromEntries(slack), mail: Object.fromEntries(mail) };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
}

announce(server, () => smtp.close());
