import {
  ATTACK_IDS,
  ATTACK_MS,
  campaign,
  impossibleTravel,
  privilegeAction,
  STOLEN_ROLE,
  twoFactorBypass,
  type Attack,
  type AttackId,
} from './attacks.ts';
import { drawCompany, PROVIDERS, workplaceOf, type Company, type Person, type Provider } from './company.ts';
import { FILE_NAMES } from './lines.ts';
import { googleGrant, grantHistory, nearMisses, oktaGrant, type NearMissCast } from './near-misses.ts';
import { DAY, HOUR, MINUTE, signInHistory, workingDay, type Entry } from './ordinary.ts';
import { randomFrom, type Random } from './random.ts';
import type { SandboxUser, Scenario, TrafficFile } from './scenario.ts';

/** How long the day of the demo is, and how much history comes before it: learning takes 14 days. */
const DAY_MS = 8 * HOUR;
const HISTORY_DAYS = 21;

/** Entries of an egress list expire; this one is fresh. */
const EGRESS_DAYS = 90;

/** From the start of one attack to the next, in ms: they do not overlap, so that each is seen on its own. */
const SLOT_MS = 40 * MINUTE;

/**
 * Everything one run of the demo needs, drawn from a seed: the people of the sandbox company, event files in the
 * formats of five providers (three weeks of history and one day with the four attacks hidden in it, ending shortly
 * before `startAt`, ms since 1970), and the labels that say what was an attack. The same arguments give the same bytes.
 */
export function drawScenario(seed: number, startAt: number): Scenario {
  const random = randomFrom(seed);
  const company = drawCompany(random);
  const end = startAt - 2 * MINUTE;
  const dayStart = end - DAY_MS;
  const cast = drawCast(random, company);
  const starts = attackStarts(random, end);
  const attacks = drawAttacks(random, company, cast, starts);
  const misses = nearMisses(random, company, cast, dayStart, end);
  const busy = new Set(misses.map((miss) => miss.who));
  const today = company.people
    .filter((person) => !busy.has(person.id))
    .flatMap((person) =>
      workingDay(random, person, workplaceOf(company, person), dayStart, endOf(person, attacks, end)),
    );
  const history = [
    ...signInHistory(random, company, dayStart, HISTORY_DAYS),
    ...grantHistory(random, company, cast.admin, oktaGrant, dayStart, HISTORY_DAYS),
    ...[cast.groupAdmin, cast.insider].flatMap((person) =>
      grantHistory(random, company, person, googleGrant, dayStart, HISTORY_DAYS),
    ),
  ];
  const harmless = [...today, ...misses.flatMap((miss) => miss.entries)];
  const attacked = new Set(attacks.flatMap(({ label }) => label.accounts));
  const addresses = new Set(
    [company.office, company.branch, company.vpn, ...company.people.map(({ home }) => home)].map(({ ip }) => ip),
  );
  for (const miss of misses) for (const ip of miss.addresses) addresses.add(ip);
  const expires = new Date(startAt + EGRESS_DAYS * DAY).toISOString();
  return {
    users: company.people.map((person) => sandboxUser(company, person, attacks)),
    egress: [
      { cidr: `${company.vpn.ip}/32`, label: 'VPN', expires },
      { cidr: `${company.branch.ip}/32`, label: 'branch office', expires },
    ],
    files: filesOf([...history, ...harmless, ...attacks.flatMap(({ entries }) => entries)]),
    labels: {
      seed,
      scenarios: attacks.map(({ label }) => label),
      harmless: {
        users: company.people.map(({ id }) => id).filter((id) => !attacked.has(id)),
        addresses: [...addresses].sort(),
      },
      nearMisses: misses.map(({ kind, who }) => ({ kind, who })),
    },
    harmlessToday: harmless.length,
    dayStart,
  };
}

interface Cast extends NearMissCast {
  readonly traveller: Person;
  readonly pushed: Person;
  readonly insider: Person;
  readonly campaign: readonly Person[];
}

/** Gives everybody one part at most, in the provider whose format the part is written in. */
function drawCast(random: Random, company: Company): Cast {
  const free = new Map(
    PROVIDERS.map((provider) => [
      provider,
      random.shuffled(company.people.filter((person) => person.provider === provider)),
    ]),
  );
  const take = (provider: Provider): Person => {
    const person = free.get(provider)?.pop();
    if (person === undefined) throw new Error(`too few people use ${provider}`);
    return person;
  };
  const cast = {
    traveller: take('okta'),
    pushed: take('entra'),
    insider: take('google'),
    campaign: Array.from({ length: random.integer(3, 6) }, () => take('auth0')),
    vpn: [take('okta'), take('entra')],
    train: take('okta'),
    longTrain: take('entra'),
    flight: take('okta'),
    codes: take('okta'),
    pushes: take('entra'),
    admin: take('okta'),
    groupAdmin: take('google'),
  };
  const others = random.shuffled([...free.values()].flat()).filter(({ site }) => site === 'office');
  return { ...cast, mistypers: atMostTwoOfABrowser(others).slice(0, 6) };
}

/** One network and one browser are a source of their own to the campaign rule, also behind a shared address. */
function atMostTwoOfABrowser(people: readonly Person[]): Person[] {
  const seen = new Map<string, number>();
  return people.filter(({ userAgent }) => {
    const count = (seen.get(userAgent) ?? 0) + 1;
    seen.set(userAgent, count);
    return count <= 2;
  });
}

/** When each attack begins: in the last three hours, in an order of the seed's own. */
function attackStarts(random: Random, end: number): ReadonlyMap<AttackId, number> {
  const first = end - ATTACK_IDS.length * SLOT_MS;
  return new Map(
    random.shuffled(ATTACK_IDS).map((id, slot) => {
      const jitter = random.integer(0, Math.floor((SLOT_MS - ATTACK_MS) / MINUTE) - 3) * MINUTE;
      return [id, first + slot * SLOT_MS + jitter];
    }),
  );
}

function drawAttacks(random: Random, company: Company, cast: Cast, starts: ReadonlyMap<AttackId, number>): Attack[] {
  const startOf = (id: AttackId): number => starts.get(id) ?? 0;
  return [
    impossibleTravel(random, company, cast.traveller, startOf('impossible-travel')),
    twoFactorBypass(random, company, cast.pushed, startOf('2fa-bypass')),
    privilegeAction(random, company, cast.insider, startOf('privilege-action')),
    campaign(random, company, cast.campaign, startOf('campaign')),
  ];
}

/** Whoever is attacked does nothing more that day: what follows the attack is the attacker. */
function endOf(person: Person, attacks: readonly Attack[], end: number): number {
  const own = attacks.find(({ label }) => label.accounts.includes(person.id));
  return own === undefined ? end : own.label.from - 30 * MINUTE;
}

/** Everybody has a session at the workplace; the attackers hold what they took. */
function sandboxUser(company: Company, person: Person, attacks: readonly Attack[]): SandboxUser {
  const from = workplaceOf(company, person);
  const stolen = attacks
    .filter(({ holds }) => holds.includes(person.id))
    .map(({ origin }) => ({ ip: origin.ip, country: origin.place.country, deviceId: null }));
  const isInsider = attacks.some(({ label }) => label.id === 'privilege-action' && label.accounts.includes(person.id));
  return {
    id: person.id,
    mail: person.id,
    name: person.name,
    homeCountry: company.region.office.country,
    roles: ['employee'],
    privileges: isInsider ? ['group.membership', STOLEN_ROLE] : [],
    devices: [person.deviceId],
    sessions: [{ ip: from.ip, country: from.place.country, deviceId: person.deviceId }, ...stolen],
  };
}

function filesOf(entries: readonly Entry[]): TrafficFile[] {
  return PROVIDERS.map((provider) => ({
    name: FILE_NAMES[provider],
    format: provider,
    source: `${provider}:harbourline`,
    lines: entries
      .filter((entry) => entry.provider === provider)
      .map(({ time, event, attack }) => ({ time, line: JSON.stringify(event), attack }))
      .sort((a, b) => a.time - b.time || (a.line < b.line ? -1 : 1)),
  }));
}
