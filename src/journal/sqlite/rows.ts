import { canonicalJson } from '../../platform/canonical-json.ts';
import { recordType } from '../../pipeline/audit/record-types.ts';
import { writtenMembers } from '../../pipeline/audit/record.ts';
import type { Change, DetectorStateWrite, EffectWrite, ForgottenStates, TimerWrite, View } from '../journal.ts';

/**
 * A change as the writer wants it: every body is text already, so that it goes to another thread as a few strings, and
 * so that the thread that writes need not look into it.
 */
export interface ChangeRows {
  readonly appends: readonly AppendRows[];
  readonly objects: readonly { readonly hash: string; readonly body: string }[];
  readonly events: readonly EventRow[];
  readonly arrival: number | undefined;
  readonly detectorStates: readonly (Omit<DetectorStateWrite, 'body'> & { readonly body: string })[];
  readonly forgottenStates: readonly ForgottenStates[];
  readonly views: readonly (Omit<View, 'body'> & { readonly body: string | null })[];
  readonly timers: readonly TimerWrite[];
  readonly effects: readonly (Omit<EffectWrite, 'body'> & { readonly body: string | null })[];
}

export interface AppendRows {
  readonly stream: string;
  readonly expectedSeq: number;
  readonly records: readonly {
    readonly type: string;
    readonly v: number;
    readonly at: number;
    /** Canonical JSON. */
    readonly data: string;
    /** Canonical JSON, or null where there is none. */
    readonly trace: string | null;
  }[];
}

export interface EventRow {
  readonly source: string;
  readonly id: string;
  readonly time: number;
  readonly rawHash: string;
  readonly body: string;
  readonly raw: Uint8Array;
}

/**
 * Only what is hashed is canonical; the other rows are read back by this adapter alone, so plain JSON will do.
 * @throws NotCanonicalError for what a record may not hold; an error for a type of record that nobody classed.
 */
export function rowsOf(change: Change): ChangeRows {
  const { appends, objects = [], events = [], detectorStates = [], views = [], effects = [] } = change;
  return {
    appends: appends.map(({ stream, expectedSeq, records }) => ({
      stream,
      expectedSeq,
      records: records.map(({ type, v, at, data, trace }) => {
        // A type that nobody classed must never be written: what of it is personal could not be told later.
        recordType(type, v);
        return { type, v, at, ...writtenMembers(trace === undefined ? { data } : { data, trace }) };
      }),
    })),
    objects: objects.map(({ hash, body }) => ({ hash, body: canonicalJson(body) })),
    events: events.map(({ event, raw }) => {
      const { source, id, time, rawHash } = event;
      return { source, id, time, rawHash, body: JSON.stringify(event), raw };
    }),
    arrival: change.arrival,
    detectorStates: detectorStates.map((state) => ({ ...state, body: JSON.stringify(state.body) })),
    forgottenStates: change.forgottenStates ?? [],
    views: views.map((view) => ({ ...view, body: textOf(view.body) })),
    timers: change.timers ?? [],
    effects: effects.map((effect) => ({ ...effect, body: textOf(effect.body) })),
  };
}

function textOf(body: View['body']): string | null {
  return body === null ? null : JSON.stringify(body);
}
