import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A real SMTP server that keeps what it takes. */
export interface MailServer {
  readonly port: number;
  readonly mails: { readonly to: readonly string[]; readonly secure: boolean; readonly raw: string }[];
  readonly server: SMTPServer;
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: MailServer['mails'] = [];
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    // A test that leaves a client hanging must not wait for it.
    closeTimeout: 50,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, secure: session.secure, raw: Buffer.concat(chunks).toString('utf8') });
        done();
      });
    },
    ...options,
  });
  // A client that goes away in the middle is what half of the tests are about.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo; // it listens on a port, so it is no path
  return { port, mails, server, close: () => new Promise((resolve) => server.close(resolve)) };
}

/** A fresh certificate for localhost and its key, in PEM; null, said aloud, where there is no OpenSSL. */
export function ownCertificate(): { readonly key: string; readonly cert: string } | null {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const made = spawnSync('openssl', ['req', '-x509', ...key, ...subject, '-keyout', '-', '-out', '-'], {
    encoding: 'utf8',
  });
  if (made.status !== 0) {
    process.stderr.write('SKIPPED: no OpenSSL here, so mail over TLS is not tested\n');
    return null;
  }
  const part = (name: RegExp): string => name.exec(made.stdout)?.[0] ?? '';
  return {
    key: part(/-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----/),
    cert: part(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/),
  };
}

export interface ReadMail {
  /** Lower-case names, in the order in which they came; lines that were folded are one again. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  header(name: string): string | undefined;
  /** Decoded parts by their type. */
  part(type: string): string;
}

/** Takes a mail of two parts apart, as far as tests need it. */
export function readMail(raw: string): ReadMail {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const headers = headersIn(head);
  const header = (name: string): string | undefined => headers.find(([known]) => known === name)?.[1];
  const boundary = /boundary="([^"]+)"/.exec(header('content-type') ?? '')?.[1] ?? '';
  const parts = rest
    .join('\r\n\r\n')
    .split(`--${boundary}`)
    .map((part) => part.replace(/^\r\n/, ''));
  return {
    headers,
    header,
    part(type) {
      const found = parts.find((part) => part.toLowerCase().includes(`content-type: ${type}`)) ?? '';
      const [partHead = '', ...body] = found.split('\r\n\r\n');
      return decoded(body.join('\r\n\r\n'), headersIn(partHead).find(([name]) => name.endsWith('encoding'))?.[1] ?? '');
    },
  };
}

function headersIn(head: string): (readonly [string, string])[] {
  return head
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()] as const);
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
