import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Service, Workshop } from './children.ts';
import type { JournalWatch } from './journal-watch.ts';
import type { Place } from './storage.ts';

/** The product as users run it: the compiled server in its own process, set up over its API. */

export interface Product {
  readonly service: Service;
  readonly dataDir: string;
  /** Secrets of a service account. Each key has a request limit of its own, so load is spread over them. */
  readonly keys: readonly string[];
  /** Secret of the administrator. */
  readonly admin: string;
  /** Looks at its journal from outside. */
  watch(): Promise<JournalWatch>;
}

export interface ProductOptions {
  /** The compiled program. */
  readonly program: string;
  /** Where actions go, or null for none. */
  readonly targetUrl: string | null;
  readonly keys: number;
  /** Where its journal shall be. */
  readonly place: Place;
  /** Directory for a CPU profile of the server, or null. */
  readonly profileDir: string | null;
}

export const PROGRAM = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const SETUP = z.looseObject({ data: z.looseObject({ key: z.looseObject({ secret: z.string() }) }) });
const KEY = z.looseObject({ data: z.looseObject({ secret: z.string() }) });
const CREATED = z.looseObject({ data: z.looseObject({ id: z.string() }) });

/** Starts the server on a new journal, makes an administrator and a service account with keys. */
export async function startProduct(workshop: Workshop, options: ProductOptions): Promise<Product> {
  const { program, targetUrl, keys, place, profileDir } = options;
  const dataDir = workshop.directory();
  const profiling = profileDir === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir];
  const target = targetUrl === null ? [] : ['--sandbox', targetUrl];
  const service = await workshop.start([...profiling, program, 'serve', '--data', dataDir, '--port', '0', ...target], {
    SANDBOX_TOKEN: 'bench-token-bench-token',
    LOG_LEVEL: 'error',
    ...place.env,
  });
  const { url, setupToken } = service;
  const user = { name: 'Bench', email: 'bench@example.org' };
  const admin = SETUP.parse(await post(url, '/api/setup', null, { token: setupToken, user })).data.key.secret;
  const account = { kind: 'service', name: 'Load', roles: ['SECURITY_ANALYST', 'SECURITY_ADMIN'] };
  const { id: userId } = CREATED.parse(await post(url, '/api/users', admin, account)).data;
  const secrets: string[] = [];
  for (let index = 0; index < keys; index += 1) {
    const made = await post(url, '/api/keys', admin, { userId, name: `load ${index}` });
    secrets.push(KEY.parse(made).data.secret);
  }
  return { service, dataDir, keys: secrets, admin, watch: () => place.watch(dataDir) };
}

/** People who may approve, each with a mailbox; answers with keys that only they have seen, for others count for less. */
export async function approversOf({ service: { url }, admin }: Product, count: number): Promise<readonly string[]> {
  const secrets: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const person = { kind: 'person', name: `Approver ${index}`, email: `approver${index}@example.org` };
    const made = await post(url, '/api/users', admin, { ...person, roles: ['INCIDENT_COMMANDER'] });
    const invited = await post(url, `/api/users/${CREATED.parse(made).data.id}/invitations`, admin, {});
    const accepted = { invitation: KEY.parse(invited).data.secret, password: 'four words of plain nonsense' };
    const own = await post(url, '/api/invitations/accept', null, { ...accepted, keyName: 'own' });
    secrets.push(SETUP.parse(own).data.key.secret);
  }
  return secrets;
}

/** A JSON request outside of any measurement. @throws Error with the reply when it is refused. */
export async function post(url: string, path: string, key: string | null, body: object): Promise<unknown> {
  const reply = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(body),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`POST ${path} answered ${reply.status}: ${text.slice(0, 1_000)}`);
  return JSON.parse(text);
}
