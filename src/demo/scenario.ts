import type { Provider } from './company.ts';

/** What `drawScenario` gives, and what of it is written to the label file that the verifier reads. */

/** A condition that the sandbox company has to fulfil once an attack is contained. */
export type Expectation =
  | { readonly check: 'sessions_gone'; readonly user: string }
  | { readonly check: 'suspended'; readonly user: string }
  | { readonly check: 'privilege_reverted'; readonly user: string; readonly privilege: string }
  | { readonly check: 'ip_denied'; readonly ip: string }
  | { readonly check: 'geo_locked'; readonly user: string };

export interface AttackLabel {
  readonly id: string;
  readonly type: string;
  /** Accounts that were attacked, sorted. */
  readonly accounts: readonly string[];
  readonly sourceIp: string;
  /** Event time of the first and the last decisive event. */
  readonly from: number;
  readonly to: number;
  readonly expected: readonly Expectation[];
}

/** The truth about the traffic. Nobody but the verifier, the tests and the table reads it. */
export interface Labels {
  readonly seed: number;
  readonly scenarios: readonly AttackLabel[];
  readonly harmless: { readonly users: readonly string[]; readonly addresses: readonly string[] };
  /** What looks like an attack and is none. */
  readonly nearMisses: readonly { readonly kind: string; readonly who: string }[];
}

export interface TrafficLine {
  readonly time: number;
  /** The event as one line of NDJSON, without the line break. */
  readonly line: string;
  /** Id of the attack it belongs to, or null. */
  readonly attack: string | null;
}

export interface TrafficFile {
  readonly name: string;
  readonly format: Provider;
  /** The source instance that delivers it. */
  readonly source: string;
  /** In event-time order. */
  readonly lines: readonly TrafficLine[];
}

/** A user as the sandbox company is seeded with. */
export interface SandboxUser {
  readonly id: string;
  readonly mail: string;
  readonly name: string;
  readonly homeCountry: string;
  readonly roles: readonly string[];
  readonly privileges: readonly string[];
  readonly devices: readonly string[];
  readonly sessions: readonly { readonly ip: string; readonly country: string; readonly deviceId: string | null }[];
}

export interface Scenario {
  readonly users: readonly SandboxUser[];
  /** Shared addresses that the operator knows: entries of the egress list. */
  readonly egress: readonly { readonly cidr: string; readonly label: string; readonly expires: string }[];
  readonly files: readonly TrafficFile[];
  readonly labels: Labels;
  /** Harmless events of the day itself, without the learning history. */
  readonly harmlessToday: number;
  /** Event time at which the day begins; what is older is history. */
  readonly dayStart: number;
}
