import { createTransport } from 'nodemailer';
import type { MailConfig } from '../../platform/notification-config.ts';
import { SendError, type Sender } from '../../pipeline/notifications/contract.ts';
import { letterOf } from './letter.ts';
import { smtpFailure } from './smtp-failure.ts';

export interface MailSenderOptions extends MailConfig {
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

/**
 * Mail over SMTP. A connection that was opened is used again while mails come: greetings, and TLS, take longer than a mail. Certificates are always verified. A repeat has the same Message-ID, so that what
 * was sent twice after a lost reply can be recognised.
 */
export function mailSender(options: MailSenderOptions): Sender {
  const domain = options.from.slice(options.from.lastIndexOf('@') + 1);
  const transport = createTransport(transportOptions(options));
  const closed = new AbortController();
  return {
    channel: 'EMAIL',
    async send(message, signal) {
      if (message.to.length > MAX_ADDRESS_LENGTH || !ADDRESS.test(message.to)) {
        throw new SendError('invalid_address', 'the receiver has no usable email address', false);
      }
      const { threadId, ...letter } = letterOf(message, domain);
      const timeout = AbortSignal.timeout(options.timeoutMs);
      try {
        const sent = await transport.sendMail({
          ...letter,
          ...(threadId === null ? {} : { inReplyTo: threadId, references: threadId }),
          from: { name: 'Firebreak', address: options.from },
          to: { name: '', address: message.to },
          // RFC 3834, and what Exchange goes by: no out-of-office answers to a machine.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
          disableFileAccess: true,
          disableUrlAccess: true,
          signal: AbortSignal.any([signal, timeout, closed.signal]),
        });
        return { reference: sent.messageId };
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

function transportOptions({ host, port, tls, login, ca, timeoutMs }: MailSenderOptions) {
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
