/* UTF-8 in the language alone: it stands in the core for the classes of the same names, which only programs have. */

export class TextEncoder {
  /** A lone surrogate is the replacement character, as everywhere. */
  encode(text) {
    const escaped = encodeURIComponent(text.toWellFormed());
    const bytes = [];
    for (let index = 0; index < escaped.length; index += 1) {
      if (escaped[index] === '%') {
        bytes.push(Number.parseInt(escaped.slice(index + 1, index + 3), 16));
        index += 2;
      } else bytes.push(escaped.charCodeAt(index));
    }
    return Uint8Array.from(bytes);
  }
}

export class TextDecoder {
  /** @throws URIError where the bytes are no UTF-8. */
  decode(bytes) {
    return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
  }
}
