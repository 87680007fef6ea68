import type { Json } from '../../platform/canonical-json.ts';
import { invariant } from '../../platform/errors.ts';

/**
 * A legal hold: nothing that it is about is destroyed while it stands, whatever its term says. It is about one artefact, or about all
 * of an incident, those included that come later. All holds on the same thing share a stream, so that whoever disposes of something can
 * make sure in one commit that none has come in between.
 */
export interface Hold {
  readonly id: string;
  readonly scope: HoldScope;
  /** Who set it: a person, or the action of an execution. */
  readonly by: string;
  /** Who had made the key with which it was set; null: no person set it. */
  readonly issuedBy: string | null;
  readonly at: number;
  readonly reason: string;
  /** Null: it stands. */
  readonly released: { readonly by: string; readonly at: number; readonly reason: string } | null;
  /** The number of its newest record in the stream. */
  readonly version: number;
}

export interface HoldScope {
  readonly type: 'evidence' | 'incident';
  readonly id: string;
}

export type HoldRecord =
  | {
      readonly type: 'evidence.held';
      readonly at: number;
      readonly data: {
        readonly holdId: string;
        readonly scope: HoldScope;
        readonly by: string;
        readonly issuedBy: string | null;
        readonly reason: string;
      };
    }
  | {
      readonly type: 'evidence.released';
      readonly at: number;
      readonly data: { readonly holdId: string; readonly by: string; readonly reason: string };
    };

/** The stream of all holds on one thing. */
export function holdStream(scopeId: string): string {
  return `evidence-hold/${scopeId}`;
}

/** The hold that a record makes or changes. @throws for a record that cannot come next. */
export function evolveHold(before: Hold | null, { type, at, data }: HoldRecord, seq: number): Hold {
  if (type === 'evidence.held') {
    invariant(before === null, 'a hold is set once');
    const { holdId, scope, by, issuedBy, reason } = data;
    return { id: holdId, scope, by, issuedBy, at, reason, released: null, version: seq };
  }
  invariant(before !== null && before.released === null, 'a hold that is released stands');
  return { ...before, released: { by: data.by, at, reason: data.reason }, version: seq };
}

/** All holds that the records of a stream make, the oldest first. */
export function foldHolds(
  records: readonly {
    readonly type: string;
    readonly seq: number;
    readonly at: number;
    readonly data: { readonly [key: string]: Json };
  }[],
): readonly Hold[] {
  const holds = new Map<string, Hold>();
  for (const record of records) {
    // What is in such a stream was written as a `HoldRecord`.
    const written = record as unknown as HoldRecord;
    const { holdId } = written.data;
    holds.set(holdId, evolveHold(holds.get(holdId) ?? null, written, record.seq));
  }
  return [...holds.values()];
}
