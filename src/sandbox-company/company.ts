/**
 * The state of the sandbox company: plain data in maps, so that it can be copied (stale reads) and printed.
 * Times are business time in ms since 1970.
 */

/** Who changed something and when. `rev` orders changes exactly, also within one millisecond. */
export interface Mark {
  /** The idempotency key of the request, or null when it came without one (a person at the console). */
  readonly owner: string | null;
  readonly at: number;
  readonly rev: number;
}

export interface Session {
  readonly id: string;
  readonly ip: string;
  readonly country: string;
  readonly deviceId: string | null;
  readonly createdAt: number;
  readonly rev: number;
}

export interface Token {
  readonly id: string;
  readonly kind: 'refresh' | 'api';
  /** The login session it belongs to; null for an API token. */
  readonly sessionId: string | null;
  readonly ip: string;
  readonly createdAt: number;
  readonly rev: number;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly enrolledAt: number;
  readonly rev: number;
}

export interface GeoLock extends Mark {
  /** ISO 3166-1 alpha-2, upper case, sorted. */
  readonly allowedCountries: readonly string[];
  readonly expiresAt: number | null;
}

export interface EnhancedLogging extends Mark {
  readonly expiresAt: number | null;
}

/** While it stands no privilege of the user is effective and none can be granted. */
export interface ActionBlock extends Mark {
  readonly privilege: string | null;
  /** True when the named grant was there and was taken away; lifting the block gives it back. */
  readonly reverted: boolean;
}

/** While it stands nobody signs in as the user, and no token of theirs is good for anything; nothing is thrown away. */
export type DisabledCredentials = Mark;

/** A file of a host. Content is generated from host, path and `revision`, unless it is given as text. */
export interface HostFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly text: string | null;
  modifiedAt: number;
  /** Goes up when the file changes. */
  revision: number;
}

/** A thing of the network that can be cut off. */
interface Isolatable {
  readonly id: string;
  /** Goes up with every change; the ETag. */
  version: number;
  isolated: Mark | null;
  readonly marks: Map<string, AppliedMark[]>;
}

export type Segment = Isolatable;

export interface Host extends Isolatable {
  readonly segmentId: string;
  /** Path to file. */
  readonly files: Map<string, HostFile>;
  /** Sizes of its images, in bytes. */
  readonly diskBytes: number;
  readonly memoryBytes: number;
}

export interface Privilege {
  readonly name: string;
  readonly grantedBy: string;
  readonly grantedAt: number;
}

/** An effect that a request with a key had on a user: the user's own trace of it. */
export interface AppliedMark {
  readonly effect: string;
  readonly at: number;
  readonly rev: number;
}

export interface Message {
  readonly id: string;
  /** The idempotency key of the request that sent it, or null. */
  readonly reference: string | null;
  readonly kind: 'notification' | 'escalation' | 'code' | 'password_reset' | 'other';
  readonly subject: string;
  readonly text: string;
  readonly at: number;
}

export interface MessageBox {
  readonly messages: Message[];
  readonly byReference: Map<string, Message>;
}

export interface User {
  readonly id: string;
  readonly mail: string;
  readonly name: string;
  readonly homeCountry: string;
  readonly roles: readonly string[];
  /** Goes up with every change; the ETag. */
  version: number;
  suspended: Mark | null;
  passwordMustChange: Mark | null;
  logging: EnhancedLogging | null;
  geoLock: GeoLock | null;
  actionBlock: ActionBlock | null;
  credentialsDisabled: DisabledCredentials | null;
  readonly privileges: Map<string, Privilege>;
  readonly sessions: Map<string, Session>;
  readonly tokens: Map<string, Token>;
  readonly devices: Map<string, Device>;
  readonly notifications: MessageBox;
  readonly marks: Map<string, AppliedMark[]>;
}

export type ChallengeStatus = 'pending' | 'passed' | 'failed' | 'expired';

export interface Challenge {
  readonly id: string;
  readonly userId: string;
  readonly type: 'EMAIL_OTP' | 'IN_APP_OTP';
  readonly reference: string | null;
  /** Six digits; shown nowhere but in the message to the user. */
  readonly code: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  triesLeft: number;
  status: ChallengeStatus;
}

export interface IpEntry {
  readonly ip: string;
  readonly list: 'deny' | 'allow';
  readonly owner: string | null;
  readonly reason: string;
  readonly addedAt: number;
  readonly expiresAt: number | null;
}

export interface HookRequest {
  readonly hook: string;
  readonly method: string;
  readonly reference: string | null;
  readonly body: string;
  readonly at: number;
}

export interface World {
  rev: number;
  readonly users: Map<string, User>;
  readonly hosts: Map<string, Host>;
  readonly segments: Map<string, Segment>;
  readonly ipList: { version: number; entries: readonly IpEntry[]; readonly marks: Map<string, AppliedMark[]> };
  readonly mailboxes: Map<string, MessageBox>;
  readonly challenges: Map<string, Challenge>;
  readonly challengeByReference: Map<string, string>;
  /** Ids of challenges that may still be pending, by user. */
  readonly openChallenges: Map<string, Set<string>>;
  readonly hooks: HookRequest[];
  messageCount: number;
}

/** Limits of the service: all are far above what a demo, a test or a benchmark needs. */
export const LIMITS = {
  /** Users; a benchmark with a subject for each execution fits. */
  users: 50_000,
  /** Hosts, and network segments, each. */
  hosts: 10_000,
  filesPerHost: 1_000,
  /** Largest file or image, in bytes: 1 TiB, which is generated while it is read and never held. */
  imageBytes: 1024 ** 4,
  /** Live sessions, tokens, devices and privileges, each, of one user. */
  perUser: 200,
  /** Keys whose traces are kept for one user and for the IP list; the oldest go. */
  marksPerThing: 5_000,
  /** Entries of the IP list: cloud providers allow a few hundred to a few thousand. */
  ipEntries: 2_000,
  mailboxes: 60_000,
  /** Messages in all boxes, and challenges, and webhook calls, each; beyond it the service answers 507. */
  objects: 500_000,
  pendingChallengesPerUser: 1_000,
  /** Guesses at one code before it fails: 5 of 1,000,000. */
  challengeTries: 5,
  /** Longest life of a challenge, block or lock, in ms: a year. */
  lifetimeMs: 366 * 24 * 3_600_000,
  /** Longest text of a message, in characters. */
  text: 8_000,
} as const;

export function createWorld(): World {
  return {
    rev: 0,
    users: new Map(),
    hosts: new Map(),
    segments: new Map(),
    ipList: { version: 1, entries: [], marks: new Map() },
    mailboxes: new Map(),
    challenges: new Map(),
    challengeByReference: new Map(),
    openChallenges: new Map(),
    hooks: [],
    messageCount: 0,
  };
}

/** A refusal: the state machine does not allow it, or the input is wrong. The world is unchanged. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly pointer: string | null;
  constructor(status: number, code: string, message: string, pointer: string | null = null) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.pointer = pointer;
  }
}

/** One request that changes the world. */
export interface Change {
  readonly world: World;
  readonly now: number;
  /** The idempotency key, or null. */
  readonly key: string | null;
  /** `If-Match` as a number, or null when the header is absent. */
  readonly ifMatch: number | null;
  /** What was applied so far, for the ledger. */
  readonly applied: { readonly effect: string; readonly target: string }[];
}

/** Notes an effect and gives its mark. Called exactly once for each effect, after all checks. */
export function applyEffect(change: Change, effect: string, target: string): Mark {
  change.world.rev += 1;
  change.applied.push({ effect, target });
  return { owner: change.key, at: change.now, rev: change.world.rev };
}

/** As `applyEffect`, for a change of a user: also raises the version and leaves a trace under the key. */
export function applyToUser(change: Change, user: User, effect: string): Mark {
  const mark = applyEffect(change, effect, user.id);
  user.version += 1;
  leaveTrace(user.marks, change.key, { effect, at: mark.at, rev: mark.rev });
  return mark;
}

/** As `applyToUser`, for a host or a segment. */
export function applyToNetwork(change: Change, thing: Host | Segment, effect: string): Mark {
  const mark = applyEffect(change, effect, thing.id);
  thing.version += 1;
  leaveTrace(thing.marks, change.key, { effect, at: mark.at, rev: mark.rev });
  return mark;
}

/** Keeps what a key did to a thing; the oldest keys go. */
export function leaveTrace(marks: Map<string, AppliedMark[]>, key: string | null, trace: AppliedMark): void {
  if (key === null) return;
  const traces = marks.get(key);
  if (traces === undefined) marks.set(key, [trace]);
  else traces.push(trace);
  for (const oldest of marks.keys()) {
    if (marks.size <= LIMITS.marksPerThing) break;
    marks.delete(oldest);
  }
}

/** The user, or 404. */
export function userOf(world: World, id: string): User {
  const user = world.users.get(id);
  if (user === undefined) throw new Refusal(404, 'user_not_found', 'there is no such user');
  return user;
}

/** The user for a change: also checks `If-Match`, when it was sent. */
export function userToChange(change: Change, id: string): User {
  const user = userOf(change.world, id);
  if (change.ifMatch !== null && change.ifMatch !== user.version) {
    throw new Refusal(412, 'stale_version', `the user is at version ${user.version}`);
  }
  return user;
}

/** Null once `expiresAt` has come: what has expired is gone, without a timer. */
export function live<T extends { readonly expiresAt: number | null }>(entry: T | null, now: number): T | null {
  return entry === null || (entry.expiresAt !== null && entry.expiresAt <= now) ? null : entry;
}

export function emptyBox(): MessageBox {
  return { messages: [], byReference: new Map() };
}
