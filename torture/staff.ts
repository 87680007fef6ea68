import { z } from 'zod';
import { expectStatus } from './load.ts';
import type { Api } from './api.ts';
import { playbooks } from './playbooks.ts';

/** Accounts at the server: who asks, who votes, who watches. */
export interface Staff {
  /** Key of the service that starts playbooks and sends events. */
  readonly load: string;
  /** Key that only reads. */
  readonly watch: string;
  readonly approvers: readonly { readonly id: string; readonly key: string }[];
  /** Keys for the dump at the end; each has a request limit of its own. */
  readonly readers: readonly string[];
}

const SETUP = z.looseObject({ data: z.looseObject({ key: z.looseObject({ secret: z.string() }) }) });
const KEY = z.looseObject({ data: z.looseObject({ secret: z.string() }) });
const CREATED = z.looseObject({ data: z.looseObject({ id: z.string() }) });

/** Makes the accounts and the playbooks, while nothing is done to the server yet. */
export async function hire(api: Api, setupToken: string, receiver: string): Promise<Staff> {
  const post = async (path: string, key: string, body: object): Promise<unknown> =>
    expectStatus(await api.ask('POST', path, key, { body: JSON.stringify(body) }), 201);
  const user = { name: 'Ada Admin', email: 'ada@torture.test' };
  const admin = SETUP.parse(await post('/api/setup', '', { token: setupToken, user })).data.key.secret;
  const account = async (given: object): Promise<{ id: string; key: string }> => {
    const { id } = CREATED.parse(await post('/api/users', admin, given)).data;
    const { secret } = KEY.parse(await post('/api/keys', admin, { userId: id, name: 'torture' })).data;
    return { id, key: secret };
  };
  // It does in a minute what no hour may do without a person.
  const unlimited = JSON.stringify({ limits: [] });
  expectStatus(await api.ask('PUT', '/api/guards/blast-radius', admin, { body: unlimited }), 200);
  const service = (name: string) => account({ kind: 'service', name, roles: ['SECURITY_ANALYST'] });
  const load = await service('Load');
  const watch = await service('Watch');
  const approvers = [];
  for (const name of ['Ben', 'Cleo']) {
    const roles = ['SECURITY_ADMIN', 'INCIDENT_COMMANDER', 'SECURITY_ANALYST'];
    const person = { kind: 'person', name, email: `${name}@torture.test`, roles };
    const { id } = CREATED.parse(await post('/api/users', admin, person)).data;
    // Who votes with a key that somebody else has seen could be that somebody.
    const invitation = KEY.parse(await post(`/api/users/${id}/invitations`, admin, {})).data.secret;
    const body = JSON.stringify({ invitation, password: 'four words of plain nonsense', keyName: 'own' });
    const accepted = expectStatus(await api.ask('POST', '/api/invitations/accept', '', { body }), 200);
    approvers.push({ id, key: SETUP.parse(accepted).data.key.secret });
  }
  const readers = [];
  for (let index = 0; index < 8; index += 1) readers.push((await service(`Reader ${index}`)).key);
  for (const playbook of playbooks(receiver)) await post('/api/incident-playbooks', admin, playbook);
  return { load: load.key, watch: watch.key, approvers, readers };
}
