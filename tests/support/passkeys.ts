import { PASSWORD, signedIn, visitorAt, type Visitor } from './visitor.ts';
import type { Harness, Reply } from './server.ts';
import { softwareAuthenticator, type Lies, type SoftwareAuthenticator } from './software-authenticator.ts';
import { BASE } from './playbooks.ts';

/** People with passkeys, over real HTTP. Only tests import this file. */

/** The site of these tests: the name that people use. Whatever port it listens on, this is what browsers would write. */
export const SITE = 'http://localhost:3999';
/** What a browser says of a request of one of our own pages. */
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin' };

/** Registers a passkey as the page does; answers with the reply of the last call. */
export async function registerPasskey(
  visitor: Visitor,
  authenticator: SoftwareAuthenticator,
  lies: Lies = {},
  name = 'test key',
): Promise<Reply> {
  const options = await visitor.api('GET', '/api/passkeys/options');
  if (options.status !== 200) return options;
  const { nonce, publicKey } = options.body.data;
  const response = authenticator.create(publicKey, lies);
  return visitor.api('POST', '/api/passkeys', { name, nonce, response }, OWN_PAGE);
}

export interface Keyed {
  readonly visitor: Visitor;
  readonly authenticator: SoftwareAuthenticator;
  readonly passkeyId: string;
}

/** Somebody with a password, in a new browser, with a new passkey. */
export async function atBrowserWithPasskey(house: Harness, email: string, counts = false): Promise<Keyed> {
  const visitor = await signedIn(house, email, PASSWORD);
  const authenticator = softwareAuthenticator(SITE, { counts });
  const registered = await registerPasskey(visitor, authenticator);
  if (registered.status !== 201) throw new Error(`no passkey: ${registered.text}`);
  return { visitor, authenticator, passkeyId: registered.body.data.id };
}

export type Decision = 'APPROVE' | 'DENY';
export interface Asked {
  readonly id: string;
  readonly intentHash: string;
}

/** What the server wants signed for a vote. @throws when it gives no options. */
export async function optionsOf(visitor: Visitor, { id, intentHash }: Asked, decision: Decision = 'APPROVE') {
  const query = new URLSearchParams({ decision, intentHash }).toString();
  const reply = await visitor.api('GET', `${BASE}/approvals/${id}/passkey-options?${query}`);
  if (reply.status !== 200) throw new Error(`no options: ${reply.text}`);
  return reply.body.data as { nonce: string; publicKey: { challenge: string; rpId: string } }; // as the API describes it
}

/** What a browser would send with a vote. */
export async function signedFor(
  { visitor, authenticator }: Pick<Keyed, 'visitor' | 'authenticator'>,
  asked: Asked,
  lies: Lies = {},
  decision: Decision = 'APPROVE',
) {
  const { nonce, publicKey } = await optionsOf(visitor, asked, decision);
  return { ...authenticator.get(publicKey, lies), nonce };
}

/** Sends a vote; answers with the status and the code of a refusal, or the status of the request. */
export async function votes(
  { visitor }: Pick<Keyed, 'visitor'>,
  { id, intentHash }: Asked,
  assertion: object | undefined,
  verb: 'approve' | 'deny' = 'approve',
): Promise<readonly [number, string]> {
  const body = { intentHash, ...(assertion === undefined ? {} : { assertion }) };
  const reply = await visitor.api('POST', `${BASE}/approvals/${id}/${verb}`, body, OWN_PAGE);
  return [reply.status, reply.body.code ?? reply.body.data?.status];
}

/** A browser in which nobody has signed in. */
export const stranger = (house: Harness): Visitor => visitorAt(() => house.url);
