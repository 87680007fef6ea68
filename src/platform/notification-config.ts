import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isThisMachine } from './address-class.ts';
import type { ConfigReader } from './config-reader.ts';

/** How people are told; null: not this way. Everything here that is an address of a webhook is a secret. */
export interface NotificationConfig {
  readonly mail: MailConfig | null;
  readonly slackWebhook: string | null;
  /** Proves that an answer comes from Slack; null: nobody can answer there. */
  readonly slackSigningSecret: string | null;
  readonly teamsWebhook: string | null;
  readonly pagerDuty: { readonly url: string; readonly routingKey: string } | null;
  readonly webhook: { readonly url: string; readonly secret: string } | null;
  /** Messages to one receiver within a minute that go at once; what comes after them goes together when the minute is over. */
  readonly messagesPerMinute: number;
}

export const SMTP_TLS_MODES = ['implicit', 'starttls', 'opportunistic', 'none'] as const;
export type SmtpTls = (typeof SMTP_TLS_MODES)[number];

export interface MailConfig {
  readonly host: string;
  readonly port: number;
  /** `implicit`: from the first byte; `starttls`: or nothing is sent; `opportunistic`: where the server offers it. */
  readonly tls: SmtpTls;
  readonly login: { readonly user: string; readonly password: string } | null;
  /** Certificates of authorities that are believed instead of the usual ones, in PEM. */
  readonly ca: string | null;
  /** Whom mails come from: an address alone. */
  readonly from: string;
  /** What encrypted mail is signed with; null: it is not signed. */
  readonly signer: MailSigner | null;
}

/** An S/MIME certificate and its key, in PEM. */
export interface MailSigner {
  readonly certificate: string;
  readonly key: string;
}

/** May be given as `NAME_FILE` too. */
export const NOTIFICATION_SECRETS = [
  'NOTIFICATION_SLACK_WEBHOOK',
  'NOTIFICATION_TEAMS_WEBHOOK',
  'NOTIFICATION_WEBHOOK_URL',
  'NOTIFICATION_WEBHOOK_SECRET',
  'PAGERDUTY_ROUTING_KEY',
  'SLACK_SIGNING_SECRET',
  'SMTP_PASSWORD',
  'SMTP_CA',
  'SMIME_SIGN_CERT',
  'SMIME_SIGN_KEY',
] as const;

/** Slack takes one a second, and a person far less. */
const USUAL_PER_MINUTE = 20;
/** A receiver that is a program may take so many. */
const MOST_PER_MINUTE = 6_000;

const PAGERDUTY_URL = 'https://events.pagerduty.com';
/** Ports of RFC 8314 and RFC 6409. */
const IMPLICIT_PORT = 465;
const SUBMISSION_PORT = 587;
/** What Standard Webhooks asks of a secret, in bytes. */
const MIN_WEBHOOK_SECRET = 24;
const MAX_WEBHOOK_SECRET = 64;

/** Reads and checks everything about notifications; what is wrong is noted, with the way to mend it. */
export function readNotifications(read: ConfigReader): NotificationConfig {
  return {
    mail: readMail(read),
    slackWebhook: read.webhook('NOTIFICATION_SLACK_WEBHOOK'),
    slackSigningSecret: read.optional('SLACK_SIGNING_SECRET', /^\S{16,256}$/, 'one word of 16 characters or more'),
    teamsWebhook: read.webhook('NOTIFICATION_TEAMS_WEBHOOK'),
    pagerDuty: readPagerDuty(read),
    webhook: readWebhook(read),
    messagesPerMinute: read.integer('NOTIFICATION_MESSAGES_PER_MINUTE', USUAL_PER_MINUTE, 1, MOST_PER_MINUTE),
  };
}

function readMail(read: ConfigReader): MailConfig | null {
  const host = read.optional('SMTP_HOST', /^[A-Za-z0-9.:_-]{1,253}$/, 'a host name or an address');
  const from = read.optional(
    'NOTIFICATION_EMAIL_FROM',
    /^[^\s@<>()[\]\\,;:"]{1,64}@[A-Za-z0-9.-]{1,190}$/,
    'an email address alone, like alerts@example.org',
  );
  const wanted = read.oneOf('SMTP_TLS', SMTP_TLS_MODES);
  const port = read.integer('SMTP_PORT', wanted === 'implicit' ? IMPLICIT_PORT : SUBMISSION_PORT, 1, 65_535);
  const tls = wanted ?? (port === IMPLICIT_PORT ? 'implicit' : 'starttls');
  const login = readLogin(read);
  const ca = read.certificates('SMTP_CA');
  if (read.has('SMTP_HOST') && !read.has('NOTIFICATION_EMAIL_FROM')) {
    read.fault('SMTP_HOST needs NOTIFICATION_EMAIL_FROM: set it to the address that mails come from');
  }
  const signer = readSigner(read);
  for (const name of ['NOTIFICATION_EMAIL_FROM', 'SMTP_USER', 'SMIME_SIGN_CERT']) {
    if (read.has(name) && !read.has('SMTP_HOST')) {
      read.fault(`${name} needs SMTP_HOST: set it to the server that takes the mails`);
    }
  }
  if (host === null || from === null) return null;
  const inTheClear = tls === 'none' || tls === 'opportunistic';
  if (login !== null && inTheClear && !isThisMachine(host)) {
    read.fault(`SMTP_TLS must be starttls or implicit with SMTP_USER: ${tls} could send the password in the clear`);
  }
  return { host, port, tls, login, ca, from, signer };
}

function readSigner(read: ConfigReader): MailSigner | null {
  const certificate = read.certificates('SMIME_SIGN_CERT');
  const key = read.optional(
    'SMIME_SIGN_KEY',
    /^-----BEGIN (?:RSA |EC )?PRIVATE KEY-----\r?\n[A-Za-z0-9+/=\s]+-----END (?:RSA |EC )?PRIVATE KEY-----\s*$/,
    'a private key in PEM without a passphrase; SMIME_SIGN_KEY_FILE names a file that holds it',
  );
  if (read.has('SMIME_SIGN_CERT') !== read.has('SMIME_SIGN_KEY')) {
    read.fault('SMIME_SIGN_CERT and SMIME_SIGN_KEY belong together: set both or none');
  }
  if (certificate === null || key === null) return null;
  if (belongTogether(certificate, key)) return { certificate, key };
  read.fault('SMIME_SIGN_KEY must be the key of SMIME_SIGN_CERT, RSA or on the curve P-256, P-384 or P-521');
  return null;
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    const own = createPrivateKey(key);
    const curve = own.asymmetricKeyDetails?.namedCurve ?? '';
    const signs = own.asymmetricKeyType === 'rsa' || ['prime256v1', 'secp384r1', 'secp521r1'].includes(curve);
    return signs && new X509Certificate(certificate).checkPrivateKey(own);
  } catch {
    return false;
  }
}

function readLogin(read: ConfigReader): MailConfig['login'] {
  const user = read.optional('SMTP_USER', /^[^\p{Cc}]{1,256}$/u, 'at most 256 characters');
  const password = read.optional('SMTP_PASSWORD', /^[^\p{Cc}]{1,1024}$/u, 'at most 1024 characters');
  if (read.has('SMTP_USER') !== read.has('SMTP_PASSWORD')) {
    read.fault('SMTP_USER and SMTP_PASSWORD belong together: set both or none');
  }
  return user === null || password === null ? null : { user, password };
}

function readPagerDuty(read: ConfigReader): NotificationConfig['pagerDuty'] {
  const routingKey = read.optional(
    'PAGERDUTY_ROUTING_KEY',
    /^[A-Za-z0-9_-]{8,128}$/,
    'the integration key of a service',
  );
  const url = (read.webhook('PAGERDUTY_URL') ?? PAGERDUTY_URL).replace(/\/+$/, '');
  if (read.has('PAGERDUTY_URL') && !read.has('PAGERDUTY_ROUTING_KEY')) {
    read.fault('PAGERDUTY_URL needs PAGERDUTY_ROUTING_KEY: set it to the integration key of a service');
  }
  return routingKey === null ? null : { url, routingKey };
}

function readWebhook(read: ConfigReader): NotificationConfig['webhook'] {
  const url = read.webhook('NOTIFICATION_WEBHOOK_URL');
  const secret = read.optional(
    'NOTIFICATION_WEBHOOK_SECRET',
    /^whsec_[A-Za-z0-9+/]{1,120}={0,2}$/,
    'whsec_ and base64, like "whsec_$(openssl rand -base64 32)"',
  );
  if (read.has('NOTIFICATION_WEBHOOK_URL') !== read.has('NOTIFICATION_WEBHOOK_SECRET')) {
    read.fault('NOTIFICATION_WEBHOOK_URL and NOTIFICATION_WEBHOOK_SECRET belong together: set both or none');
  }
  if (secret !== null && !hasRightLength(secret)) {
    read.fault(
      `NOTIFICATION_WEBHOOK_SECRET must hold ${MIN_WEBHOOK_SECRET} to ${MAX_WEBHOOK_SECRET} bytes behind whsec_`,
    );
    return null;
  }
  return url === null || secret === null ? null : { url, secret };
}

/** Whether a Standard Webhooks secret holds as many bytes as it should, as base64 that every reader reads alike. */
export function hasRightLength(secret: string): boolean {
  const text = secret.slice('whsec_'.length);
  const bytes = Buffer.from(text, 'base64');
  const { length } = bytes;
  return bytes.toString('base64') === text && length >= MIN_WEBHOOK_SECRET && length <= MAX_WEBHOOK_SECRET;
}
