import { BODIES, parseBody } from './bodies.ts';
import { createWorld, Refusal, type World } from './company.ts';
import { seedUsers } from './default-company.ts';
import { seedNetwork } from './default-network.ts';
import { FAULT, type Faults } from './faults.ts';
import type { Ledger, StoredReply } from './ledger.ts';
import { stateView } from './views.ts';

/** One running company, as its control paths see it. */
export interface Site {
  world: World;
  readonly ledger: Ledger;
  readonly faults: Faults;
  now(): number;
  setNow(now: number): void;
}

/** Ledger effects of one page. */
const LEDGER_PAGE = 10_000;

/** A JSON reply. */
export function jsonAnswer(status: number, body: object, headers: Record<string, string> = {}): StoredReply {
  return { status, body: JSON.stringify(body), headers };
}

/** The test bench's own paths: never hit by faults, never counted. Null when it is not one of them. */
export function controlAnswer(
  site: Site,
  method: string,
  segments: readonly string[],
  query: string,
  rawBody: string,
): StoredReply | null {
  if (segments.length !== 1) return null;
  switch (`${method} /${segments[0] ?? ''}`) {
    case 'GET /clock':
      return jsonAnswer(200, { now: site.now() });
    case 'POST /clock': {
      const { now } = parseBody(BODIES.clock, parsedJson(rawBody));
      if (now < site.now()) throw new Refusal(409, 'clock_backwards', 'the clock only goes forward');
      site.setNow(now);
      return jsonAnswer(200, { now });
    }
    case 'GET /faults':
      return jsonAnswer(200, { faults: site.faults.list() });
    case 'POST /faults':
      if (!site.faults.add(parseBody(FAULT, parsedJson(rawBody)))) throw new Refusal(409, 'full', 'too many faults');
      return jsonAnswer(200, { faults: site.faults.list() });
    case 'DELETE /faults':
      site.faults.clear();
      return jsonAnswer(200, { faults: [] });
    case 'GET /ledger':
      return jsonAnswer(200, ledgerPage(site.ledger, new URLSearchParams(query)));
    case 'GET /state':
      return jsonAnswer(200, stateView(site.world, site.now()));
    case 'POST /seed': {
      const { reset, users, ...network } = parseBody(BODIES.seed, parsedJson(rawBody));
      if (reset) resetSite(site);
      seedUsers(site.world, users, site.now());
      seedNetwork(site.world, network, site.now());
      const { world } = site;
      return jsonAnswer(200, { users: world.users.size, hosts: world.hosts.size, segments: world.segments.size });
    }
    default:
      return null;
  }
}

function resetSite(site: Site): void {
  site.world = createWorld();
  site.ledger.clear();
  site.faults.clear();
}

function ledgerPage(ledger: Ledger, query: URLSearchParams): object {
  const after = Number(query.get('after') ?? '0');
  if (!Number.isSafeInteger(after) || after < 0) throw new Refusal(400, 'invalid_query', 'after is not a number');
  const { effects, requests, repeats, byKey } = ledger.counts();
  const page = ledger.effects(after, LEDGER_PAGE);
  const next = after + page.length < effects ? after + page.length : null;
  return { effects: page, next, total: effects, requests, repeats, byKey: Object.fromEntries(byKey) };
}

/** Hooks take any body; everything else is JSON. */
export function parsedJson(rawBody: string, path = ''): unknown {
  if (rawBody === '' || path.startsWith('/hooks/')) return undefined;
  try {
    const parsed: unknown = JSON.parse(rawBody);
    return parsed;
  } catch {
    throw new Refusal(400, 'malformed_json', 'the body is not JSON');
  }
}
