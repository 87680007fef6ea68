import { registerPasskey, SITE } from '../support/passkeys.ts';
import type { Api, Body } from '../support/server.ts';
import { softwareAuthenticator } from '../support/software-authenticator.ts';
import { givePassword, signedIn, visitorAt, type Visitor } from '../support/visitor.ts';
import { NO_MAIL, PREFERENCES, succeeds, type Scene } from './scene.ts';

/** Somebody of a scene at a browser, and how their browser sends what is asked. */

export async function withPassword({ house, fresh }: Scene, role = 'AUDITOR') {
  const email = `${fresh('browser')}@soc.example`;
  const given = { kind: 'person', name: 'At A Browser', email, roles: [role] };
  const { id }: { readonly id: string } = await succeeds(house.admin.api('POST', '/api/users', given));
  await givePassword(house, id);
  return { id, email };
}

export async function atBrowser(scene: Scene, role = 'AUDITOR') {
  const { id, email } = await withPassword(scene, role);
  const visitor = await signedIn(scene.house, email);
  await succeeds(fromOwnPage(visitor)('PUT', PREFERENCES, NO_MAIL));
  return { id, visitor };
}

export async function withPasskey(scene: Scene) {
  const { visitor } = await atBrowser(scene);
  const passkey = await succeeds(registerPasskey(visitor, softwareAuthenticator(SITE)));
  return { visitor, passkey };
}

export function visitorOf({ house }: Scene): Visitor {
  return visitorAt(() => house.url);
}

/** Calls of the API as a script on one of our own pages makes them. */
export function fromOwnPage(visitor: Visitor): Api {
  return (method, path, body, headers = {}) =>
    visitor.api(method, path, body, { 'sec-fetch-site': 'same-origin', ...headers });
}

/** Forms as one of our own pages sends them; that it leads on is that it was done. */
export function sendingForms(visitor: Visitor): Api {
  return async (_method, path, body, headers = {}) => {
    const fields = body as Readonly<Record<string, string>>; // the forms above
    const sent = await visitor.send(path, fields, { stay: true, headers: { accept: '*/*', ...headers } });
    const { status, text } = sent;
    const answer = status === 303 ? {} : (JSON.parse(text) as Body); // what the API says of a refusal
    return { status: status === 303 ? 200 : status, headers: sent.headers, text, body: answer };
  };
}
