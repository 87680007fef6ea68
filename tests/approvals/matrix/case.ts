/** What a case of the matrix says. Imports nothing: the specification reads it. */

export interface Login {
  readonly human: string;
  readonly roles: readonly string[];
  readonly kind: 'person' | 'service';
  readonly disabled: boolean;
}

export interface Ballot {
  readonly login: string;
  readonly decision: 'APPROVE' | 'DENY';
  /** What the voter was shown: this request, an older version of it, or not said. */
  readonly shown: 'this' | 'older' | 'nothing';
  /** The human who made the key that is used. */
  readonly maker: string;
  /** Sent as `Idempotency-Key`. */
  readonly repeatable?: string;
  /** The request was let in before the step before this one, and its body came only now. */
  readonly letInEarlier?: boolean;
  /** Of a vote that got past the check: it came after the time. */
  readonly late?: boolean;
  /** The surface over which it is cast. Absent: that of the case. */
  readonly door?: string;
  /** What is wrong with what should show who votes (a link, a signature, a session). Absent: nothing. */
  readonly proof?: string;
}

export type Event =
  | { readonly do: 'vote' | 'plant' | 'look' | 'break'; readonly ballot: Ballot }
  | { readonly do: 'change'; readonly login: string; readonly to: Partial<Login> }
  | { readonly do: 'clock'; readonly to: 'escalation' | 'last moment' | 'end' }
  | { readonly do: 'timers'; readonly due: 'escalation' | 'end' };

export interface Case {
  readonly name: string;
  readonly surface: string;
  readonly requester: string | null;
  readonly subject: string | null;
  readonly author: string | null;
  readonly gate: {
    roles: readonly string[];
    k: number;
    named: readonly string[] | null;
    standIn: string | null;
    total?: number;
  };
  /** Accounts that two others named beforehand as those who may decide alone; `flaw`: why that is worth nothing here. */
  readonly glass?: { readonly people: readonly string[]; readonly flaw?: string };
  readonly logins: Readonly<Record<string, Login>>;
  /** One after the other; the members of one happen at the same moment. */
  readonly steps: readonly (readonly Event[])[];
}

/** One way in which it may go: an answer for each vote and look, by its place among the events, and what it comes to. */
export interface Course {
  readonly answers: Readonly<Record<string, string>>;
  readonly status: string;
}

/** A vote, with what was known of the voter. */
export type Cast = Ballot & Login;

/** What the specification keeps in mind of a case that goes on. */
export interface State extends Course {
  readonly logins: Readonly<Record<string, Login>>;
  readonly votes: readonly Cast[];
  readonly kept: readonly string[];
  readonly escalated: boolean;
  readonly over: boolean;
}

export const NOTHING_YET = { answers: {}, status: 'PENDING', votes: [], kept: [], escalated: false, over: false };
export const NOBODY: Login = { human: 'nobody', roles: [], kind: 'service', disabled: true };

/** All orders in which events of the same moment may be taken. */
export function ordersOf<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    ordersOf(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  );
}
