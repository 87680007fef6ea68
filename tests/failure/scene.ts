import { BASE, byHand, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import type { Api, Harness, Person } from '../support/server.ts';

export const PREFERENCES = '/api/notifications/preferences';
export const NO_MAIL = { email: [] };

/** A server with people and playbooks, about which requests can be made. */
export interface Scene {
  readonly house: Harness;
  /** Started executions, but neither wrote their playbooks nor votes. */
  readonly requester: Person;
  readonly voter: Person;
  /** Has a key that nobody else has seen: the second of two people. */
  readonly second: Person;
  /** A text that was not given out before. */
  fresh(prefix: string): string;
}

/**
 * What a server of a scene is told: a way out for mail, to which nobody listens. Nobody of the scene wants mail, so that nothing is
 * tried again later while a test looks what is written.
 */
export const SCENE_ENV = { SMTP_HOST: '127.0.0.1', SMTP_PORT: '9', NOTIFICATION_EMAIL_FROM: 'alerts@soc.example' };

export async function sceneAt(house: Harness): Promise<Scene> {
  const [requester, voter, second] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
    house.person('CISO'),
  ]);
  for (const { api } of [house.admin, requester, voter, second]) await succeeds(api('PUT', PREFERENCES, NO_MAIL));
  const failing = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
  for (const playbook of [byHand('waits', [SUSPEND_APPROVED]), byHand('fails', [failing])]) {
    await succeeds(house.admin.api('POST', BASE, playbook));
  }
  let given = 0;
  return { house, requester, voter, second, fresh: (prefix) => `${prefix}${(given += 1)}` };
}

export async function succeeds(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`the test could not be prepared: ${status} ${text}`);
  return body.data;
}
