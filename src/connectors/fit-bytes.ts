/**
 * The first of several forms of a message, roomiest first, that has at most `maxBytes` bytes of UTF-8; the last one when
 * none has, and then the receiver judges. Lengths in characters say little about bytes when senders choose the characters.
 */
export function fitBytes<Form>(forms: readonly Form[], build: (form: Form) => string, maxBytes: number): string {
  let text = '';
  for (const form of forms) {
    text = build(form);
    if (Buffer.byteLength(text) <= maxBytes) return text;
  }
  return text;
}
