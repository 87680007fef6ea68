import { workplaceOf, type Company, type Origin, type Person } from './company.ts';
import { entraFactor, google, googleAdminEvent, okta } from './lines.ts';
import { DAY, HOUR, mistype, MINUTE, signInEntries, signInOf, workingDay, type Entry } from './ordinary.ts';
import { near, type City } from './places.ts';
import type { Random } from './random.ts';

/** What looks like an attack and is none. A detector that fires on one of them raises a false alarm. */

export interface NearMiss {
  readonly kind: string;
  readonly who: string;
  readonly entries: readonly Entry[];
  /** Addresses that only this person used. */
  readonly addresses: readonly string[];
}

/** Who plays what. Everybody in the cast is somebody else. */
export interface NearMissCast {
  readonly vpn: readonly Person[];
  readonly train: Person;
  readonly longTrain: Person;
  readonly flight: Person;
  readonly codes: Person;
  readonly pushes: Person;
  readonly admin: Person;
  readonly groupAdmin: Person;
  /** From the head office, at most two with the same browser. */
  readonly mistypers: readonly Person[];
}

/** All near misses of a day that runs from `start` to `end`. */
export function nearMisses(
  random: Random,
  company: Company,
  cast: NearMissCast,
  start: number,
  end: number,
): NearMiss[] {
  const { train, longTrain, flight } = company.region;
  const day = { start, end };
  return [
    ...cast.vpn.map((person) => throughVpn(random, company, person, day)),
    journey(random, company, 'fast train', cast.train, train, day),
    journey(random, company, 'fast train over 500 km', cast.longTrain, longTrain, day),
    journey(random, company, 'flight with time enough', cast.flight, flight, day),
    failedCodes(random, company, cast.codes, day),
    declinedPushes(random, company, cast.pushes, day),
    usualGrants(random, company, cast.admin, day, oktaGrant),
    usualGrants(random, company, cast.groupAdmin, day, googleGrant),
    officeMistypes(random, company, cast.mistypers, day),
  ];
}

interface Day {
  readonly start: number;
  readonly end: number;
}

/** At home and, minutes later, at the far end of the company's VPN; and back. */
function throughVpn(random: Random, company: Company, person: Person, { start, end }: Day): NearMiss {
  const here = workplaceOf(company, person);
  const first = start + random.integer(40, 200) * MINUTE;
  const connected = first + random.integer(3, 12) * MINUTE;
  const back = connected + random.integer(20, 80) * MINUTE;
  const entries = [
    ...signInEntries(random, signInOf(random, person, first, here), true),
    ...signInEntries(random, signInOf(random, person, connected, company.vpn), true),
    ...workingDay(random, person, here, back, end),
  ];
  return { kind: 'VPN egress', who: person.id, entries, addresses: [] };
}

/** Works at one place, travels as fast as people do, and goes on working at the other. */
function journey(
  random: Random,
  company: Company,
  kind: string,
  person: Person,
  trip: { readonly to: City; readonly minutes: number },
  { start, end }: Day,
): NearMiss {
  const leaves = start + random.integer(35, 75) * MINUTE;
  const arrives = leaves + (trip.minutes + random.integer(0, 15)) * MINUTE;
  const there: Origin = { ip: company.freshAddress(), asn: 64_508, place: near(trip.to, random) };
  const entries = [
    ...workingDay(random, person, workplaceOf(company, person), start, leaves),
    ...workingDay(random, person, there, arrives, end),
  ];
  return { kind, who: person.id, entries, addresses: [there.ip] };
}

/** Four wrong codes, one fewer than the rule asks for, and then the right one. */
function failedCodes(random: Random, company: Company, person: Person, { start, end }: Day): NearMiss {
  const from = workplaceOf(company, person);
  const first = start + random.integer(50, 240) * MINUTE;
  const entries: Entry[] = [];
  for (let attempt = 0; attempt <= 4; attempt += 1) {
    const time = first + attempt * random.integer(25, 70) * 1000;
    const signIn = signInOf(random, person, time, from);
    const factor = 'TOKEN_SOFTWARE_TOTP';
    const result = attempt === 4 ? 'SUCCESS' : 'FAILURE';
    const extra = { factor, ...(attempt === 4 ? {} : { reason: 'INVALID_CREDENTIALS' }) };
    const event = okta(random, signIn, 'user.authentication.auth_via_mfa', result, extra);
    entries.push({ time, provider: person.provider, event, attack: null });
  }
  entries.push(...workingDay(random, person, from, first + 20 * MINUTE, end));
  return { kind: '4 failed codes', who: person.id, entries, addresses: [] };
}

/** Declines four pushes of an own stale session and accepts the fifth. */
function declinedPushes(random: Random, company: Company, person: Person, { start, end }: Day): NearMiss {
  const from = workplaceOf(company, person);
  const first = start + random.integer(50, 240) * MINUTE;
  const entries: Entry[] = [];
  for (let attempt = 0; attempt <= 4; attempt += 1) {
    const time = first + attempt * random.integer(60, 150) * 1000;
    const signIn = signInOf(random, person, time, from, attempt === 4);
    const detail = attempt === 4 ? 'MFA requirement satisfied' : 'MFA denied; user declined the authentication';
    entries.push({ time, provider: person.provider, event: entraFactor(random, signIn, detail), attack: null });
  }
  entries.push(...workingDay(random, person, from, first + 25 * MINUTE, end));
  return { kind: '4 declined pushes', who: person.id, entries, addresses: [] };
}

/** Puts people into groups, as on most days of the weeks before. */
function usualGrants(random: Random, company: Company, person: Person, { start, end }: Day, grant: Grant): NearMiss {
  const from = workplaceOf(company, person);
  const times = [start + random.integer(60, 180) * MINUTE, start + random.integer(190, 400) * MINUTE];
  const entries = times.map((time) => grant(random, company, person, time));
  return {
    kind: 'an administrator doing a usual grant',
    who: person.id,
    entries: [...entries, ...workingDay(random, person, from, start, end)],
    addresses: [],
  };
}

/** Makes one ordinary grant to somebody else. */
export type Grant = (random: Random, company: Company, person: Person, time: number) => Entry;

export const oktaGrant: Grant = (random, company, person, time) => {
  const other = random.pick(company.people.filter(({ id, provider }) => provider === 'okta' && id !== person.id));
  const signIn = signInOf(random, person, time, workplaceOf(company, person));
  const target = [
    { id: `00u${other.deviceId.slice(4)}`, type: 'User', alternateId: other.id, displayName: other.name },
    { id: `00g${random.hex(14)}`, type: 'UserGroup', alternateId: 'unknown', displayName: random.pick(GROUPS) },
  ];
  const event = okta(random, signIn, 'group.user_membership.add', 'SUCCESS', { target });
  return { time, provider: person.provider, event, attack: null };
};

export const googleGrant: Grant = (random, company, person, time) => {
  const other = random.pick(company.people.filter(({ id, provider }) => provider === 'google' && id !== person.id));
  const group = `${random.pick(GROUPS).toLowerCase().replace(' ', '-')}@${person.id.split('@')[1] ?? ''}`;
  const change = googleAdminEvent('ADD_GROUP_MEMBER', { USER_EMAIL: other.id, GROUP_EMAIL: group });
  const event = google(random, person, time, workplaceOf(company, person).ip, 'admin', change);
  return { time, provider: person.provider, event, attack: null };
};

const GROUPS = ['Design team', 'Field sales', 'Book club', 'Release crew'];

/** The learning history of somebody who grants regularly: on the two first days, then on every second one. */
export function grantHistory(
  random: Random,
  company: Company,
  person: Person,
  grant: Grant,
  dayStart: number,
  days: number,
): Entry[] {
  const entries: Entry[] = [];
  for (let ago = days; ago >= 1; ago -= 1) {
    if (ago < days - 1 && random.chance(50)) continue;
    entries.push(grant(random, company, person, dayStart - ago * DAY + random.integer(4 * 60, 7 * 60) * MINUTE));
  }
  return entries;
}

/** Monday morning behind one address: several people mistype within the hour. */
function officeMistypes(random: Random, company: Company, people: readonly Person[], { start }: Day): NearMiss {
  const entries = people.flatMap((person) =>
    mistype(random, person, company.office, start + HOUR + random.integer(0, 50 * 60) * 1000),
  );
  return { kind: 'office NAT', who: company.office.ip, entries, addresses: [] };
}
