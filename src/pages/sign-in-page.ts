import { html } from './html.ts';
import { hidden, page, refusalNotice } from './layout.ts';

export interface SignInPage {
  /** Where to go on afterwards: one of our own pages. */
  readonly to: string;
  readonly refusal: string | null;
  /** Whether an identity provider is configured. */
  readonly singleSignOn: boolean;
}

export function signInPage({ to, refusal, singleSignOn }: SignInPage): string {
  const provider = singleSignOn
    ? html`<p><a href="/sign-in/oidc?to=${encodeURIComponent(to)}">Sign in with your organisation’s account</a></p>`
    : null;
  return page(
    'Sign in',
    null,
    html`<h1>Sign in</h1>
      ${refusalNotice(refusal)} ${provider}
      <form method="post" action="/sign-in">
        ${hidden({ to })}
        <label for="email">Email address</label>
        <input id="email" name="email" type="email" autocomplete="username" required maxlength="254" />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required maxlength="512" />
        <button>Sign in</button>
      </form>
      <p class="quiet">
        No password yet? An administrator gives you an invitation; <a href="/invitation">set one with it</a>.
      </p>`,
  );
}

/** Where somebody who was invited sets the password. */
export function invitationPage({ refusal }: { readonly refusal: string | null }): string {
  return page(
    'Set a password',
    null,
    html`<h1>Set a password</h1>
      ${refusalNotice(refusal)}
      <form method="post" action="/invitation">
        <label for="invitation">Invitation</label>
        <input id="invitation" name="invitation" autocomplete="off" spellcheck="false" required maxlength="200" />
        <label for="password">New password, at least 12 characters</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="new-password"
          required
          minlength="12"
          maxlength="512"
        />
        <button>Set the password</button>
      </form>`,
  );
}

/** Anything that ends here: what was refused, and where to go on. */
export function refusalPage(title: string, sentence: string): string {
  return page(
    title,
    null,
    html`<h1>${title}</h1>
      ${refusalNotice(sentence)}
      <p><a href="/approvals">To the approvals</a></p>`,
  );
}
