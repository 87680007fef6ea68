import { DETECTED } from './playbooks.ts';

/** Attacks as raw events, in two formats; each is about people and addresses of its own, so that it is found once. */

export interface Attack {
  readonly playbookId: string;
  /** Whom the incident is about. */
  readonly userId: string;
  /** Bodies of requests, in the order in which they are sent. */
  readonly batches: readonly { readonly path: string; readonly lines: readonly object[] }[];
}

const MINUTE = 60_000;
const OWN = '/api/events?format=firebreak&source=torture';
const OKTA = '/api/events?format=okta&source=okta-torture';

/** A public address of nobody else's. */
export function addressOf(number: number): string {
  return `24.${(number >>> 16) & 63}.${(number >>> 8) & 255}.${1 + (number & 127)}`;
}

/** Signs in at home and, minutes later, at the other end of the world. */
export function travel(userId: string, number: number, now: number): Attack {
  const at = (minutesAgo: number) => new Date(now - minutesAgo * MINUTE).toISOString();
  const login = { kind: 'login', outcome: 'success', subject: userId };
  const home = { lat: 52.52, lon: 13.405, country: 'DE', city: 'Berlin' };
  const away = { lat: 35.68, lon: 139.69, country: 'JP', city: 'Tokyo' };
  const first = { ...login, id: `${userId}-1`, time: at(25), ip: addressOf(number), geo: home };
  const second = { ...login, id: `${userId}-2`, time: at(5), ip: addressOf(number + 64), geo: away };
  const batches = [first, second].map((event) => ({ path: OWN, lines: [event] }));
  return { playbookId: DETECTED.travel, userId, batches };
}

/** Denies one push after the other; Okta's words. */
export function factors(userId: string, number: number, now: number): Attack {
  const lines = Array.from({ length: 6 }, (_, index) => ({
    uuid: `${userId}-${index}`,
    published: new Date(now - 10 * MINUTE + index * 45_000).toISOString(),
    eventType: 'user.mfa.okta_verify.deny_push',
    version: '0',
    severity: 'WARN',
    actor: { id: `00u${userId}`, type: 'User', alternateId: userId, displayName: userId },
    client: { ipAddress: addressOf(number), userAgent: { rawUserAgent: 'Mozilla/5.0' } },
    outcome: { result: 'FAILURE', reason: 'User rejected Okta push verify' },
    debugContext: { debugData: { factor: 'OKTA_VERIFY_PUSH' } },
  }));
  const batches = [lines.slice(0, 3), lines.slice(3)].map((part) => ({ path: OKTA, lines: part }));
  return { playbookId: DETECTED.factors, userId, batches };
}

/** Tries several accounts from one address. The incident is about the address; later accounts join it. */
export function campaign(userIds: readonly string[], number: number, now: number): Attack {
  const ip = addressOf(number);
  const lines = userIds.map((subject, index) => ({
    id: `${subject}-c`,
    time: new Date(now - 5 * MINUTE + index * 20_000).toISOString(),
    kind: 'login',
    outcome: 'failure',
    subject,
    ip,
  }));
  const batches = [lines.slice(0, 3), lines.slice(3)].map((part) => ({ path: OWN, lines: part }));
  return { playbookId: DETECTED.campaign, userId: ip, batches };
}
