import type { Api, Harness, Reply } from './server.ts';
import { until } from './server.ts';

/** Somebody at a browser, as far as HTTP shows: cookies are kept, forms are sent as pages send them. Only tests import this file. */
export interface Visitor {
  /** Opens an address; where a redirect leads is opened too, on whichever server it is. */
  open(path: string): Promise<Visit>;
  /** Sends a form to our server; redirects are followed unless `stay`. */
  send(path: string, fields: Readonly<Record<string, string>>, options?: SendOptions): Promise<Visit>;
  /** The present cookies of our server, by name. */
  readonly cookies: ReadonlyMap<string, string>;
  /** Plants a cookie. */
  plant(name: string, value: string): void;
  /** A call of the API with the cookies. */
  readonly api: Api;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly stay?: boolean;
}

export interface Visit {
  readonly status: number;
  /** Where it ended. */
  readonly url: string;
  readonly text: string;
  readonly headers: Headers;
}

/** Redirects that are followed at most. */
const MAX_HOPS = 10;
export const PASSWORD = 'four words of nonsense';

export function visitorAt(url: () => string): Visitor {
  const jars = new Map<string, Map<string, string>>();
  const jarOf = (address: string) => {
    // Cookies belong to a host, whatever its port.
    const { hostname } = new URL(address);
    const jar = jars.get(hostname) ?? new Map<string, string>();
    jars.set(hostname, jar);
    return jar;
  };
  const cookieOf = (address: string) => [...jarOf(address)].map(([name, value]) => `${name}=${value}`).join('; ');

  async function go(address: string, init: RequestInit, stay: boolean): Promise<Visit> {
    let [next, how] = [address, init];
    for (let hops = 0; hops < MAX_HOPS; hops += 1) {
      const cookie = cookieOf(next);
      const headers = { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...(how.headers as object) };
      const reply = await fetch(next, { ...how, headers, redirect: 'manual' });
      for (const each of reply.headers.getSetCookie()) {
        const [pair = ''] = each.split(';');
        const name = pair.slice(0, pair.indexOf('='));
        if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(each)) jarOf(next).delete(name);
        else jarOf(next).set(name, pair.slice(pair.indexOf('=') + 1));
      }
      const location = reply.headers.get('location');
      if (stay || location === null || reply.status < 300 || reply.status > 399)
        return { status: reply.status, url: next, text: await reply.text(), headers: reply.headers };
      [next, how] = [new URL(location, next).href, { method: 'GET' }];
    }
    throw new Error(`more than ${MAX_HOPS} redirects from ${address}`);
  }

  return {
    open: (path) => go(new URL(path, url()).href, { method: 'GET' }, false),
    send(path, fields, { headers = {}, stay = false } = {}) {
      const target = new URL(path, url());
      const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin', ...headers };
      const body = new URLSearchParams(fields).toString();
      return go(target.href, { method: 'POST', headers: form, body }, stay);
    },
    get cookies() {
      return jarOf(url());
    },
    plant: (name, value) => void jarOf(url()).set(name, value),
    api: async (method, path, body, headers = {}) => {
      const address = new URL(path, url()).href;
      const sent = { cookie: cookieOf(address), ...headers };
      const reply = await fetch(
        address,
        body === undefined
          ? { method, headers: sent }
          : { method, headers: { 'content-type': 'application/json', ...sent }, body: JSON.stringify(body) },
      );
      const text = await reply.text();
      return { status: reply.status, headers: reply.headers, text, body: text === '' ? {} : bodyOf(text) };
    },
  };
}

function bodyOf(text: string): Reply['body'] {
  try {
    return JSON.parse(text) as Reply['body']; // every member is optional, and tests assert those they use
  } catch {
    return {};
  }
}

/** The value of a hidden field of a page. @throws when there is none. */
export function fieldOf({ text }: Pick<Visit, 'text'>, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1];
  if (value === undefined) throw new Error(`the page has no field ${name}: ${text}`);
  return value;
}

/** Gives a person a password, as the person does. */
export async function givePassword(house: Harness, id: string, password = PASSWORD): Promise<void> {
  const invited = await house.admin.api('POST', `/api/users/${id}/invitations`);
  const { secret } = invited.body.data;
  const accepted = await house.anonymous('POST', '/api/invitations/accept', { invitation: secret, password });
  if (accepted.status !== 200) throw new Error(`no password: ${accepted.text}`);
}

/** Somebody who has just signed in with a password; waits until detection has heard of it. */
export async function signedIn(house: Harness, email: string, password = PASSWORD): Promise<Visitor> {
  const visitor = visitorAt(() => house.url);
  const before = ownEvents(house);
  const visit = await visitor.send('/sign-in', { email, password }, { stay: true });
  if (visit.status !== 303) throw new Error(`not signed in: ${visit.status} ${visit.text}`);
  await until('the sign-in was told to detection', async () => (ownEvents(house) > before ? true : null));
  return visitor;
}

/** How many sign-ins detection has heard of. */
export function ownEvents(house: Harness): number {
  const sql = "select count(*) as n from events where source = 'firebreak:self'";
  return house.database().prepare<[], { n: number }>(sql).get()?.n ?? 0;
}
