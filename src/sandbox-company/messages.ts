import {
  applyEffect,
  applyToUser,
  emptyBox,
  LIMITS,
  Refusal,
  userToChange,
  type Change,
  type Message,
  type MessageBox,
  type World,
} from './company.ts';

/** What a message is made of. */
export type Letter = Pick<Message, 'kind' | 'subject' | 'text'>;

/** Puts a message into a box; the caller has noted the effect. @throws Refusal 507 when the service is full */
export function deliver(change: Change, box: MessageBox, letter: Letter): Message {
  const { world, key, now } = change;
  if (world.messageCount >= LIMITS.objects) throw new Refusal(507, 'full', 'no more messages are kept');
  world.messageCount += 1;
  const message: Message = { id: `msg_${world.messageCount}`, reference: key, at: now, ...letter };
  box.messages.push(message);
  if (key !== null) box.byReference.set(key, message);
  return message;
}

function boxOf(world: World, address: string): MessageBox {
  const known = world.mailboxes.get(address);
  if (known !== undefined) return known;
  if (world.mailboxes.size >= LIMITS.mailboxes) throw new Refusal(507, 'full', 'no more mailboxes');
  const box = emptyBox();
  world.mailboxes.set(address, box);
  return box;
}

/** Mail as part of another effect (a code, a reset link). */
export function mail(change: Change, address: string, letter: Letter): Message {
  return deliver(change, boxOf(change.world, address), letter);
}

/** POST /mailboxes/:address/messages */
export function sendMail(change: Change, address: string, letter: Letter): { messageId: string } {
  if (!/^[^\s@]{1,64}@[^\s@]{1,190}$/.test(address)) throw new Refusal(404, 'mailbox_not_found', 'not an address');
  const message = mail(change, address, letter);
  applyEffect(change, 'mail', address);
  return { messageId: message.id };
}

/** POST /users/:id/notifications: in the app, and by mail when asked to. */
export function notifyUser(
  change: Change,
  userId: string,
  body: { title: string; text: string; sendEmail: boolean },
): { messageId: string; mailed: boolean } {
  const user = userToChange(change, userId);
  const letter = { kind: 'notification', subject: body.title, text: body.text } as const;
  // Both or neither: the box that may refuse for two reasons comes first, and there is room for two.
  if (change.world.messageCount + 2 > LIMITS.objects) throw new Refusal(507, 'full', 'no more messages are kept');
  if (body.sendEmail) mail(change, user.mail, letter);
  const message = deliver(change, user.notifications, letter);
  applyToUser(change, user, 'notification');
  return { messageId: message.id, mailed: body.sendEmail };
}

/** Messages of a box, newest last; with a reference only the one that carries it. */
export function messagesIn(box: MessageBox | undefined, reference: string | null): readonly Message[] {
  if (box === undefined) return [];
  if (reference === null) return box.messages.slice(-PAGE);
  const found = box.byReference.get(reference);
  return found === undefined ? [] : [found];
}

/** Newest messages that one read shows. */
const PAGE = 200;
