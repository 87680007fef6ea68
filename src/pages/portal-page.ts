import { html, type Html } from './html.ts';
import { hidden, page, refusalNotice, type Viewer } from './layout.ts';
import { shownAt } from './times.ts';

/** Pages for a regulatory contact: a closed message, and an opened one. Nothing of a message stands on a closed one. */

export interface ClosedMessage {
  readonly id: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** Where the code is sent. */
  readonly action: string;
  readonly refusal: string | null;
}

/** Asks who one is: a code, or the own account. */
export function closedMessagePage({ id, expiresAt, action, refusal }: ClosedMessage): string {
  return page(
    'A message for you',
    null,
    html`<h1>A message for you</h1>
      ${refusalNotice(refusal)}
      <p>
        It opens with a one-time code. Call whoever sends it on a number that you know: they read the code out to you.
        Opening it is recorded as read.
      </p>
      <form method="post" action="${action}">
        <label for="code">One-time code</label>
        <input
          id="code"
          name="code"
          autocomplete="one-time-code"
          autocapitalize="characters"
          spellcheck="false"
          required
          maxlength="40"
        />
        <button>Open and record as read</button>
      </form>
      <p>Do you have an account here? <a href="/messages/${id}">Sign in and open it without a code</a>.</p>
      <p class="quiet">This page closes at ${shownAt(expiresAt)}.</p>`,
  );
}

/** For somebody who is signed in: opening it is an act of its own, so that no program that follows links is taken for a reader. */
export function ownMessagePage(id: string, viewer: Viewer, fields: Readonly<Record<string, string>>): string {
  return page(
    'A message for you',
    viewer,
    html`<h1>A message for you</h1>
      <p>It was sent to you as a regulatory contact. Opening it is recorded as read, with the time and your account.</p>
      <form method="post" action="/messages/${id}">${hidden(fields)}<button>Open and record as read</button></form>`,
  );
}

export interface OpenedMessageShown {
  readonly title: string;
  readonly lines: readonly string[];
  readonly text: string;
  readonly hash: string;
  /** RFC 3339. */
  readonly readAt: string;
}

/** The message with its draft, and the receipt that was recorded. */
export function openedMessagePage(
  { title, lines, text, hash, readAt }: OpenedMessageShown,
  viewer: Viewer | null,
): string {
  return page(
    title,
    viewer,
    html`<h1>${title}</h1>
      ${lines.map((line): Html => html`<p>${line}</p>`)}
      <h2>The draft</h2>
      <pre>${text}</pre>
      <p class="quiet">
        Recorded as read at ${shownAt(readAt)}. Hash of the message: ${hash}. A code opens it once: keep what you need.
      </p>`,
  );
}
