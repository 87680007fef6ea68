import { canonicalJson, NotCanonicalError, type Json } from '../platform/canonical-json.ts';
import { FirebreakError, type ErrorCode, type Fault } from '../platform/errors.ts';
import type { ChangeResult } from '../journal/journal.ts';
import type { Severity } from './vocabulary.ts';

/**
 * What the verbs of all services share: the shape of their answers, and how a change that came second is retried.
 */

/** A thing as the API shows it: plain JSON with an `id`. */
export type Resource = { readonly [key: string]: Json };

/** One thing, its version where it has one (the ETag), and what the caller should know about it. */
export interface Answer {
  readonly data: Resource;
  readonly version?: number;
  /** Sentences: a field that is stored but not enforced yet, an unknown user in an escalation path. */
  readonly warnings?: readonly string[];
  /** The change that was asked for is not in force: `data` is what somebody else has to confirm. */
  readonly pending?: true;
}

export interface Listing {
  readonly items: readonly Resource[];
  /** How many there are without `limit` and `skip`. */
  readonly total: number;
}

/** Filters of a list; absent means any. */
export interface ListQuery {
  readonly limit: number;
  readonly skip: number;
  readonly status?: string | undefined;
  readonly severity?: Severity | undefined;
  readonly riskLevel?: Severity | undefined;
  readonly type?: string | undefined;
  readonly actionType?: string | undefined;
  readonly userId?: string | undefined;
  readonly incidentId?: string | undefined;
  readonly executionId?: string | undefined;
  readonly playbookId?: string | undefined;
  readonly enabled?: boolean | undefined;
}

/**
 * The severity that a list asks for under either of its names. @throws FirebreakError `invalid_request` when the two
 * differ: nothing has both.
 */
export function severityOf({ severity, riskLevel }: ListQuery): Severity | undefined {
  if (severity !== undefined && riskLevel !== undefined && severity !== riskLevel) {
    const fault = { pointer: '/riskLevel', detail: 'differs from severity, which is the same thing: give one of them' };
    throw new FirebreakError('invalid_request', 'The query names two severities', [fault]);
  }
  return riskLevel ?? severity;
}

/** Leaves absent filters out. */
export function given<Filters extends Readonly<Record<string, string | undefined>>>(
  filters: Filters,
): { [Name in keyof Filters]?: string } {
  // fromEntries forgets the names; what is left has exactly those of the argument.
  return Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Filters]?: string;
  };
}

/** A definition as it came in: bounded JSON; its service says what is wrong with it. */
export type Definition = { readonly [key: string]: unknown };

/** Versions that `If-Match` names; null: any. */
export type IfMatch = readonly number[] | null;

/** Tries of a change while others change the same thing. */
const MAX_TRIES = 32;

/**
 * Makes and submits a change until it is not stale. `attempt` reloads what it decides from each time.
 * @throws FirebreakError `overloaded` after 32 tries; whatever `attempt` throws.
 */
export async function untilApplied<Result>(
  attempt: () => Promise<{ readonly result: ChangeResult; readonly answer: Result }>,
): Promise<Result> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { result, answer } = await attempt();
    if (result.status === 'applied') return answer;
  }
  throw new FirebreakError('overloaded', 'Too many change this at the same moment; try again');
}

/** @throws FirebreakError `stale_version` when `If-Match` names other versions than the present one. */
export function requireVersion(ifMatch: IfMatch, version: number): void {
  if (ifMatch === null || ifMatch.includes(version)) return;
  throw new FirebreakError('stale_version', `The present version is ${version}; read it again`);
}

/** The value as a record can hold it. @throws FirebreakError `code` naming the member that cannot be recorded. */
export function recordable(value: unknown, code: ErrorCode): Json {
  try {
    // Parsed from its own canonical text: JSON by construction, with absent members gone.
    return JSON.parse(canonicalJson(value)) as Json;
  } catch (thrown) {
    if (!(thrown instanceof NotCanonicalError)) throw thrown;
    const fault: Fault = { pointer: thrown.path, detail: `${thrown.message}; use whole numbers and plain text` };
    throw new FirebreakError(code, fault.detail, [fault]);
  }
}

/** A time as the API shows it: RFC 3339 in UTC, or null. */
export function shownTime(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}
