/**
 * Ordinary Okta System Log events: people who sign in from where they live, open applications, answer a push and
 * sometimes mistype. Nothing in them is an attack, so that what is measured is the ordinary day. The same number
 * always gives the same event.
 */

/** People, each with an address, a device and a place of their own; a third of them share the offices' addresses. */
const PEOPLE = 20_000;
/** Business time between two events, in ms: 17 events a day for each person. What a bench sends in seconds is hours. */
const EVENT_GAP_MS = 250;

const PLACES = [
  { city: 'Berlin', country: 'Germany', lat: 52.52, lon: 13.405, net: '89.160' },
  { city: 'London', country: 'United Kingdom', lat: 51.5074, lon: -0.1278, net: '81.2' },
  { city: 'Madrid', country: 'Spain', lat: 40.4168, lon: -3.7038, net: '2.125' },
  { city: 'Chicago', country: 'United States', lat: 41.8781, lon: -87.6298, net: '24.12' },
] as const;
const APPLICATIONS = ['Mail', 'Calendar', 'Wiki', 'Tickets', 'Payroll', 'Design board', 'Source code', 'Video calls'];
const SYSTEMS = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64'] as const;
/** Builds of a browser that are in use at once. */
const BROWSER_BUILDS = 70;
/** Networks (autonomous systems) that people come from. */
const NETWORKS = 64;

/** What happens, per thousand. */
const KINDS = [
  { below: 620, eventType: 'user.authentication.sso', result: 'SUCCESS', factor: null },
  { below: 860, eventType: 'user.session.start', result: 'SUCCESS', factor: null },
  { below: 990, eventType: 'user.authentication.auth_via_mfa', result: 'SUCCESS', factor: 'OKTA_VERIFY_PUSH' },
  { below: 1_000, eventType: 'user.session.start', result: 'FAILURE', factor: null },
] as const;

/** A batch as NDJSON: `size` events, the first of them number `first`. */
export function oktaBatch(first: number, size: number, startAt: number): Buffer {
  let lines = '';
  for (let number = first; number < first + size; number += 1)
    lines += `${JSON.stringify(oktaEvent(number, startAt))}\n`;
  return Buffer.from(lines, 'utf8');
}

function oktaEvent(number: number, startAt: number): object {
  const drawn = scramble(number);
  const who = drawn % PEOPLE;
  const kind = KINDS.find(({ below }) => (drawn >>> 8) % 1_000 < below) ?? KINDS[0];
  const place = pick(PLACES, who);
  // A wrong password at an address that many share would be what an attack looks like; people mistype at home.
  const office = kind.result === 'SUCCESS' && who % 3 === 0;
  const home = who >>> 2;
  const ipAddress = office
    ? `${place.net}.0.${1 + (home % 8)}`
    : `${place.net}.${1 + (home >>> 5)}.${1 + (home & 31) * 7}`;
  const browser = `Chrome/${100 + (scramble(who) % BROWSER_BUILDS)}.0.0.0 Safari/537.36`;
  const hex = (salt: number, length: number): string =>
    (scramble(number * 7 + salt).toString(16) + scramble(number * 13 + salt).toString(16))
      .padStart(16, '0')
      .slice(0, length);
  return {
    uuid: `${hex(1, 8)}-${hex(2, 4)}-4${hex(3, 3)}-a${hex(4, 3)}-${number.toString(16).padStart(12, '0')}`,
    published: new Date(startAt + number * EVENT_GAP_MS).toISOString(),
    eventType: kind.eventType,
    version: '0',
    severity: kind.result === 'SUCCESS' ? 'INFO' : 'WARN',
    actor: {
      id: `00u${String(who).padStart(17, '0')}`,
      type: 'User',
      alternateId: `person.${who}@example.org`,
      displayName: `Person ${who}`,
    },
    client: {
      userAgent: {
        rawUserAgent: `Mozilla/5.0 (${pick(SYSTEMS, who)}) AppleWebKit/537.36 (KHTML, like Gecko) ${browser}`,
      },
      ipAddress,
      geographicalContext: {
        city: place.city,
        country: place.country,
        geolocation: { lat: place.lat, lon: place.lon },
      },
    },
    outcome: { result: kind.result, ...(kind.result === 'FAILURE' ? { reason: 'INVALID_CREDENTIALS' } : {}) },
    authenticationContext: { externalSessionId: `idx${hex(5, 14)}` },
    securityContext: { asNumber: 3_320 + (scramble(who + 1) % NETWORKS), isProxy: false },
    debugContext: {
      debugData: {
        dtHash: scramble(who).toString(16).padStart(8, '0').repeat(4),
        ...(kind.factor === null ? {} : { factor: kind.factor }),
      },
    },
    transaction: { id: hex(6, 16), type: 'WEB' },
    ...(kind.eventType === 'user.authentication.sso'
      ? {
          target: [
            {
              id: `0oa${hex(7, 14)}`,
              type: 'AppInstance',
              alternateId: pick(APPLICATIONS, drawn >>> 4),
              displayName: pick(APPLICATIONS, drawn >>> 4),
            },
          ],
        }
      : {}),
  };
}

function pick<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

/** A number that looks drawn: a mixing step of integers (xorshift and multiply), the same every time. */
function scramble(value: number): number {
  let mixed = (value + 0x9e37_79b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
