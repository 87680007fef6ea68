import { z } from 'zod';
import { apiClient } from './api-client.ts';
import type { Io } from './io.ts';
import { printable } from '../platform/printable.ts';

const BASE = '/api/delegations';
/** Delegations of one answer, the latest end first; the list says how many there are. */
const MAX_LISTED = 100;

export interface DelegationsOptions {
  readonly url: string;
  readonly json: boolean;
}

export interface DelegateOptions extends DelegationsOptions {
  readonly to: string;
  readonly until: string;
  readonly from?: string;
  readonly reason: string;
  readonly role?: readonly string[];
  readonly playbook?: readonly string[];
}

const DELEGATION = z.looseObject({
  id: z.string(),
  status: z.string(),
  delegatorId: z.string(),
  delegateId: z.string(),
  roles: z.array(z.string()).nullable(),
  playbookIds: z.array(z.string()).nullable(),
  reason: z.string(),
  from: z.string(),
  until: z.string(),
});
type Shown = z.infer<typeof DELEGATION>;

/** Who may vote in whose place, one line each, the latest end first. Exit code 0. */
export async function listDelegationsCommand(options: DelegationsOptions, io: Io): Promise<number> {
  const { items, total } = await apiClient(options.url, io).call('GET', `${BASE}?limit=${MAX_LISTED}`);
  const delegations = items.map((item) => DELEGATION.parse(item));
  if (options.json) io.stdout.write(`${JSON.stringify({ total, delegations })}\n`);
  else io.stdout.write(`${[...delegations.map(lineOf), `${total} delegations`].join('\n')}\n`);
  return 0;
}

/** Lets another person vote in the place of whoever's key is used. Exit code 0. @throws what the server refused */
export async function delegateCommand(options: DelegateOptions, io: Io): Promise<number> {
  const { to, until, from, reason, role, playbook } = options;
  const wanted = {
    delegateId: to,
    until,
    reason,
    ...(from === undefined ? {} : { from }),
    ...(role === undefined ? {} : { roles: role }),
    ...(playbook === undefined ? {} : { playbookIds: playbook }),
  };
  return change(BASE, wanted, options, io);
}

/** Ends a delegation at once. Exit code 0. @throws what the server refused */
export async function revokeDelegationCommand(
  id: string,
  { reason, ...options }: DelegationsOptions & { readonly reason?: string },
  io: Io,
): Promise<number> {
  const why = reason === undefined ? {} : { reason };
  return change(`${BASE}/${encodeURIComponent(id)}/revoke`, why, options, io);
}

async function change(path: string, wanted: object, { url, json }: DelegationsOptions, io: Io): Promise<number> {
  const body = { type: 'application/json', bytes: JSON.stringify(wanted) };
  const { data, warnings } = await apiClient(url, io).call('POST', path, body);
  const delegation = DELEGATION.parse(data);
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  io.stdout.write(`${json ? JSON.stringify(delegation) : lineOf(delegation)}\n`);
  return 0;
}

function lineOf({ id, status, delegatorId, delegateId, roles, playbookIds, from, until, reason }: Shown): string {
  const as = roles === null ? '' : ` as ${roles.join(', ')}`;
  const on = playbookIds === null ? '' : ` on ${playbookIds.join(', ')}`;
  return printable(`${id}  ${status}  ${delegateId} for ${delegatorId}${as}${on}, ${from} to ${until}: ${reason}`);
}
