import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/**
 * The independent witness of the demo. It imports nothing of Firebreak and asks Firebreak nothing: it reads the
 * sandbox company's own state and ledger over HTTP, and the label file, and says which attacks are really contained
 * and who was hit although nobody attacked them.
 *
 * `node verifier.js --sandbox URL --labels FILE`, bearer token in SANDBOX_TOKEN. One JSON object on stdout; exit code
 * 0 when everything was verified and nobody was hit by mistake, 1 when not, 2 when it could not look.
 */

type Mark = 'suspended' | 'geoLock' | 'actionBlock' | 'passwordMustChange';
type User = Readonly<Record<Mark, object | null>> & {
  readonly id: string;
  readonly privileges: readonly { readonly name: string; readonly effective: boolean }[];
  readonly sessions: readonly object[];
  readonly tokens: readonly { readonly sessionId: string | null }[];
};
export type State = {
  readonly users: readonly { readonly user: User }[];
  readonly ipList: { readonly entries: readonly { readonly ip: string; readonly list: string }[] };
};
export type Effect = Readonly<{ effect: string; target: string; key: string | null; at: number }>;
type Expectation = { readonly check: string; readonly [name: string]: string };
type Attack = Readonly<{ id: string; accounts: readonly string[]; sourceIp: string; expected: readonly Expectation[] }>;
export type LabelFile = { readonly scenarios: readonly Attack[] };
type Seen = { readonly verifiedAtTarget: boolean; readonly why: string };
export type Verdict = { scenarios: Record<string, Seen>; falseAlarms: number; details: readonly string[] };
type World = { users: ReadonlyMap<string, User>; denied: ReadonlySet<string>; ledger: readonly Effect[] };

/** Judges a state and a ledger by the labels. Pure. An attack without expectations is never verified. */
export function judge(state: State, ledger: readonly Effect[], labels: LabelFile): Verdict {
  const users = new Map(state.users.map(({ user }) => [user.id, user]));
  const denied = new Set(state.ipList.entries.filter(({ list }) => list === 'deny').map(({ ip }) => ip));
  const world: World = { users, denied, ledger };
  const scenarios = labels.scenarios.map(({ id, expected }): readonly [string, Seen] => {
    const unmet = expected.filter((each) => !isMet(each, world)).map(({ check, user, ip }) => `${check} ${user ?? ip}`);
    const why = unmet.length === 0 ? `${expected.length} checks hold` : `not so: ${unmet.join(', ')}`;
    return [id, { verifiedAtTarget: expected.length > 0 && unmet.length === 0, why }];
  });
  const details = falseAlarms(world, labels);
  return { scenarios: Object.fromEntries(scenarios), falseAlarms: details.length, details };
}

/** What stands at the target now, and nothing else: what was said or done before does not count. */
function isMet({ check, ip, user: id, privilege }: Expectation, world: World): boolean {
  if (check === 'ip_denied') return world.denied.has(String(ip));
  const user = world.users.get(String(id));
  if (user === undefined) return false;
  switch (check) {
    case 'sessions_gone':
      return user.sessions.length === 0 && user.tokens.every(({ sessionId }) => sessionId === null);
    case 'suspended':
      return user.suspended !== null;
    case 'geo_locked':
      return user.geoLock !== null;
    case 'privilege_reverted':
      return user.actionBlock !== null && !user.privileges.some((each) => each.name === privilege);
    default:
      return false;
  }
}

/** Whatever was done with a key to somebody who was not attacked, or to an address that attacked nobody. */
function falseAlarms({ users, denied, ledger }: World, labels: LabelFile): string[] {
  const attacked = new Set(labels.scenarios.flatMap(({ accounts }) => accounts));
  const sources = new Set(labels.scenarios.map(({ sourceIp }) => sourceIp));
  const found = new Set<string>();
  for (const { effect, target, key } of ledger) {
    if (key !== null && users.has(target) && !attacked.has(target)) found.add(`${effect} ${target}`);
    if (effect === 'ip.deny.add' && !sources.has(target)) found.add(`${effect} ${target}`);
  }
  for (const ip of denied) if (!sources.has(ip)) found.add(`ip.deny.add ${ip}`);
  for (const { id, suspended, geoLock, actionBlock, passwordMustChange } of users.values()) {
    const restricted = [suspended, geoLock, actionBlock, passwordMustChange].some((mark) => mark !== null);
    if (restricted && !attacked.has(id)) found.add(`restricted ${id}`);
  }
  return [...found].sort();
}

async function run(argv: readonly string[]): Promise<number> {
  const option = (name: string): string => argv[argv.indexOf(name) + 1] ?? '';
  const headers = { authorization: `Bearer ${process.env['SANDBOX_TOKEN'] ?? ''}` };
  const read = async <T>(path: string): Promise<T> => {
    const reply = await fetch(`${option('--sandbox')}${path}`, { headers, signal: AbortSignal.timeout(10_000) });
    if (!reply.ok) throw new Error(`GET ${path} answered ${reply.status}`);
    return (await reply.json()) as T; // the sandbox's documented shape; a wrong one fails in `judge`
  };
  const labels = JSON.parse(await readFile(option('--labels'), 'utf8')) as LabelFile; // written by the demo
  const ledger: Effect[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: { effects: Effect[]; next: number | null } = await read(`/ledger?after=${after}`);
    ledger.push(...page.effects);
    after = page.next;
  }
  const verdict = judge(await read<State>('/state'), ledger, labels);
  process.stdout.write(`${JSON.stringify(verdict)}\n`);
  return verdict.falseAlarms === 0 && Object.values(verdict.scenarios).every((each) => each.verifiedAtTarget) ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const failed = (thrown: unknown): number => (process.stderr.write(`${String(thrown)}\n`), 2);
  process.exitCode = await run(process.argv.slice(2)).catch(failed);
}
