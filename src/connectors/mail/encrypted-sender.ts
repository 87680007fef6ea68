import { sha256Base64Url } from '../../platform/hash.ts';
import { messageOf } from '../../platform/errors.ts';
import { SendError, type OutgoingMessage, type Sender } from '../../pipeline/notifications/contract.ts';
import { oneLine } from '../../pipeline/notifications/one-line.ts';
import { shownMessage, type Room } from '../../pipeline/notifications/shown-message.ts';
import { enveloped, mimePart, signedPart, type Content } from './smime.ts';
import { mailTransport, type MailOptions } from './transport.ts';

/** Room for everything that a regulatory contact is told; the draft is attached whole. */
const ROOM: Room = {
  notices: 20,
  titleLength: 500,
  lines: 100,
  lineLength: 4_000,
  facts: 100,
  labelLength: 80,
  valueLength: 4_000,
};
/** Longest draft that is attached, in UTF-16 units: twice what one may hold, so that none is ever cut. */
const MAX_DOCUMENT_LENGTH = 400_000;

/**
 * Mail that only the contact can read: S/MIME, for the certificate that people verified. Subject, headers and file name hold no
 * content. Where there is no certificate nothing is sent: never plain mail instead.
 */
export function encryptedMailSender(options: MailOptions): Sender {
  const domain = options.from.slice(options.from.lastIndexOf('@') + 1);
  const transport = mailTransport(options);
  return {
    channel: 'ENCRYPTED_EMAIL',
    async send(message, signal) {
      const certificate = message.contact?.certificate ?? null;
      if (certificate === null)
        throw new SendError('no_certificate', 'the contact has no certificate: nothing is sent in the clear', false);
      const mail = {
        subject: `Firebreak: encrypted notice ${message.id}`,
        messageId: `<firebreak.${sha256Base64Url(`message/${message.id}`)}@${domain}>`,
        attachments: [
          {
            contentType: 'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
            filename: 'smime.p7m',
            content: await sealed(message, certificate, options),
          },
        ],
      };
      return { reference: await transport.deliver(mail, message.to, signal) };
    },
    close: () => transport.close(),
  };
}

async function sealed(message: OutgoingMessage, certificate: string, { signer }: MailOptions): Promise<Buffer> {
  try {
    const part = await mimePart(contentOf(message));
    return await enveloped(signer === null ? part : await signedPart(part, signer), certificate);
  } catch (thrown) {
    // What went wrong may name what is in it: said in one short line.
    const why = oneLine(messageOf(thrown), 200).text;
    throw new SendError('encryption_failed', `it could not be encrypted: ${why}`, false);
  }
}

function contentOf(message: OutgoingMessage): Content {
  const shown = shownMessage(message, ROOM);
  const document = message.contact?.document ?? null;
  const notices = shown.notices.map(({ severity, title, lines, facts }) =>
    [`${severity}: ${title}`, ...lines, facts.map(({ label, value }) => `${label}: ${value}`).join('\n')].join('\n\n'),
  );
  const attached = { filename: 'draft.txt', contentType: 'text/plain; charset=utf-8' };
  return {
    subject: `${shown.severity}: ${shown.title}`,
    text: [...notices, FOOTER].join('\n\n'),
    attachments: document === null ? [] : [{ ...attached, content: document.slice(0, MAX_DOCUMENT_LENGTH) }],
  };
}

const FOOTER =
  '-- \nSent by Firebreak to the regulatory contact of its organisation. Nothing was sent to an authority: that is for you.';
