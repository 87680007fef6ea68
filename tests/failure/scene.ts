import { startMailServer, type MailServer } from '../support/mail-server.ts';
import { SITE } from '../support/passkeys.ts';
import { BASE, byHand, NOTIFY, SUSPEND, SUSPEND_APPROVED } from '../support/playbooks.ts';
import type { Api, Harness, Person } from '../support/server.ts';

export const PREFERENCES = '/api/notifications/preferences';
export const NO_MAIL = { email: [] };
export const QUIET = '/api/guards/quiet-hours';

/** A server with people and playbooks, about which requests can be made. */
export interface Scene {
  readonly house: Harness;
  /** Started executions, but neither wrote their playbooks nor votes. */
  readonly requester: Person;
  readonly voter: Person;
  /** The voter again, with a key that they made for themselves: who proposed something has made the first one. */
  readonly alone: Api;
  /** Has a key that nobody else has seen: the second of two people. */
  readonly second: Person;
  /** A service account that starts executions: what a person starts does not wait for quiet hours to end. */
  readonly robot: Person;
  /** A text that was not given out before. */
  fresh(prefix: string): string;
}

let mail: Promise<MailServer> | null = null;

/**
 * What a server of a scene is told: a name under which people reach it, for passkeys; and a way out for mail. Nobody of the scene
 * wants mail; an alarm comes all the same, and is taken at once, so that nothing is tried again later while a test looks what is
 * written.
 */
export async function sceneEnv(): Promise<Readonly<Record<string, string>>> {
  mail ??= startMailServer({ disabledCommands: ['STARTTLS'] });
  const { port } = await mail;
  const sender = { NOTIFICATION_EMAIL_FROM: 'alerts@soc.example', SMTP_TLS: 'none' };
  const rules = { PUBLIC_URL: SITE, POLICY_CHANGES_BY_TWO: 'on', EVIDENCE_RETENTION_DAYS: '365,screenshot=0' };
  return { SMTP_HOST: '127.0.0.1', SMTP_PORT: String(port), ...sender, ...rules };
}

/** Files share what they load: the next one begins with a server of its own. */
export async function closeSceneMail(): Promise<void> {
  const closing = mail;
  mail = null;
  await (await closing)?.close();
}

export async function sceneAt(house: Harness): Promise<Scene> {
  const [requester, voter, second, robot] = await Promise.all([
    house.person('INCIDENT_COMMANDER'),
    house.person('SECURITY_ADMIN'),
    house.person('CISO'),
    house.service('INCIDENT_COMMANDER'),
  ]);
  for (const { api } of [house.admin, requester, voter, second]) await succeeds(api('PUT', PREFERENCES, NO_MAIL));
  const failing = { ...SUSPEND, requiresApproval: false, retry: { maxRetries: 0 } };
  // What waits for the end of quiet hours, and what ends by itself.
  const { api } = house.admin;
  const small = byHand('quiet', [NOTIFY], { severity: 'LOW' });
  const expiring = byHand('expires', [{ ...SUSPEND, requiresApproval: false, ttlMs: 3_600_000 }]);
  for (const playbook of [small, expiring]) await succeeds(api('POST', BASE, playbook));
  await succeeds(api('PUT', QUIET, quietNow()));
  for (const playbook of [byHand('waits', [SUSPEND_APPROVED]), byHand('fails', [failing])]) {
    await succeeds(house.admin.api('POST', BASE, playbook));
  }
  const { secret } = await succeeds(voter.api('POST', '/api/keys', { name: 'own' }));
  let given = 0;
  return {
    house,
    requester,
    voter,
    alone: house.apiOf(secret),
    second,
    robot,
    fresh: (prefix) => `${prefix}${(given += 1)}`,
  };
}

/** Quiet for twelve hours around now, every day. */
export function quietNow(): object {
  const minute = new Date().getUTCHours() * 60 + new Date().getUTCMinutes();
  const window = { days: DAYS, from: (minute + 720 + 360) % 1_440, to: (minute + 360) % 1_440 };
  return { windows: [window], utcOffsetMinutes: 0 };
}
const DAYS = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];

export async function succeeds(asked: ReturnType<Api>) {
  const { status, text, body } = await asked;
  if (status < 200 || status > 299) throw new Error(`the test could not be prepared: ${status} ${text}`);
  return body.data;
}
