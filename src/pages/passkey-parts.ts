import { html, type Html } from './html.ts';
import { PASSKEY_SCRIPT_PATH } from './passkey-script.ts';

/** Where the script says what went wrong; read out when it does. */
export function passkeyProblem(): Html {
  return html`<p class="notice bad" role="alert" data-passkey-problem hidden></p>`;
}

/** Belongs behind the forms that it serves, on a page that is sent with its policy. */
export function passkeyScript(): Html {
  return html`<script src="${PASSKEY_SCRIPT_PATH}"></script>`;
}
