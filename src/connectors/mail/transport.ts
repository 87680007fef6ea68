import { createTransport } from 'nodemailer';
import type { MailConfig } from '../../platform/notification-config.ts';
import { SendError } from '../../pipeline/notifications/contract.ts';
import { smtpFailure } from './smtp-failure.ts';

export interface MailOptions extends MailConfig {
  /** The whole exchange with the mail server, in ms. */
  readonly timeoutMs: number;
}

/** Resolving and connecting, in ms, of the whole time. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Connections to the mail server at once: below what any server grants to one client. */
const MAX_CONNECTIONS = 5;
/** Mails over one connection: most servers end it after some hundred. */
const MAX_MESSAGES = 100;
/** Longest address of a mailbox, in characters (RFC 5321). */
const MAX_ADDRESS_LENGTH = 254;
/** One mailbox: nothing that ends it, quotes or begins another one. */
const ADDRESS = /^[^\s@<>()[\]\\,;:"\p{Cc}]{1,64}@[^\s@<>()[\]\\,;:"\p{Cc}]{1,190}$/u;

/** What goes into one mail. Headers and body are escaped and folded by the library. */
export interface Mail {
  readonly subject: string;
  readonly messageId: string;
  readonly text?: string;
  readonly html?: string;
  /** What it answers to, so that readers see a conversation. */
  readonly threadId?: string;
  /** Alone, it is the whole body. */
  readonly attachments?: readonly {
    readonly contentType: string;
    readonly filename: string;
    readonly content: Buffer;
  }[];
}

/** The way to the mail server. */
export interface MailTransport {
  /** Sends one mail to one mailbox. @returns its Message-ID. @throws SendError. */
  deliver(mail: Mail, to: string, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/** A connection that was opened is used again while mails come: greetings, and TLS, take longer than a mail. Certificates are always verified. */
export function mailTransport(options: MailOptions): MailTransport {
  const transport = createTransport(transportOptions(options));
  const closed = new AbortController();
  return {
    async deliver({ threadId, attachments, ...mail }, to, signal) {
      if (to.length > MAX_ADDRESS_LENGTH || !ADDRESS.test(to)) {
        throw new SendError('invalid_address', 'the receiver has no usable email address', false);
      }
      const timeout = AbortSignal.timeout(options.timeoutMs);
      try {
        const sent = await transport.sendMail({
          ...mail,
          ...(threadId === undefined ? {} : { inReplyTo: threadId, references: threadId }),
          ...(attachments === undefined ? {} : { attachments: [...attachments] }),
          from: { name: 'Firebreak', address: options.from },
          to: { name: '', address: to },
          // RFC 3834, and what Exchange goes by: no out-of-office answers to a machine.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
          disableFileAccess: true,
          disableUrlAccess: true,
          signal: AbortSignal.any([signal, timeout, closed.signal]),
        });
        return sent.messageId;
      } catch (thrown) {
        if (timeout.aborted) throw new SendError('timeout', `not taken within ${options.timeoutMs} ms`, true);
        throw smtpFailure(thrown);
      }
    },
    close() {
      closed.abort();
      transport.close();
      return Promise.resolve();
    },
  };
}

function transportOptions({ host, port, tls, login, ca, timeoutMs }: MailOptions) {
  return {
    pool: true as const,
    maxConnections: MAX_CONNECTIONS,
    maxMessages: MAX_MESSAGES,
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    opportunisticTLS: tls === 'opportunistic',
    ignoreTLS: tls === 'none',
    tls: { minVersion: 'TLSv1.2' as const, ...(ca === null ? {} : { ca }) },
    ...(login === null ? {} : { auth: { user: login.user, pass: login.password } }),
    connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
    dnsTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    logger: false,
  };
}
