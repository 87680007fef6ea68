import { workplaceOf, type Company, type Origin, type Person } from './company.ts';
import { auth0, entraFactor, google, googleAdminEvent, okta, useEvent, type SignIn } from './lines.ts';
import { MINUTE, signInEntries, signInOf, type Entry } from './ordinary.ts';
import { FAR_CITIES, near } from './places.ts';
import type { Random } from './random.ts';
import type { AttackLabel } from './scenario.ts';

/** The four attacks. Each fits into `ATTACK_MS` from its start. */

export const ATTACK_IDS = ['impossible-travel', '2fa-bypass', 'privilege-action', 'campaign'] as const;
export type AttackId = (typeof ATTACK_IDS)[number];

/** Longest attack, in ms. */
export const ATTACK_MS = 25 * MINUTE;

/** Google's own name for the role of a super administrator. */
export const STOLEN_ROLE = '_SEED_ADMIN_ROLE';

export interface Attack {
  readonly entries: readonly Entry[];
  readonly label: AttackLabel;
  /** Where the attacker sits, for the sessions that the attack left at the company. */
  readonly origin: Origin;
  /** Accounts on which the attacker holds a session. */
  readonly holds: readonly string[];
}

const TOOLS = ['python-requests/2.32.3', 'okhttp/4.12.0', 'Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/139.0.0.0'];

function attackerSignIn(random: Random, person: Person, time: number, from: Origin, ok = true): SignIn {
  const userAgent = `Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/${random.integer(90, 120)}.0.0.0`;
  return { person, time, from, deviceId: null, userAgent, session: random.hex(24), ok };
}

/** Signs in with a stolen password from another continent, minutes after the owner did at home. */
export function impossibleTravel(random: Random, company: Company, victim: Person, start: number): Attack {
  const from: Origin = { ip: company.freshAddress(), asn: 64_509, place: near(random.pick(FAR_CITIES), random) };
  const ownTime = start - random.integer(5, 25) * MINUTE;
  const owner = signInEntries(random, signInOf(random, victim, ownTime, workplaceOf(company, victim)), true);
  const id = 'impossible-travel';
  const time = start + random.integer(0, 10) * MINUTE;
  const signIn = attackerSignIn(random, victim, time, from);
  const entries = [
    { time, provider: victim.provider, event: okta(random, signIn, 'user.session.start', 'SUCCESS', {}), attack: id },
    ...[3, 7, 12].map((minutes) => {
      const used = { ...signIn, time: time + minutes * MINUTE };
      return { time: used.time, provider: victim.provider, event: useEvent(random, used, 'Payroll'), attack: id };
    }),
  ];
  const label = labelOf(id, 'SUSPICIOUS_LOGIN_IMPOSSIBLE_TRAVEL', [victim.id], from.ip, entries, [
    { check: 'sessions_gone', user: victim.id },
  ]);
  return { entries: [...owner, ...entries], label, origin: from, holds: [victim.id] };
}

/**
 * Pushes again and again, from an address in the victim's own city: ten times and more, or fewer until the victim
 * gives in.
 */
export function twoFactorBypass(random: Random, company: Company, victim: Person, start: number): Attack {
  const from: Origin = { ip: company.freshAddress(), asn: 64_510, place: near(company.region.office, random) };
  const givesIn = random.chance(50);
  const attempts = givesIn ? random.integer(7, 9) : random.integer(10, 14);
  const id = '2fa-bypass';
  const entries: Entry[] = [];
  let time = start;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    time += random.integer(25, 80) * 1000;
    const signIn = attackerSignIn(random, victim, time, from, false);
    const detail = random.chance(60)
      ? 'MFA denied; user declined the authentication'
      : 'MFA denied; user did not respond to mobile app notification';
    entries.push({ time, provider: victim.provider, event: entraFactor(random, signIn, detail), attack: id });
  }
  if (givesIn) {
    time += random.integer(20, 60) * 1000;
    const signIn = attackerSignIn(random, victim, time, from);
    entries.push({
      time,
      provider: victim.provider,
      event: entraFactor(random, signIn, 'MFA requirement satisfied'),
      attack: id,
    });
  }
  const label = labelOf(id, 'REPEATED_2FA_BYPASS', [victim.id], from.ip, entries, [
    { check: 'suspended', user: victim.id },
  ]);
  return { entries, label, origin: from, holds: givesIn ? [victim.id] : [] };
}

/** Somebody who may put people into groups makes themselves a super administrator. */
export function privilegeAction(random: Random, company: Company, insider: Person, start: number): Attack {
  const from: Origin = { ip: company.freshAddress(), asn: 64_511, place: company.region.office };
  const time = start + random.integer(0, 15) * MINUTE;
  const id = 'privilege-action';
  const grant = googleAdminEvent('ASSIGN_ROLE', { ROLE_NAME: STOLEN_ROLE, USER_EMAIL: insider.id });
  const entries = [
    { time, provider: insider.provider, event: google(random, insider, time, from.ip, 'admin', grant), attack: id },
  ];
  const label = labelOf(id, 'UNUSUAL_PRIVILEGE_ACTION', [insider.id], from.ip, entries, [
    { check: 'privilege_reverted', user: insider.id, privilege: STOLEN_ROLE },
  ]);
  return { entries, label, origin: from, holds: [] };
}

/** One address tries leaked passwords on several accounts; one of them works. */
export function campaign(random: Random, company: Company, victims: readonly Person[], start: number): Attack {
  const from: Origin = { ip: company.freshAddress(), asn: 64_509, place: random.pick(FAR_CITIES) };
  const userAgent = random.pick(TOOLS);
  const id = 'campaign';
  const entries: Entry[] = [];
  let time = start;
  const tries = random.shuffled(victims.flatMap((victim) => (random.chance(50) ? [victim, victim] : [victim])));
  for (const person of tries) {
    time += random.integer(20, 90) * 1000;
    const signIn = { ...attackerSignIn(random, person, time, from, false), userAgent };
    const event = auth0(random, signIn, 'fp', 'Wrong email or password.');
    entries.push({ time, provider: person.provider, event, attack: id });
  }
  const broken = random.pick(victims);
  time += random.integer(20, 90) * 1000;
  const success = { ...attackerSignIn(random, broken, time, from), userAgent };
  entries.push({ time, provider: broken.provider, event: auth0(random, success, 's', 'Success Login'), attack: id });
  const accounts = victims.map((victim) => victim.id).sort();
  const label = labelOf(id, 'MULTI_ACCOUNT_CAMPAIGN', accounts, from.ip, entries, [
    ...accounts.map((user) => ({ check: 'sessions_gone', user }) as const),
    { check: 'ip_denied', ip: from.ip },
    ...accounts.map((user) => ({ check: 'geo_locked', user }) as const),
  ]);
  return { entries, label, origin: from, holds: [broken.id] };
}

function labelOf(
  id: AttackId,
  type: string,
  accounts: readonly string[],
  sourceIp: string,
  entries: readonly Entry[],
  expected: AttackLabel['expected'],
): AttackLabel {
  const times = entries.map((entry) => entry.time);
  return { id, type, accounts, sourceIp, from: Math.min(...times), to: Math.max(...times), expected };
}
