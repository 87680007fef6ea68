import type { Sender } from '../../pipeline/notifications/contract.ts';
import { letterOf } from './letter.ts';
import { mailTransport, type MailOptions } from './transport.ts';

/** Mail over SMTP. A repeat has the same Message-ID, so that what was sent twice after a lost reply can be recognised. */
export function mailSender(options: MailOptions): Sender {
  const domain = options.from.slice(options.from.lastIndexOf('@') + 1);
  const transport = mailTransport(options);
  return {
    channel: 'EMAIL',
    async send(message, signal) {
      const { threadId, ...letter } = letterOf(message, domain);
      const mail = threadId === null ? letter : { ...letter, threadId };
      return { reference: await transport.deliver(mail, message.to, signal) };
    },
    close: () => transport.close(),
  };
}
