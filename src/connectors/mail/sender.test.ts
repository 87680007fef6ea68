import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { ownCertificate, readMail, startMailServer, type MailServer } from '../../../tests/support/mail-server.ts';
import { HOSTILE, hostileMessage, manyNotices, messageOf, UNPRINTABLE } from '../../../tests/support/notices.ts';
import { SendError, type OutgoingMessage, type Sender } from '../../pipeline/notifications/contract.ts';
import { mailSender } from './sender.ts';
import type { MailOptions } from './transport.ts';

const PASSWORD = 's3cret-p4ss';
const never = new AbortController().signal;
const certificate = ownCertificate();
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const server = await startMailServer({ disabledCommands: ['STARTTLS'], ...options });
  closing.push(() => server.close());
  return server;
}

function senderTo(port: number, options: Partial<MailOptions> = {}): Sender {
  const sender = mailSender({
    host: '127.0.0.1',
    port,
    tls: 'none',
    login: null,
    ca: null,
    from: 'alerts@example.org',
    signer: null,
    timeoutMs: 5_000,
    ...options,
  });
  closing.push(() => sender.close());
  return sender;
}

async function failureOf(attempt: Promise<unknown>): Promise<SendError> {
  const thrown: unknown = await attempt.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof SendError)) throw new Error('no SendError', { cause: thrown });
  const told = `${thrown.message} ${String(thrown.stack)} ${JSON.stringify(thrown)} ${String(thrown.cause)}`;
  expect(told).not.toContain(PASSWORD);
  expect(told).not.toContain(Buffer.from(PASSWORD).toString('base64'));
  expect(told).not.toContain('ana@example.org');
  return thrown;
}

describe('a mail', () => {
  it('has both parts, both links, and says that a machine wrote it', async () => {
    const server = await mailServer();
    const { reference } = await senderTo(server.port).send(messageOf(), never);
    const [mail] = server.mails;
    expect(mail?.to).toEqual(['ana@example.org']);
    const read = readMail(mail?.raw ?? '');
    expect(read.header('subject')).toBe('[Firebreak] HIGH: Suspend mara@example.org?');
    expect(read.header('from')).toBe('Firebreak <alerts@example.org>');
    expect(read.header('to')).toBe('ana@example.org');
    expect(read.header('auto-submitted')).toBe('auto-generated');
    expect(read.header('message-id')).toBe(reference);
    for (const part of [read.part('text/plain'), read.part('text/html')]) {
      expect(part).toContain('https://firebreak.example.org/approvals/apr_1');
      expect(part).toContain('https://firebreak.example.org/answer/only-for-this-reader');
      expect(part).toContain('Two places in 12 minutes that no flight covers.');
      expect(part).toContain('ACCOUNT_SUSPEND');
    }
  });

  it('goes over the connection of the one before, and over a new one where the server has ended that', async () => {
    const connections: string[] = [];
    const server = await mailServer({
      onConnect(session, done) {
        connections.push(session.id);
        done();
      },
    });
    const sender = senderTo(server.port);
    for (let count = 0; count < 3; count += 1) await sender.send(messageOf(), never);
    expect([connections.length, server.mails.length]).toEqual([1, 3]);
    // Its types do not name what it holds: the connections that are open.
    const { connections: open } = server.server as unknown as { readonly connections: ReadonlySet<{ close(): void }> };
    for (const connection of open) connection.close();
    await sender.send(messageOf(), never);
    expect([connections.length, server.mails.length]).toEqual([2, 4]);
  });

  it('has the same Message-ID at every try, and threads what is about the same thing', async () => {
    const server = await mailServer();
    const sender = senderTo(server.port);
    const first = messageOf();
    const reminder: OutgoingMessage = { ...messageOf({ kind: 'approval.reminder' }), id: 'msg_2' };
    const other: OutgoingMessage = { ...messageOf({ about: { type: 'approval', id: 'apr_2' } }), id: 'msg_3' };
    for (const message of [first, first, reminder, other]) await sender.send(message, never);
    const [one, again, later, another] = server.mails.map(({ raw }) => readMail(raw));
    expect(one?.header('message-id')).toMatch(/^<firebreak\.[\w-]{43}@example\.org>$/);
    expect(again?.header('message-id')).toBe(one?.header('message-id'));
    expect(later?.header('message-id')).not.toBe(one?.header('message-id'));
    expect(later?.header('references')).toBe(one?.header('references'));
    expect(later?.header('in-reply-to')).toBe(one?.header('references'));
    expect(another?.header('references')).not.toBe(one?.header('references'));
  });

  it('lists a bounded part of a digest and says how many more there are', async () => {
    const server = await mailServer();
    const worst = { severity: 'CRITICAL', title: 'The worst', about: { type: 'approval', id: 'apr_worst' } } as const;
    await senderTo(server.port).send(messageOf(...manyNotices(500), worst), never);
    const read = readMail(server.mails[0]?.raw ?? '');
    expect(read.header('subject')).toBe('[Firebreak] CRITICAL: 501 approvals wait, the most severe: The worst');
    expect(read.header('references')).toBeUndefined();
    for (const part of [read.part('text/plain'), read.part('text/html')]) {
      expect(part).toContain('Suspend user 19?');
      expect(part).not.toContain('Suspend user 20?');
      expect(part).toContain('… and 481 more.');
    }
  });

  it.each(HOSTILE.map((text) => [JSON.stringify(text.slice(0, 40)), text]))('lets %s stay text', async (_, text) => {
    const server = await mailServer();
    await senderTo(server.port).send(hostileMessage(text), never);
    const [mail, ...others] = server.mails;
    expect(others).toEqual([]);
    expect(mail?.to).toEqual(['ana@example.org']);
    const read = readMail(mail?.raw ?? '');
    expect(read.headers.map(([name]) => name).sort()).toEqual(HEADERS);
    const [plain, html] = [read.part('text/plain'), read.part('text/html')];
    expect(plain.replaceAll('\r\n', '\n')).not.toMatch(UNPRINTABLE);
    expect(html.replaceAll('\r\n', '\n')).not.toMatch(UNPRINTABLE);
    // Every tag is one of ours, and none has an attribute that runs something.
    expect([...html.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, tag]) => tag).filter((tag) => !TAGS.has(tag ?? ''))).toEqual(
      [],
    );
    expect(html).not.toMatch(/<[^>]*\bon\w+=/i);
    expect(mail?.raw.length).toBeLessThan(256 * 1024);
  });

  it('goes to one mailbox or to none', async () => {
    const server = await mailServer();
    const sender = senderTo(server.port);
    for (const to of [
      '',
      'ana',
      'a@b, c@d',
      'a@b\r\nRCPT TO:<c@d>',
      '<a@b>',
      'Ana <a@b>',
      'a b@c',
      `${'a'.repeat(300)}@b`,
    ]) {
      const error = await failureOf(sender.send({ ...messageOf(), to }, never));
      expect(error).toMatchObject({ code: 'invalid_address', retryable: false });
    }
    expect(server.mails).toEqual([]);
  });
});

describe('a mail server that refuses', () => {
  const refusal = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode });

  it.each([
    [550, 'rejected', false],
    [552, 'rejected', false],
    [450, 'try_later', true],
    [451, 'try_later', true],
    [421, 'try_later', true],
  ])('with %i at RCPT: %s, again: %s', async (status, code, retryable) => {
    const server = await mailServer({
      onRcptTo: (_address, _session, done) => done(refusal(status, 'ana@example.org is not wanted here')),
    });
    const error = await failureOf(senderTo(server.port).send(messageOf(), never));
    expect(error).toMatchObject({ code, retryable });
    expect(error.message).toContain(String(status));
  });

  it.each([
    [554, 'rejected', false],
    [452, 'try_later', true],
  ])('with %i after DATA: %s, again: %s', async (status, code, retryable) => {
    const server = await mailServer({
      onData(stream, _session, done) {
        stream.resume();
        stream.on('end', () => done(refusal(status, 'not this')));
      },
    });
    expect(await failureOf(senderTo(server.port).send(messageOf(), never))).toMatchObject({ code, retryable });
  });

  it('the login: final for a wrong password, and it is not repeated', async () => {
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) => done(refusal(535, `no such password: ${auth.password}`)),
    });
    const sender = senderTo(server.port, { login: { user: 'firebreak', password: PASSWORD } });
    expect(await failureOf(sender.send(messageOf(), never))).toMatchObject({
      code: 'unauthenticated',
      retryable: false,
    });
  });

  it('nothing, after the login', async () => {
    const server = await mailServer({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) =>
        auth.username === 'firebreak' && auth.password === PASSWORD
          ? done(null, { user: 1 })
          : done(refusal(535, 'no')),
    });
    await senderTo(server.port, { login: { user: 'firebreak', password: PASSWORD } }).send(messageOf(), never);
    expect(server.mails).toHaveLength(1);
  });
});

describe('a mail server that breaks off', () => {
  it('after it took the mail: retryable, and the repeat can be recognised', async () => {
    const taken: string[] = [];
    const sockets = new Set<Socket>();
    let cut = true;
    const server = await mailServer({
      onData(stream, _session, done) {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          taken.push(Buffer.concat(chunks).toString('utf8'));
          if (!cut) return done();
          for (const socket of sockets) socket.destroy();
        });
      },
    });
    server.server.server.on('connection', (socket: Socket) => sockets.add(socket));
    const sender = senderTo(server.port);
    expect(await failureOf(sender.send(messageOf(), never))).toMatchObject({
      code: 'connection_lost',
      retryable: true,
    });
    cut = false;
    await sender.send(messageOf(), never);
    expect(taken).toHaveLength(2);
    expect(readMail(taken[0] ?? '').header('message-id')).toBe(readMail(taken[1] ?? '').header('message-id'));
  });

  it('or is not there: retryable', async () => {
    const server = await mailServer();
    await server.close();
    expect(await failureOf(senderTo(server.port).send(messageOf(), never))).toMatchObject({
      code: 'connection_lost',
      retryable: true,
    });
  });

  it('or is silent: given up in time, or at once when told to', async () => {
    const silent = await silentServer();
    const late = await failureOf(senderTo(silent.port, { timeoutMs: 80 }).send(messageOf(), never));
    expect(late).toMatchObject({ code: 'timeout', retryable: true });
    const controller = new AbortController();
    const attempt = senderTo(silent.port).send(messageOf(), controller.signal);
    await expect.poll(() => silent.connections()).toBe(2);
    controller.abort();
    expect(await failureOf(attempt)).toMatchObject({ code: 'aborted', retryable: true });
    await expect.poll(() => silent.open()).toBe(0);
  });

  it('is not waited for when the sender is closed', async () => {
    const silent = await silentServer();
    const sender = senderTo(silent.port);
    const attempt = failureOf(sender.send(messageOf(), never));
    await expect.poll(() => silent.connections()).toBe(1);
    await sender.close();
    expect(await attempt).toMatchObject({ code: 'aborted', retryable: true });
    expect(await failureOf(sender.send(messageOf(), never))).toMatchObject({ code: 'aborted', retryable: true });
    await expect.poll(() => silent.open()).toBe(0);
  });
});

describe.skipIf(certificate === null)('mail over TLS', () => {
  const withTls = (options: SMTPServerOptions = {}) => mailServer({ disabledCommands: [], ...certificate, ...options });
  const ca = certificate?.cert ?? null;

  it('is encrypted from the first byte, or before anything else is said', async () => {
    const implicit = await withTls({ secure: true });
    await senderTo(implicit.port, { tls: 'implicit', ca }).send(messageOf(), never);
    const upgraded = await withTls();
    await senderTo(upgraded.port, { tls: 'starttls', ca }).send(messageOf(), never);
    expect([...implicit.mails, ...upgraded.mails].map(({ secure }) => secure)).toEqual([true, true]);
  });

  it.each(['implicit', 'starttls', 'opportunistic'] as const)(
    'refuses a certificate that nobody vouches for (%s)',
    async (tls) => {
      const server = await withTls({ secure: tls === 'implicit' });
      const error = await failureOf(senderTo(server.port, { tls }).send(messageOf(), never));
      expect(error).toMatchObject({ code: 'tls_failed', retryable: false });
      expect(server.mails).toEqual([]);
    },
  );

  it('sends nothing in the clear when the server offers no STARTTLS, unless it may', async () => {
    const server = await withTls({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] });
    const error = await failureOf(senderTo(server.port, { tls: 'starttls', ca }).send(messageOf(), never));
    expect(error).toMatchObject({ code: 'tls_failed', retryable: false });
    expect(server.mails).toEqual([]);
    await senderTo(server.port, { tls: 'opportunistic', ca }).send(messageOf(), never);
    expect(server.mails.map(({ secure }) => secure)).toEqual([false]);
  });
});

const TAGS = new Set(['html', 'body', 'h1', 'h2', 'p', 'table', 'tr', 'th', 'td', 'a', 'b', 'hr']);
const HEADERS = [
  'auto-submitted',
  'content-type',
  'date',
  'from',
  'in-reply-to',
  'message-id',
  'mime-version',
  'references',
  'subject',
  'to',
  'x-auto-response-suppress',
];

async function silentServer() {
  let count = 0;
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    count += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => undefined);
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.close();
    for (const socket of open) socket.destroy();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is no path
  return { port, connections: () => count, open: () => open.size };
}
