import { html, type Html, type Shown } from './html.ts';
import { STYLE_ELEMENT } from './style.ts';

/** Who looks at a page by a session of their own; what they send carries `formToken`. */
export interface Viewer {
  readonly name: string;
  /** Null: they came with an API key, and have nothing to sign out of. */
  readonly formToken: string | null;
}

/** The name of the form field that carries the token of the session. */
export const FORM_TOKEN = 'formToken';

/** A whole page. `title` says first what it is about, as a screen reader and a list of tabs read it. */
export function page(title: string, viewer: Viewer | null, body: Shown): string {
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} – Firebreak</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header><strong>Firebreak</strong>${viewer === null ? null : about(viewer)}</header>
        <main id="main">${body}</main>
      </body>
    </html> `;
  return whole.toString();
}

function about({ name, formToken }: Viewer): Html {
  const leave =
    formToken === null
      ? null
      : html`<form method="post" action="/sign-out">
          ${hidden({ [FORM_TOKEN]: formToken })}<button>Sign out</button>
        </form>`;
  return html`<a href="/approvals">Approvals</a><a href="/account">${name}</a>${leave}`;
}

/** Hidden fields of a form. */
export function hidden(fields: Readonly<Record<string, string>>): readonly Html[] {
  return Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`);
}

/** A sentence about what was refused, read out at once. */
export function refusalNotice(sentence: string | null): Html | null {
  return sentence === null ? null : html`<p class="notice bad" role="alert">${sentence}</p>`;
}
