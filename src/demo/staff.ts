import { z } from 'zod';
import { BUILTIN_PLAYBOOKS } from '../pipeline/playbooks/builtin/builtins.ts';
import { createClient, type Client } from './api-client.ts';
import type { TrafficFile } from './scenario.ts';

/** Who works in the security team of the demo, and what they install: everything through the API. */

export interface Voter {
  readonly userId: string;
  readonly name: string;
  readonly role: string;
  readonly client: Client;
}

export interface Staff {
  /** Set the server up; wrote the playbooks, and therefore does not vote on them. */
  readonly admin: Client;
  readonly adminKey: string;
  /** Two different people, in the order in which they vote. */
  readonly approvers: readonly Voter[];
  /** Answers the question whether something was legitimate. */
  readonly analyst: Voter;
  /** One client for each source: its key is bound to that source. */
  readonly sources: ReadonlyMap<string, Client>;
}

const SETUP = z.looseObject({ key: z.looseObject({ secret: z.string() }) });
const USER = z.looseObject({ id: z.string() });
const KEY = z.looseObject({ secret: z.string() });
const ANYTHING = z.unknown();
/** Of people who are made up, for a company that is. */
const PASSWORD = 'four words of plain nonsense';

/** People, keys, the service account that delivers events, playbooks and one policy. */
export async function setUp(url: string, setupToken: string, files: readonly TrafficFile[]): Promise<Staff> {
  const first = { name: 'Sam Setup', email: 'sam.setup@soc.example' };
  const { key } = await createClient(url, null).post('/api/setup', { token: setupToken, user: first }, SETUP);
  const admin = createClient(url, key.secret);
  const person = async (name: string, role: string): Promise<Voter> => {
    const email = `${name.toLowerCase().replace(' ', '.')}@soc.example`;
    const user = await admin.post('/api/users', { kind: 'person', name, email, roles: [role] }, USER);
    // Who votes with a key that somebody else has seen could be that somebody.
    const { secret: invitation } = await admin.post(`/api/users/${user.id}/invitations`, {}, KEY);
    const accepted = { invitation, password: PASSWORD, keyName: 'own' };
    const own = await createClient(url, null).post('/api/invitations/accept', accepted, SETUP);
    return { userId: user.id, name, role, client: createClient(url, own.key.secret) };
  };
  const approvers = [await person('Ada Admin', 'SECURITY_ADMIN'), await person('Ben Commander', 'INCIDENT_COMMANDER')];
  const analyst = await person('Cleo Analyst', 'SECURITY_ANALYST');
  const collector = await admin.post(
    '/api/users',
    { kind: 'service', name: 'event collector', roles: ['SECURITY_ANALYST'] },
    USER,
  );
  const sources = new Map<string, Client>();
  for (const { source } of files) sources.set(source, createClient(url, await newKey(admin, collector.id, source)));
  for (const playbook of BUILTIN_PLAYBOOKS) await admin.post('/api/incident-playbooks', playbook, ANYTHING);
  await admin.post('/api/incident-playbooks/policies', TWO_PEOPLE, ANYTHING);
  return { admin, adminKey: key.secret, approvers, analyst, sources };
}

/** A key for the events of this source, and nothing else. */
async function newKey(admin: Client, userId: string, source: string): Promise<string> {
  return (await admin.post('/api/keys', { userId, name: source, source, scopes: ['event.ingest'] }, KEY)).secret;
}

/** The one policy: what stops somebody's work altogether needs two different people, one of each role. */
export const TWO_PEOPLE = {
  policyId: 'policy_two_people',
  name: 'Two people for a suspension or a geo lock',
  scope: 'ACTION_TYPE_BASED',
  policyGates: [
    {
      gateName: 'suspend-or-lock',
      requiredApprovers: 2,
      approvalRoles: [{ role: 'SECURITY_ADMIN' }, { role: 'INCIDENT_COMMANDER' }],
      triggers: { actionTypes: ['ACCOUNT_SUSPEND', 'GEO_LOCK'] },
      fallbackBehavior: 'ESCALATE_TO_HUMAN',
    },
  ],
};
