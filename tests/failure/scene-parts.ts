import { BASE } from '../support/playbooks.ts';
import type { Api } from '../support/server.ts';
import { succeeds, type Scene } from './scene.ts';

/** A request that succeeds, and who makes it. */
export interface ValidRequest {
  readonly api: Api;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

export type Maker = (scene: Scene) => Promise<Omit<ValidRequest, 'method'>>;
export const EXECUTIONS = `${BASE}/executions`;

export function asAdmin({ house }: Scene, path: string, body?: unknown): Omit<ValidRequest, 'method'> {
  return { api: house.admin.api, path, body };
}

export function newPerson({ fresh }: Scene): object {
  return { kind: 'person', name: 'New', email: `${fresh('new')}@soc.example`, roles: ['AUDITOR'] };
}

export async function person(scene: Scene): Promise<string> {
  return (await succeeds(scene.house.admin.api('POST', '/api/users', newPerson(scene)))).id;
}

/** An execution that waits for people, or has failed, whichever its playbook does. */
export async function started({ house, requester, fresh }: Scene, playbookId: string): Promise<string> {
  const body = { playbookId, userId: fresh('user-') };
  const run = await succeeds(requester.api('POST', `${EXECUTIONS}/trigger`, body));
  await house.settled(run.id);
  return run.id;
}
