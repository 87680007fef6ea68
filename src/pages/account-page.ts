import { html, type Html } from './html.ts';
import { FORM_TOKEN, hidden, refusalNotice } from './layout.ts';
import { passkeyProblem, passkeyScript, withoutScript } from './passkey-parts.ts';
import { shownAt } from './times.ts';

/** A passkey as its owner sees it. */
export interface PasskeyShown {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly backedUp: boolean;
}

/** A session as its owner sees it. */
export interface SessionShown {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ip: string | null;
  readonly seenAt: string;
  readonly current: boolean;
}

export interface AccountView {
  readonly name: string;
  readonly email: string | null;
  readonly passkeys: readonly PasskeyShown[];
  readonly sessions: readonly SessionShown[];
  /** Null: whoever looks came with an API key, and changes nothing here. */
  readonly formToken: string | null;
  /** A sentence about what was refused. */
  readonly refusal: string | null;
}

/** What somebody has here that proves who they are: passkeys, sessions, a password. Pure. */
export function accountBody({ name, email, passkeys, sessions, formToken, refusal }: AccountView): Html {
  return html`<h1>Your account</h1>
    ${refusalNotice(refusal)}
    <p>${name}${email === null ? null : html` <span class="quiet">${email}</span>`}</p>
    <h2>Passkeys</h2>
    <p>Some approvals count only with a passkey: a telephone, a computer or a security key that knows you.</p>
    ${passkeyList(passkeys, formToken)} ${formToken === null ? null : registration()}
    <h2>Sessions</h2>
    <ul class="cards">
      ${sessions.map((session) => sessionCard(session, formToken))}
    </ul>
    ${formToken === null ? null : passwordForm(formToken, email)}`;
}

function passkeyList(passkeys: readonly PasskeyShown[], formToken: string | null): Html {
  if (passkeys.length === 0) return html`<p class="quiet">You have none yet.</p>`;
  return html`<ul class="cards">
    ${passkeys.map((passkey) => passkeyCard(passkey, formToken))}
  </ul>`;
}

function passkeyCard({ id, name, createdAt, backedUp }: PasskeyShown, formToken: string | null): Html {
  return html`<li>
    <p><strong>${name}</strong></p>
    <p class="quiet">
      Registered ${shownAt(createdAt)}. ${backedUp ? 'It is kept in several places.' : 'It is on one device only.'}
    </p>
    ${formToken === null ? null : passkeyForm(id, name, formToken)}
  </li>`;
}

function passkeyForm(id: string, name: string, formToken: string): Html {
  return html`<form method="post" action="/account/passkeys">
    ${hidden({ [FORM_TOKEN]: formToken, id })}
    <label for="name-${id}">Name</label>
    <input id="name-${id}" name="name" value="${name}" required maxlength="200" />
    <button name="change" value="rename">Rename ${name}</button>
    <button class="bad" name="change" value="remove">Remove ${name} for good</button>
  </form>`;
}

function registration(): Html {
  return html`<form data-passkey-register="/api/passkeys">
      <label for="passkey-name">Name of a new passkey, for example of its device</label>
      <input id="passkey-name" name="name" required maxlength="200" autocomplete="off" />
      ${passkeyProblem()}
      <button>Register a passkey</button>
      <p class="quiet">
        Within 10 minutes after signing in; later <a href="/sign-in?to=%2Faccount">sign in again</a> first.
      </p>
      ${withoutScript('allow scripts of this site.')}
    </form>
    ${passkeyScript()}`;
}

function sessionCard({ id, userAgent, ip, seenAt, current }: SessionShown, formToken: string | null): Html {
  const end =
    formToken === null
      ? null
      : html`<form method="post" action="/account/sessions">
          ${hidden({ [FORM_TOKEN]: formToken, id })}
          <button>${current ? 'End this session' : 'End it'}</button>
        </form>`;
  return html`<li>
    <p><strong>${current ? 'This one' : (userAgent ?? 'An unknown browser')}</strong></p>
    <p class="quiet">Last used ${shownAt(seenAt)}${ip === null ? null : `, from ${ip}`}</p>
    ${end}
  </li>`;
}

function passwordForm(formToken: string, email: string | null): Html {
  return html`<h2>Password</h2>
    <form method="post" action="/account/password">
      ${hidden({ [FORM_TOKEN]: formToken })}
      <input type="text" name="username" value="${email ?? ''}" autocomplete="username" readonly hidden />
      <label for="old-password">Present password</label>
      <input
        id="old-password"
        name="oldPassword"
        type="password"
        autocomplete="current-password"
        required
        maxlength="512"
      />
      <label for="new-password">New password, at least 12 characters</label>
      <input
        id="new-password"
        name="newPassword"
        type="password"
        autocomplete="new-password"
        required
        minlength="12"
        maxlength="512"
      />
      <button>Change the password and end all other sessions</button>
    </form>`;
}
