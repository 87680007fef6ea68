import type { Event } from '../events/event.ts';
import type { JsonObject } from '../actions/contract.ts';
import type { Json } from '../../platform/canonical-json.ts';

/**
 * What expressions and templates may name: five roots, with the members listed here. One list serves the check on
 * save, the evaluation and the templates, so that they cannot disagree.
 */
export const ROOTS = ['incident', 'event', 'results', 'context', 'user'] as const;
export type Root = (typeof ROOTS)[number];

/** The values of one evaluation: a snapshot. A root that is absent is `null`; reading it is an error, never false. */
export interface ExpressionValues {
  readonly incident: JsonObject;
  /** The event that triggered, as `eventValues` makes it; null or empty for a run without one. */
  readonly event: JsonObject | null;
  /** Action id → `{status, outcome, attempts}` of actions of earlier stages; `outcome` is '' when there is none. */
  readonly results: JsonObject;
  /** Only inputs that the playbook declares. */
  readonly context: JsonObject;
  /** The account this execution (or this child of a fan-out) is about; null when it is about something else. */
  readonly user: JsonObject | null;
}

/** The names that are known where an expression stands. */
export interface NameScope {
  /** Ids of the actions of earlier stages. */
  readonly results: readonly string[];
  /** The playbook's declared inputs. */
  readonly inputs: readonly string[];
}

/** A policy's condition is asked before anything ran and for any playbook: no results, no inputs. */
export const POLICY_SCOPE: NameScope = { results: [], inputs: [] };

/** Type of a member: a CEL type, or the members below it. */
export type MemberType = 'string' | 'int' | 'bool' | 'list<string>' | 'map<string, dyn>' | 'dyn' | MemberTypes;
export interface MemberTypes {
  readonly [member: string]: MemberType;
}

/** `details` are the numbers of the newest finding (`attempts`, `distanceKm` ...); they differ by rule. */
export const INCIDENT_MEMBERS = {
  id: 'string',
  type: 'string',
  severity: 'string',
  confidence: 'int',
  impact: 'string',
  subject: { type: 'string', id: 'string' },
  accounts: 'list<string>',
  sourceIps: 'list<string>',
  findingCount: 'int',
  details: 'map<string, dyn>',
} as const satisfies MemberTypes;

export const USER_MEMBERS = {
  id: 'string',
  roles: 'list<string>',
  privileged: 'bool',
  protected: 'bool',
} as const satisfies MemberTypes;

export const RESULT_MEMBERS = { status: 'string', outcome: 'string', attempts: 'int' } as const satisfies MemberTypes;

/** The members of every root where `scope` holds. The event's are not fixed: attributes are addressed like fields. */
export function membersOf(scope: NameScope): Readonly<Record<Root, MemberType>> {
  return {
    incident: INCIDENT_MEMBERS,
    event: 'map<string, dyn>',
    results: Object.fromEntries(scope.results.map((actionId) => [actionId, RESULT_MEMBERS])),
    context: Object.fromEntries(scope.inputs.map((name) => [name, 'dyn' as const])),
    user: USER_MEMBERS,
  };
}

/**
 * The event as expressions see it: its fields, then its attributes under their own names where no field has that
 * name. `user_id` and `user_account` are always the canonical subject when that is a user, and absent otherwise:
 * an attribute of that name is a claim of the sender and must not choose a target.
 */
export function eventValues(event: Event): JsonObject {
  const values = new Map<string, Json>();
  for (const [name, value] of Object.entries(event.attributes)) values.set(name, value);
  for (const [name, value] of Object.entries(event)) {
    const json = plain(value);
    if (json !== undefined) values.set(name, json);
  }
  for (const alias of ['user_id', 'user_account']) {
    values.delete(alias);
    if (event.subject?.type === 'user') values.set(alias, event.subject.id);
  }
  return Object.fromEntries(values);
}

/** A copy as JSON; members that are undefined are left out. Events are bounded in depth where they are accepted. */
function plain(value: unknown): Json | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item) ?? null);
  if (typeof value !== 'object') return undefined;
  const entries: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) {
    const json = plain(member);
    if (json !== undefined) entries.push([name, json]);
  }
  return Object.fromEntries(entries);
}
