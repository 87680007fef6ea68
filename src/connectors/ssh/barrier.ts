import { sha256Hex } from '../../platform/hash.ts';
import type { HostSegment, SshHost } from './hosts-file.ts';
import type { Prefix } from './prefixes.ts';

/**
 * What cuts a host or a segment off: one nftables table, as text. It is applied and taken away in single transactions.
 *
 * All that it drops is dropped only while the two address families stand in a set whose elements can time out. So the kernel
 * itself ends a barrier that nobody confirms (the trial), or whose time has come, also when Firebreak and its connection are
 * gone. The set is named after the effect that made it: what names it in a transaction acts on this effect's barrier, or fails.
 */
export interface Barrier {
  /** Name of the table, in the family `inet`. */
  readonly table: string;
  /** Sets and chains, without the set that arms it. `armed` is what a hook's rule begins with. */
  body(armed: string): readonly string[];
}

/** Before others look at a packet: what they accept must not matter, and a drop is final wherever it is. */
const PRIORITY = -300;
/** Kept short: a table listing repeats it for each hook. */
const MARK_LENGTH = 24;

/** What marks the barrier that an effect made; nothing can be told of the effect from it. */
export function markOf(effectKey: string): string {
  return sha256Hex(`firebreak barrier ${effectKey}`).slice(0, MARK_LENGTH);
}

/** Cuts a host off from all but its management addresses, which keep reaching its SSH port. @param port as the host sees it */
export function hostBarrier({ management }: Pick<SshHost, 'management'>, port: number): Barrier {
  const incoming = families(management, (ip) => `${ip.name} saddr @manage${ip.digit}`);
  const outgoing = families(management, (ip) => `${ip.name} daddr @manage${ip.digit}`);
  return {
    table: 'firebreak_isolation',
    body: (armed) => [
      ...setsOf('manage', management),
      ...chain('incoming', [
        'iifname "lo" accept',
        ...incoming.map((from) => `${from} tcp dport ${port} accept`),
        ...LINK_RULES,
        'icmp type destination-unreachable icmp code frag-needed accept',
        'icmpv6 type packet-too-big accept',
        'counter drop',
      ]),
      ...chain('outgoing', [
        'oifname "lo" accept',
        // Answers only: a packet that opens a connection has SYN without ACK.
        ...outgoing.map((to) => `${to} tcp sport ${port} tcp flags & (syn | ack) != syn accept`),
        ...LINK_RULES,
        'counter drop',
      ]),
      ...chain('passing', ['counter drop']),
      ...hooks(armed),
    ],
  };
}

/**
 * Cuts a segment off at the gateway that routes it. Management addresses still reach what is inside, so that hosts there can be
 * looked at; nothing inside reaches them by itself. What stays inside the segment never passes the gateway and is not cut.
 */
export function segmentBarrier(
  { management }: Pick<SshHost, 'management'>,
  { id, prefixes }: HostSegment,
  port: number,
): Barrier {
  const inside = families(prefixes, (ip) => ip);
  const managed = families(management, (ip) => ip.name);
  const both = inside.filter((ip) => managed.includes(ip.name));
  return {
    table: `firebreak_segment_${sha256Hex(id).slice(0, MARK_LENGTH)}`,
    body: (armed) => [
      ...setsOf('manage', management),
      ...setsOf('inside', prefixes),
      ...chain('incoming', [
        'iifname "lo" accept',
        ...both.map((ip) => `${ip.name} saddr @manage${ip.digit} tcp dport ${port} accept`),
        ...LINK_RULES,
        ...inside.map((ip) => `${ip.name} saddr @inside${ip.digit} counter drop`),
      ]),
      ...chain('outgoing', [
        'oifname "lo" accept',
        ...both.map(
          (ip) => `${ip.name} daddr @manage${ip.digit} tcp sport ${port} tcp flags & (syn | ack) != syn accept`,
        ),
        ...LINK_RULES,
        ...inside.map((ip) => `${ip.name} daddr @inside${ip.digit} counter drop`),
      ]),
      ...chain('passing', [
        ...both.flatMap(({ name, digit }) => [
          `${name} saddr @manage${digit} ${name} daddr @inside${digit} accept`,
          `${name} saddr @inside${digit} ${name} daddr @manage${digit} tcp flags & (syn | ack) != syn accept`,
        ]),
        ...inside.flatMap(({ name, digit }) => [
          `${name} saddr @inside${digit} counter drop`,
          `${name} daddr @inside${digit} counter drop`,
        ]),
      ]),
      ...hooks(armed),
    ],
  };
}

/** Puts the barrier up for `seconds`, in place of whatever stood in its table. */
export function tryScript(barrier: Barrier, mark: string, seconds: number): string {
  const { table } = barrier;
  return [
    `add table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    `  set by_${mark} {`,
    '    type nf_proto',
    '    flags timeout',
    `    elements = { ${elements('trial', seconds)} }`,
    '  }',
    ...barrier.body(`meta nfproto @by_${mark}`).map((line) => `  ${line}`),
    '}',
    '',
  ].join('\n');
}

/** Makes a barrier on trial a lasting one. Fails as a whole when the trial is over or the barrier is not this effect's. */
export function keepScript({ table }: Barrier, mark: string, seconds: number | null): string {
  return [
    `delete element inet ${table} by_${mark} { ipv4, ipv6 }`,
    `add element inet ${table} by_${mark} { ${elements('held', seconds)} }`,
    '',
  ].join('\n');
}

/** Takes this effect's barrier away. Fails as a whole when it is not this effect's. */
export function removeScript({ table }: Barrier, mark: string): string {
  return `flush set inet ${table} by_${mark}\ndelete table inet ${table}\n`;
}

function elements(phase: 'trial' | 'held', seconds: number | null): string {
  const end = seconds === null ? '' : ` timeout ${seconds}s`;
  return ['ipv4', 'ipv6'].map((family) => `${family}${end} comment "${phase}"`).join(', ');
}

/** Without these no IPv6 packet finds its way on a link; they pass no router. */
const LINK_RULES = ['icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept'];

function chain(name: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'];
}

function hooks(armed: string): string[] {
  const places = [
    ['input', 'incoming'],
    ['output', 'outgoing'],
    ['forward', 'passing'],
  ] as const;
  return places.flatMap(([hook, target]) =>
    chain(hook, [`type filter hook ${hook} priority ${PRIORITY}; policy accept;`, `${armed} jump ${target}`]),
  );
}

interface Family {
  readonly name: 'ip' | 'ip6';
  readonly digit: '4' | '6';
}

const FAMILIES = [
  ['ipv4', { name: 'ip', digit: '4' }],
  ['ipv6', { name: 'ip6', digit: '6' }],
] as const satisfies readonly (readonly [Prefix['family'], Family])[];

/** Of each address family that is there. */
function families<Result>(prefixes: readonly Prefix[], make: (family: Family) => Result): Result[] {
  return FAMILIES.filter(([family]) => prefixes.some((prefix) => prefix.family === family)).map(([, ip]) => make(ip));
}

function setsOf(name: string, prefixes: readonly Prefix[]): string[] {
  return FAMILIES.flatMap(([family, { digit }]) => {
    const texts = prefixes.filter((prefix) => prefix.family === family).map(({ text }) => text);
    if (texts.length === 0) return [];
    return [
      `set ${name}${digit} {`,
      `  type ${family}_addr`,
      '  flags interval',
      '  auto-merge',
      `  elements = { ${texts.join(', ')} }`,
      '}',
    ];
  });
}
