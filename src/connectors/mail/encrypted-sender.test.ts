import { afterEach, describe, expect, it } from 'vitest';
import { decrypted, hasOpenssl, mailKeys, verified } from '../../../tests/support/mail-certificates.ts';
import { readMail, startMailServer, type MailServer } from '../../../tests/support/mail-server.ts';
import { HOSTILE, hostileMessage, messageOf } from '../../../tests/support/notices.ts';
import type { OutgoingMessage, OutgoingToContact, Sender } from '../../pipeline/notifications/contract.ts';
import { encryptedMailSender } from './encrypted-sender.ts';
import { portalMailSender } from './portal-sender.ts';
import type { MailOptions } from './transport.ts';

const never = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function mailServer(): Promise<MailServer> {
  const server = await startMailServer({ disabledCommands: ['STARTTLS'] });
  closing.push(() => server.close());
  return server;
}

const FROM = 'alerts@example.org';
function senderTo(make: (options: MailOptions) => Sender, port: number, more: Partial<MailOptions> = {}): Sender {
  const plain = { host: '127.0.0.1', port, tls: 'none', login: null, ca: null, signer: null } as const;
  const sender = make({ ...plain, from: FROM, timeoutMs: 5_000, ...more });
  closing.push(() => sender.close());
  return sender;
}

const toContact = (message: OutgoingMessage, contact: Partial<OutgoingToContact> = {}): OutgoingMessage => ({
  ...message,
  contact: { certificate: null, document: null, portal: null, ...contact },
});
const ATTACK = HOSTILE.join('\n');
const rawOf = ({ mails }: MailServer): string => mails[0]?.raw ?? '';

describe.skipIf(!hasOpenssl)('encrypted mail', () => {
  it.each(['rsa:2048', 'ec:P-256', 'ec:P-384', 'ec:P-521'])('is read by the key of %s and by no other', async (key) => {
    const server = await mailServer();
    const keys = mailKeys({ key });
    const document = 'Nature of the breach\r\nMISSING: the number of persons – noch nicht bekannt';
    const { certificate } = keys;
    await senderTo(encryptedMailSender, server.port).send(toContact(messageOf(), { certificate, document }), never);
    const raw = rawOf(server);
    const { headers } = readMail(raw);
    const subject = headers.find(([name]) => name === 'subject')?.[1];
    expect(subject).toBe(`Firebreak: encrypted notice ${messageOf().id}`);
    expect(headers.find(([name]) => name === 'content-type')?.[1]).toContain('enveloped-data');
    for (const { title, lines, facts } of messageOf().notices)
      for (const text of [title, ...lines, ...facts.map(({ value }) => value)]) expect(raw).not.toContain(text);
    const part = readMail(decrypted(raw, keys));
    const inside = Buffer.from(decrypted(raw, keys)).toString();
    expect(part.headers.find(([name]) => name === 'subject')?.[1]).toContain(
      messageOf().notices[0]?.title.slice(0, 10),
    );
    expect(inside).toContain('draft.txt');
    const attached = /draft\.txt\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)/.exec(inside)?.[1] ?? '';
    const base64 = Buffer.from(attached, 'base64').toString('utf8');
    expect(base64 === document || inside.includes('MISSING: the number of persons')).toBe(true);
    expect(() => decrypted(raw, mailKeys({ key }))).toThrow('openssl cms');
  });

  it('is signed inside of the envelope where a certificate for that is configured', async () => {
    const server = await mailServer();
    const keys = mailKeys();
    for (const key of ['rsa:2048', 'ec:P-256']) {
      const own = mailKeys({ key });
      const signer = { certificate: own.certificate, key: own.privateKey };
      const sender = senderTo(encryptedMailSender, server.port, { signer });
      await sender.send(toContact(messageOf(), { certificate: keys.certificate }), never);
      const inside = decrypted(server.mails.at(-1)?.raw ?? '', keys);
      expect(verified(inside, own)).toContain('Sent by Firebreak to the regulatory contact');
      expect(() => verified(inside, mailKeys({ key }))).toThrow('openssl cms');
      expect(() => verified(inside.replace('Sent by', 'Send by'), own)).toThrow('openssl cms');
    }
  });

  it('makes no header, part or second mail of hostile text, and keeps a huge one', async () => {
    const server = await mailServer();
    const keys = mailKeys();
    const document = `${ATTACK}\r\n.\r\nMAIL FROM:<eve@example.org>\r\n--boundary\r\nContent-Type: text/html\r\n\r\n${'x'.repeat(300_000)}`;
    const message = toContact(hostileMessage(ATTACK), { certificate: keys.certificate, document });
    await senderTo(encryptedMailSender, server.port).send(message, never);
    expect(server.mails).toHaveLength(1);
    const names = readMail(rawOf(server)).headers.map(([name]) => name);
    expect(new Set(names)).toEqual(new Set(HEADERS));
    const inside = decrypted(rawOf(server), keys);
    const [head = ''] = inside.split(/\r?\n\r?\n/);
    expect(head.toLowerCase()).not.toMatch(/^(bcc|to|from|cc):/m);
    expect(inside.length).toBeGreaterThan(300_000);
  });

  it('is never sent in the clear: without a certificate, or with one that cannot be used, there is no mail', async () => {
    const server = await mailServer();
    const sender = senderTo(encryptedMailSender, server.port);
    const failure = async (contact?: Partial<OutgoingToContact>) =>
      sender
        .send(contact === undefined ? messageOf() : toContact(messageOf(), contact), never)
        .catch((thrown: unknown) => thrown);
    expect(await failure()).toMatchObject({ code: 'no_certificate', retryable: false });
    expect(await failure({ document: 'x' })).toMatchObject({ code: 'no_certificate', retryable: false });
    expect(await failure({ certificate: 'nonsense' })).toMatchObject({ code: 'encryption_failed', retryable: false });
    expect(server.mails).toEqual([]);
  });
});

describe('the mail about a page', () => {
  it('holds the link and no word of the message', async () => {
    const server = await mailServer();
    const portal = { url: 'https://firebreak.example/portal/x.y', expiresAt: 1_772_323_200_000 };
    await senderTo(portalMailSender, server.port).send(
      toContact(hostileMessage(ATTACK), { portal, document: 'the draft' }),
      never,
    );
    const raw = rawOf(server);
    expect(raw).toContain('https://firebreak.example/portal/x.y');
    expect(raw).not.toContain('the draft');
    expect(readMail(raw).headers.find(([name]) => name === 'subject')?.[1]).toMatch(
      /^Firebreak: a message waits for you \S+$/,
    );
    expect(raw).not.toContain('evil');
  });

  it('is not sent where there is no page', async () => {
    const server = await mailServer();
    const sender = senderTo(portalMailSender, server.port);
    const failed = await sender.send(toContact(messageOf()), never).catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code: 'no_public_url', retryable: false });
    expect(server.mails).toEqual([]);
  });
});

const HEADERS = [
  'auto-submitted',
  'content-disposition',
  'content-transfer-encoding',
  'content-type',
  'date',
  'from',
  'message-id',
  'mime-version',
  'subject',
  'to',
  'x-auto-response-suppress',
];
