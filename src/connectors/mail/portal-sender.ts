import { sha256Base64Url } from '../../platform/hash.ts';
import { SendError, type Sender } from '../../pipeline/notifications/contract.ts';
import { mailTransport, type MailOptions } from './transport.ts';

/** Says by plain mail that a message waits on a page. The mail holds no word of it: whoever reads it still has to prove who they are. */
export function portalMailSender(options: MailOptions): Sender {
  const domain = options.from.slice(options.from.lastIndexOf('@') + 1);
  const transport = mailTransport(options);
  return {
    channel: 'SECURE_PORTAL',
    async send(message, signal) {
      const portal = message.contact?.portal ?? null;
      if (portal === null)
        throw new SendError('no_public_url', 'there is no page to lead to: PUBLIC_URL is not set', false);
      const mail = {
        subject: `Firebreak: a message waits for you ${message.id}`,
        messageId: `<firebreak.${sha256Base64Url(`message/${message.id}`)}@${domain}>`,
        text: [
          'A message for you waits on a page:',
          portal.url,
          'Sign in there, or call whoever sends it: they read a one-time code out to you.',
          `The page closes at ${new Date(portal.expiresAt).toISOString()}.`,
          '-- \nSent by Firebreak. A reply to this mail is not read.',
          '',
        ].join('\n\n'),
      };
      return { reference: await transport.deliver(mail, message.to, signal) };
    },
    close: () => transport.close(),
  };
}
