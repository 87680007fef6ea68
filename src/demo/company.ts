import { EGRESS_CITIES, near, REGIONS, type City, type Region } from './places.ts';
import type { Random } from './random.ts';

/** Which system a person signs in to; each writes its own format. */
export const PROVIDERS = ['okta', 'entra', 'google', 'auth0', 'cloudtrail'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** Where a sign-in comes from. */
export interface Origin {
  readonly ip: string;
  /** From 64496 to 64511: set aside for documentation (RFC 5398), so no real network is named. */
  readonly asn: number;
  readonly place: City;
}

/** An invented employee. `id` is the login name and the id at the sandbox company. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly provider: Provider;
  readonly site: 'office' | 'branch' | 'home';
  readonly home: Origin;
  readonly userAgent: string;
  readonly deviceId: string;
}

/** The invented company that a seed gives. */
export interface Company {
  readonly region: Region;
  /** One public address for everybody in the head office. Not on the egress list: the detectors have to find out. */
  readonly office: Origin;
  /** One public address as well, and on the egress list. */
  readonly branch: Origin;
  readonly vpn: Origin;
  readonly people: readonly Person[];
  /** An address that nobody here has had yet. */
  freshAddress(): string;
}

const FIRST_NAMES = [
  'amina',
  'boris',
  'chiara',
  'daniel',
  'elena',
  'felix',
  'grace',
  'hassan',
  'irene',
  'jakub',
  'karin',
  'leon',
  'maya',
  'noah',
  'olivia',
  'pedro',
  'qing',
  'rania',
  'stefan',
  'teresa',
  'ulrich',
  'valeria',
  'wanda',
  'xavier',
  'yusuf',
  'zofia',
] as const;
const LAST_NAMES = [
  'abel',
  'bauer',
  'costa',
  'duval',
  'eriksen',
  'fischer',
  'garcia',
  'horvat',
  'ivanov',
  'jansen',
  'kovacs',
  'lopez',
  'moreau',
  'novak',
  'okafor',
  'petit',
  'quinn',
  'rossi',
  'silva',
  'toth',
  'ueda',
  'vogel',
  'weber',
  'young',
  'zanetti',
] as const;

/** People by system: enough in the head office that its address is recognised as shared (20 and more). */
const HEADCOUNT: Readonly<Record<Provider, number>> = { okta: 34, entra: 20, google: 14, auth0: 14, cloudtrail: 8 };

/** Prefixes of public unicast space. Documentation ranges count as nowhere, so they cannot play a real sign-in. */
const PREFIXES = ['31.16', '46.12', '62.28', '77.48', '79.112', '81.36', '84.72', '87.92', '93.32', '109.48', '151.60'];

const SYSTEMS = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64'];
const DOMAIN = 'harbourline.example';

/** Draws the people, the addresses and the places of one run. */
export function drawCompany(random: Random): Company {
  const region = random.pick(REGIONS);
  const freshAddress = addressSource(random);
  const names = random.shuffled(FIRST_NAMES.flatMap((first) => LAST_NAMES.map((last) => `${first}.${last}`)));
  const people: Person[] = [];
  for (const provider of PROVIDERS) {
    for (let count = 0; count < HEADCOUNT[provider]; count += 1) {
      const name = names[people.length] ?? `person${people.length}`;
      people.push({
        id: `${name}@${DOMAIN}`,
        name: name.split('.').map(capitalised).join(' '),
        provider,
        site: random.pick(['office', 'office', 'office', 'branch', 'home'] as const),
        home: { ip: freshAddress(), asn: random.integer(64_496, 64_503), place: near(region.office, random) },
        userAgent: drawUserAgent(random),
        deviceId: `dev_${random.hex(12)}`,
      });
    }
  }
  return {
    region,
    office: { ip: freshAddress(), asn: 64_505, place: region.office },
    branch: { ip: freshAddress(), asn: 64_506, place: region.branch },
    vpn: { ip: freshAddress(), asn: 64_507, place: random.pick(EGRESS_CITIES) },
    people,
    freshAddress,
  };
}

/** Where a person works from on an ordinary day. */
export function workplaceOf(company: Company, person: Person): Origin {
  if (person.site === 'office') return company.office;
  return person.site === 'branch' ? company.branch : person.home;
}

function addressSource(random: Random): () => string {
  const given = new Set<string>();
  return () => {
    for (;;) {
      const ip = `${random.pick(PREFIXES)}.${random.integer(1, 254)}.${random.integer(1, 254)}`;
      if (given.has(ip)) continue;
      given.add(ip);
      return ip;
    }
  };
}

function drawUserAgent(random: Random): string {
  const system = random.pick(SYSTEMS);
  if (random.chance(30)) {
    const version = random.integer(140, 146);
    return `Mozilla/5.0 (${system}; rv:${version}.0) Gecko/20100101 Firefox/${version}.0`;
  }
  const version = `${random.integer(138, 144)}.0.0.0`;
  return `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} Safari/537.36`;
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
