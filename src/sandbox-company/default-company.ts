import { sha256 } from '../platform/hash.ts';
import { openSession } from './access.ts';
import type { SeedUser } from './bodies.ts';
import { emptyBox, LIMITS, Refusal, type User, type World } from './company.ts';

/** Seeding: no effect, no ledger entry; the company simply is like that. */
export function seedUsers(world: World, users: readonly SeedUser[], now: number): void {
  if (world.users.size + users.length > LIMITS.users) throw new Refusal(409, 'full', `at most ${LIMITS.users} users`);
  const ids = new Set<string>();
  for (const [index, { id }] of users.entries()) {
    if (world.users.has(id) || ids.has(id))
      throw new Refusal(409, 'user_exists', 'is there already', `/users/${index}/id`);
    ids.add(id);
  }
  for (const seed of users) world.users.set(seed.id, newUser(world, seed, now));
}

function newUser(world: World, seed: SeedUser, now: number): User {
  const user: User = {
    id: seed.id,
    mail: seed.mail ?? (seed.id.includes('@') ? seed.id : `${seed.id}@sandbox.test`),
    name: seed.name ?? seed.id,
    homeCountry: seed.homeCountry,
    roles: seed.roles,
    version: 1,
    suspended: null,
    passwordMustChange: null,
    logging: null,
    geoLock: null,
    actionBlock: null,
    credentialsDisabled: null,
    privileges: new Map(seed.privileges.map((name) => [name, { name, grantedBy: 'seed', grantedAt: now }])),
    sessions: new Map(),
    tokens: new Map(),
    devices: new Map(seed.devices.map((id) => [id, { id, name: id, enrolledAt: now, rev: world.rev }])),
    notifications: emptyBox(),
    marks: new Map(),
  };
  for (const session of seed.sessions) {
    world.rev += 1;
    openSession(user, session, now, world.rev);
  }
  return user;
}

/** Invented people; 24 are enough for a campaign over many accounts. */
const NAMES = [
  'anna',
  'bela',
  'carla',
  'david',
  'elif',
  'farid',
  'greta',
  'hugo',
  'ines',
  'jonas',
  'kira',
  'luca',
  'mara',
  'nils',
  'olga',
  'paul',
  'rosa',
  'samir',
  'tara',
  'umar',
  'vera',
  'willem',
  'yara',
  'zeno',
] as const;

/** Home countries, and a prefix of RFC 5737 for the office addresses. */
const COUNTRIES = ['DE', 'GB', 'FR', 'US', 'NL', 'ES'] as const;

/**
 * The company that is there when nobody says otherwise. The same seed gives the same people, sessions and devices:
 * each has a laptop with a session on it; the first is an administrator, the last a break-glass account.
 */
export function defaultCompany(seed: number): SeedUser[] {
  return NAMES.map((id, index) => {
    const draw = sha256(`${seed}/${id}`);
    const country = COUNTRIES[(draw[0] ?? 0) % COUNTRIES.length] ?? 'DE';
    const laptop = `dev_${id}_laptop`;
    return {
      id,
      mail: `${id}@sandbox.test`,
      name: `${id.charAt(0).toUpperCase()}${id.slice(1)}`,
      homeCountry: country,
      roles: index === 0 ? ['admin'] : index === NAMES.length - 1 ? ['break-glass'] : ['employee'],
      privileges: index === 0 ? ['user.admin'] : [],
      devices: [laptop],
      sessions: [{ ip: `198.51.100.${1 + ((draw[1] ?? 0) % 250)}`, country, deviceId: laptop }],
    };
  });
}
