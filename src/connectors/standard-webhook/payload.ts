import type { OutgoingMessage } from '../../pipeline/notifications/contract.ts';
import { shownMessage, type Room, type ShownNotice } from '../../pipeline/notifications/shown-message.ts';
import { fitBytes } from '../fit-bytes.ts';

/** Biggest payload, in bytes: receivers commonly take this much; Standard Webhooks asks for small ones. */
const MAX_PAYLOAD_BYTES = 256 * 1024;

/** Roomiest first. A program reads this, so it lists more than people would. */
const ROOMS: readonly Room[] = [
  { notices: 200, titleLength: 500, lines: 40, lineLength: 2_000, facts: 40, labelLength: 80, valueLength: 2_000 },
  { notices: 200, titleLength: 200, lines: 2, lineLength: 200, facts: 2, labelLength: 40, valueLength: 40 },
  { notices: 200, titleLength: 100, lines: 0, lineLength: 1, facts: 0, labelLength: 1, valueLength: 1 },
];

/**
 * The body of a webhook: `{type, timestamp, data}`. `type` is the kind of the notice, or `digest`. The reader's own link
 * is not in it: what answers for a person must not lie in a program's log.
 *
 * @param now ms since 1970.
 */
export function webhookPayload(message: OutgoingMessage, now: number): string {
  const [first, ...others] = message.notices;
  const type = others.length === 0 && first !== undefined ? first.kind : 'digest';
  const timestamp = new Date(now).toISOString();
  return fitBytes(ROOMS, (room) => JSON.stringify({ type, timestamp, data: dataOf(message, room) }), MAX_PAYLOAD_BYTES);
}

function dataOf(message: OutgoingMessage, room: Room): object {
  const { id, title, severity, notices, more } = shownMessage(message, room);
  return { id, title, severity, notices: notices.map(forPrograms), more };
}

function forPrograms({ kind, severity, title, lines, facts, about, ask, viewUrl, whole }: ShownNotice): object {
  return { kind, severity, title, lines, facts, about, ask, viewUrl, whole };
}
