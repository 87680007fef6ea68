import { html, type Html } from './html.ts';
import { PASSKEY_SCRIPT_PATH } from './passkey-script.ts';

/** Where the script says what went wrong; read out when it does. */
export function passkeyProblem(): Html {
  return html`<p class="notice bad" role="alert" data-passkey-problem hidden></p>`;
}

/** Stands there until the script takes it away, so that it is read also where a script was refused or did not come. */
export function withoutScript(what: string): Html {
  return html`<p class="notice" data-passkey-scriptless>A browser asks for a passkey by a script only: ${what}</p>`;
}

/** Belongs behind the forms that it serves, on a page that is sent with its policy. */
export function passkeyScript(): Html {
  return html`<script src="${PASSKEY_SCRIPT_PATH}"></script>`;
}
