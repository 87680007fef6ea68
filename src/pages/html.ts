/**
 * Text with markup that is safe to send. Only `html` makes it, and only from parts of our own source and from values that
 * it escapes: what somebody else wrote is always text.
 */
export class Html {
  readonly #text: string;
  private constructor(text: string) {
    this.#text = text;
  }
  /** For `html` alone. */
  static joined(text: string): Html {
    return new Html(text);
  }
  toString(): string {
    return this.#text;
  }
}

/** What may stand in a page; null is nothing. */
export type Shown = Html | string | number | null | readonly Shown[];

/**
 * HTML with every value escaped, in text and in quoted attributes alike; an `Html` stays as it is. A value may stand in
 * text and inside of quotes only, never as a tag, a name or a style, and never begin an address: escaping cannot help there.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Shown[]): Html {
  const text = parts.map((part, index) => (index === 0 ? part : `${textOf(values[index - 1] ?? null)}${part}`));
  return Html.joined(text.join(''));
}

function textOf(value: Shown): string {
  if (value === null) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(textOf).join('');
  return escaped(String(value));
}

/** Control characters, and those that turn the direction of writing: shown, so that no name can look like another. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(UNSEEN, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
    .replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
